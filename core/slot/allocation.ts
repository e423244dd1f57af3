import type { PeerId } from '../model/node.ts';
import type { Slot, SlotTable } from '../model/slot-table.ts';

/** What the allocation knows of the world. All of it is values, so the same input always gives the same table. */
export interface AllocationInput {
  readonly table: SlotTable;
  readonly slotCount: number;
  /** Copies of a slot, leader included. Fewer live nodes than that is a normal state. */
  readonly replicas: number;
  /** Live Data nodes, in any order. */
  readonly dataNodes: readonly PeerId[];
  /** Slots whose followers have applied their leader's log: only such a follower is given leadership while balancing. */
  readonly isSynced: (slotId: number, follower: PeerId) => boolean;
  /** True when every slot is served: only then is leadership moved for balance. */
  readonly isStable: boolean;
}

/** Leaders moved for balance in one round; SOFARegistry's number, small enough that each move's read pause stands alone. */
const LEADER_MOVES_PER_ROUND = 6;
const FOLLOWER_MOVES_PER_ROUND = 10;

/**
 * The next slot table. Failover first and without limit: a slot whose leader is gone is led by its follower with the fewest
 * leaderships, else by the least loaded node. Then missing followers are filled. Only a complete and stable table is
 * balanced, a few moves a round, and leadership moves only to a follower that is synced, so that the last copy is never lost.
 * Returns the same table object when nothing changes; otherwise the epoch is one higher, and so is every changed leader's epoch.
 */
export function allocateSlots(input: AllocationInput): SlotTable {
  const nodes = [...input.dataNodes].sort();
  if (nodes.length === 0) return input.table;
  const plan = new Plan(input, nodes);
  plan.dropDeadNodes();
  plan.assignLeaders();
  const filled = plan.fillFollowers();
  if (!plan.changed && !filled && input.isStable) plan.balance();
  return plan.result();
}

interface DraftSlot {
  leader: PeerId | undefined;
  leaderEpoch: number;
  followers: PeerId[];
}

class Plan {
  readonly #input: AllocationInput;
  readonly #nodes: readonly PeerId[];
  readonly #slots: DraftSlot[];
  readonly #leaders = new Map<PeerId, number>();
  readonly #follows = new Map<PeerId, number>();
  changed = false;

  constructor(input: AllocationInput, nodes: readonly PeerId[]) {
    this.#input = input;
    this.#nodes = nodes;
    this.#slots = Array.from({ length: input.slotCount }, (_, slotId) => {
      const slot = input.table.slots[slotId];
      return { leader: slot?.leader, leaderEpoch: slot?.leaderEpoch ?? 0, followers: [...(slot?.followers ?? [])] };
    });
    for (const node of nodes) {
      this.#leaders.set(node, 0);
      this.#follows.set(node, 0);
    }
  }

  dropDeadNodes(): void {
    const live = new Set(this.#nodes);
    for (const slot of this.#slots) {
      if (slot.leader !== undefined && !live.has(slot.leader)) {
        slot.leader = undefined;
        this.changed = true;
      }
      const followers = slot.followers.filter((peer) => live.has(peer)).slice(0, Math.max(0, this.#input.replicas - 1));
      if (followers.length !== slot.followers.length) this.changed = true;
      slot.followers = followers;
      if (slot.leader !== undefined) this.#count(this.#leaders, slot.leader, 1);
      for (const peer of followers) this.#count(this.#follows, peer, 1);
    }
  }

  assignLeaders(): void {
    const leaderless = this.#slots.filter((slot) => slot.leader === undefined);
    // A slot with one copy left is the most urgent; one with none cannot be rescued quickly, so it comes last.
    const urgency = (slot: DraftSlot) => (slot.followers.length === 0 ? Number.MAX_SAFE_INTEGER : slot.followers.length);
    leaderless.sort((a, b) => urgency(a) - urgency(b));
    for (const slot of leaderless) {
      const promoted = this.#least(slot.followers, this.#leaders, this.#follows);
      const leader = promoted ?? this.#least(this.#nodes, this.#leaders, this.#follows);
      if (leader === undefined) continue;
      if (promoted !== undefined) this.#removeFollower(slot, promoted);
      this.#lead(slot, leader);
    }
  }

  fillFollowers(): boolean {
    let filled = false;
    const wanted = Math.min(this.#input.replicas, this.#nodes.length) - 1;
    for (const slot of this.#slots) {
      while (slot.followers.length < wanted) {
        const candidates = this.#nodes.filter((peer) => peer !== slot.leader && !slot.followers.includes(peer));
        const follower = this.#least(candidates, this.#follows, this.#leaders);
        if (follower === undefined) break;
        slot.followers.push(follower);
        this.#count(this.#follows, follower, 1);
        this.changed = true;
        filled = true;
      }
    }
    return filled;
  }

  balance(): void {
    let leaderMoves = 0;
    let followerMoves = 0;
    for (let slotId = 0; slotId < this.#slots.length; slotId += 1) {
      const slot = this.#slots[slotId];
      if (slot?.leader === undefined) continue;
      if (leaderMoves < LEADER_MOVES_PER_ROUND && this.#moveLeader(slotId, slot, slot.leader)) leaderMoves += 1;
      else if (followerMoves < FOLLOWER_MOVES_PER_ROUND && this.#moveFollower(slot, slot.leader)) followerMoves += 1;
    }
  }

  result(): SlotTable {
    if (!this.changed) return this.#input.table;
    const slots: Slot[] = [];
    this.#slots.forEach((slot, slotId) => {
      if (slot.leader === undefined) throw new Error(`slot ${slotId} has no leader although there are nodes`);
      slots.push({ slotId, leader: slot.leader, leaderEpoch: slot.leaderEpoch, followers: [...slot.followers].sort() });
    });
    return { epoch: this.#input.table.epoch + 1, slots };
  }

  /** Gives leadership to a synced follower that leads at least two slots fewer: a smaller gap would flip back and forth. */
  #moveLeader(slotId: number, slot: DraftSlot, leader: PeerId): boolean {
    const synced = slot.followers.filter((peer) => this.#input.isSynced(slotId, peer));
    const target = this.#least(synced, this.#leaders, this.#follows);
    if (target === undefined || this.#of(this.#leaders, leader) - this.#of(this.#leaders, target) < 2) return false;
    this.#removeFollower(slot, target);
    this.#count(this.#leaders, leader, -1);
    slot.followers.push(leader);
    this.#count(this.#follows, leader, 1);
    this.#lead(slot, target);
    return true;
  }

  /** Moves a copy from the node with most copies to one with at least two fewer, so that a new node gets copies to lead later. */
  #moveFollower(slot: DraftSlot, leader: PeerId): boolean {
    const copies = new Map(this.#nodes.map((peer) => [peer, this.#of(this.#leaders, peer) + this.#of(this.#follows, peer)]));
    const outside = this.#nodes.filter((peer) => peer !== leader && !slot.followers.includes(peer));
    const target = this.#least(outside, copies, copies);
    const source = [...slot.followers].sort((a, b) => this.#of(copies, b) - this.#of(copies, a))[0];
    if (target === undefined || source === undefined || this.#of(copies, source) - this.#of(copies, target) < 2) return false;
    this.#removeFollower(slot, source);
    slot.followers.push(target);
    this.#count(this.#follows, target, 1);
    this.changed = true;
    return true;
  }

  #lead(slot: DraftSlot, leader: PeerId): void {
    slot.leader = leader;
    slot.leaderEpoch += 1;
    this.#count(this.#leaders, leader, 1);
    this.changed = true;
  }

  #removeFollower(slot: DraftSlot, peer: PeerId): void {
    slot.followers = slot.followers.filter((other) => other !== peer);
    this.#count(this.#follows, peer, -1);
  }

  #least(peers: readonly PeerId[], first: ReadonlyMap<PeerId, number>, second: ReadonlyMap<PeerId, number>): PeerId | undefined {
    let best: PeerId | undefined;
    for (const peer of peers) {
      if (best === undefined) best = peer;
      else if ((this.#of(first, peer) - this.#of(first, best) || this.#of(second, peer) - this.#of(second, best)) < 0) best = peer;
    }
    return best;
  }

  #of(counts: ReadonlyMap<PeerId, number>, peer: PeerId): number {
    return counts.get(peer) ?? 0;
  }

  #count(counts: Map<PeerId, number>, peer: PeerId, change: number): void {
    counts.set(peer, (counts.get(peer) ?? 0) + change);
  }
}
