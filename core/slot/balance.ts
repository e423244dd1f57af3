import type { PeerId } from '../model/node.ts';
import type { DraftSlot, DraftTable, Loads } from './draft-table.ts';
import type { Placement } from './placement.ts';

/** A node this far from the average load, in leaderships or copies, starts a round of moves. */
const TOLERANCE = 0.08;
/** Moves then go on until all are as near as this, and none is made for less: weights that waver do not move slots back and forth. */
const REST = 0.04;
/** Leaders moved for balance in one round; SOFARegistry's number, small enough that each move's read pause stands alone. */
const LEADER_MOVES_PER_ROUND = 6;
/** Slots that have a copy on its way to another node at one time, whatever they weigh. */
const COPIES_UNDER_WAY = 10;
/** More are begun while all that are under way weigh no more than this, about five megabytes of publishers. */
const WEIGHT_UNDER_WAY = 10_000;
/** But never more than this: each takes a round or two of reports, and what has changed meanwhile is seen only afterwards. */
const COPIES_UNDER_WAY_AT_MOST = 40;
/** Nodes with the least of each load that are looked at as targets: with more, a large cluster's round takes long and gains little. */
const TARGETS = 4;
/** Of a move's gain, as much is given up at most for one that brings together nodes which share less: what one leads is then taken over by many. */
const SPREADING_SHARE = 0.03;

/** Who shall hold a slot in the end. */
interface Arrangement {
  readonly leader: number;
  readonly followers: readonly number[];
}

/**
 * Moves slots towards even loads, a few steps a round. A complete table is expected.
 *
 *     1. A copy is added on the target, beyond the number of replicas: nothing is given up for it.
 *     2. The target has applied the log. If it is to lead, it becomes the leader, and who led so far keeps its copy.
 *     3. The new leader serves, and all copies that stay are synced: the surplus one is given up.
 *
 * So a slot's last whole copy is never given up, also with a single replica. Steps 2 and 3 need no memory: of the copies a slot has,
 * those that are best for placement and load stay. A leadership that only changes between existing copies is the second step alone.
 * What is compared is the sum over all nodes of (load of led slots)^2 and (load of copies)^2, so that rounds come to an end.
 */
export function balanceSlots(
  draft: DraftTable,
  placement: Placement,
  copies: number,
  isSynced: (slotId: number, follower: PeerId) => boolean,
): void {
  const balance = new Balance(draft, placement, copies, isSynced);
  balance.finishMoves();
  balance.spreadOut();
  if (!balance.isUneven(TOLERANCE)) return;
  balance.moveLeaders();
  balance.moveCopies();
}

class Balance {
  readonly #draft: DraftTable;
  readonly #placement: Placement;
  readonly #copies: number;
  readonly #isSynced: (slotId: number, follower: PeerId) => boolean;
  /** As if all moves under way had ended. */
  readonly #loads: Loads;
  readonly #goals = new Map<DraftSlot, Arrangement>();
  readonly #averageLead: number;
  readonly #averageCopy: number;
  /** Slots that are not moving and were not touched in this round. */
  readonly #resting: Set<DraftSlot>;
  #leaderMoves = 0;
  #copiesUnderWay: number;
  #weightUnderWay: number;

  constructor(draft: DraftTable, placement: Placement, copies: number, isSynced: (slotId: number, follower: PeerId) => boolean) {
    this.#draft = draft;
    this.#placement = placement;
    this.#copies = copies;
    this.#isSynced = isSynced;
    const total = draft.slots.reduce((sum, slot) => sum + slot.weight, 0);
    this.#averageLead = total / draft.nodes.length;
    this.#averageCopy = (total * copies) / draft.nodes.length;
    this.#loads = draft.loads();
    const moving = draft.slots.filter((slot) => slot.followers.length >= copies);
    for (const slot of moving) this.#count(slot, presentOf(slot), -1);
    for (const slot of moving) {
      const goal = this.#best(slot, heldBy(slot));
      this.#goals.set(slot, goal);
      this.#count(slot, goal, 1);
    }
    this.#resting = new Set(draft.slots.filter((slot) => !this.#goals.has(slot)));
    this.#copiesUnderWay = moving.length;
    this.#weightUnderWay = moving.reduce((sum, slot) => sum + slot.weight, 0);
  }

  isUneven(tolerance: number): boolean {
    return this.#draft.nodes.some((_peer, node) => this.#isOff(node, tolerance));
  }

  /** Second and third step of the moves under way. */
  finishMoves(): void {
    for (const [slot, goal] of this.#goals) {
      const isSynced = (node: number) => this.#isSynced(slot.slotId, this.#draft.peer(node));
      if (goal.leader !== slot.leader) {
        if (this.#leaderMoves >= LEADER_MOVES_PER_ROUND || !isSynced(goal.leader)) continue;
        this.#draft.lead(slot, goal.leader);
        this.#leaderMoves += 1;
      } else if (goal.followers.every(isSynced)) {
        slot.followers = [...goal.followers];
        this.#copiesUnderWay -= 1;
        this.#weightUnderWay -= slot.weight;
      }
    }
  }

  /** Begins to move copies that stand closer together than they need to. */
  spreadOut(): void {
    for (const slot of [...this.#resting]) {
      if (!this.#mayBegin()) return;
      const present = presentOf(slot);
      let crowding = this.#placement.crowding(slot.slotId, heldBy(slot));
      if (crowding === 0) continue;
      this.#count(slot, present, -1);
      let goal: Arrangement | undefined;
      for (const target of this.#outside(slot)) {
        const candidate = this.#best(slot, [...heldBy(slot), target]);
        const candidateCrowding = this.#placement.crowding(slot.slotId, [candidate.leader, ...candidate.followers]);
        const isBetter =
          candidateCrowding < crowding ||
          (goal !== undefined && candidateCrowding === crowding && this.#score(slot, candidate) < this.#score(slot, goal));
        if (!isBetter) continue;
        goal = candidate;
        crowding = candidateCrowding;
      }
      this.#count(slot, present, 1);
      if (goal !== undefined) this.#begin(slot, goal);
    }
  }

  /** Gives leaderships to synced followers. */
  moveLeaders(): void {
    while (this.#leaderMoves < LEADER_MOVES_PER_ROUND) {
      let best: { readonly slot: DraftSlot; readonly leader: number; readonly gain: number } | undefined;
      for (const slot of this.#resting) {
        for (const follower of slot.followers) {
          const gain = this.#leaderGain(slot, follower);
          if (gain > (best?.gain ?? 0) && this.#isSynced(slot.slotId, this.#draft.peer(follower))) best = { slot, leader: follower, gain };
        }
      }
      if (best === undefined) return;
      const { slot, leader } = best;
      this.#count(slot, presentOf(slot), -1);
      this.#draft.lead(slot, leader);
      this.#count(slot, presentOf(slot), 1);
      this.#resting.delete(slot);
      this.#leaderMoves += 1;
    }
  }

  /** First step: begins to move copies, and leaderships with them, to nodes that have less. */
  moveCopies(): void {
    while (this.#mayBegin() && this.isUneven(REST)) {
      const targets = this.#targets();
      let best: { readonly slot: DraftSlot; readonly goal: Arrangement; readonly gain: number } | undefined;
      for (const slot of this.#resting) {
        const candidate = this.#bestMove(slot, targets);
        if (candidate !== undefined && candidate.gain > (best?.gain ?? 0)) best = { slot, ...candidate };
      }
      if (best === undefined) return;
      this.#begin(best.slot, best.goal);
    }
  }

  #leaderGain(slot: DraftSlot, follower: number): number {
    const leader = slot.leader ?? 0;
    if (!this.#isOffLead(leader, REST) && !this.#isOffLead(follower, REST)) return 0;
    const difference = this.#loads.leadOf(leader) - slot.weight - this.#loads.leadOf(follower);
    return slot.weight * (difference - this.#averageLead * REST);
  }

  /** The best way to bring a slot's copy to one of some nodes. Without a list in the innermost loop: it runs for every slot. */
  #bestMove(slot: DraftSlot, targets: readonly number[]): { readonly goal: Arrangement; readonly gain: number } | undefined {
    const { weight } = slot;
    const held = heldBy(slot);
    if (!held.some((node) => this.#loads.copyOf(node) > this.#averageCopy || this.#loads.leadOf(node) > this.#averageLead))
      return undefined;
    const loss = this.#averageCopy * REST;
    const copiesNow = held.reduce((sum, node) => sum + this.#loads.copyOf(node) - weight, 0);
    const scoreNow = copiesNow + this.#leadScore(slot, held[0] as number);
    let best: { readonly goal: Arrangement; readonly gain: number } | undefined;
    for (const target of targets) {
      if (held.includes(target)) continue;
      for (const given of held) {
        let leader = target;
        for (const node of held) if (node !== given && this.#leadScore(slot, node) <= this.#leadScore(slot, leader)) leader = node;
        const copies = copiesNow - (this.#loads.copyOf(given) - weight) + this.#loads.copyOf(target);
        const evened = weight * (scoreNow - copies - this.#leadScore(slot, leader) - loss);
        if (evened <= (best?.gain ?? 0)) continue;
        const staying = held.filter((node) => node !== given);
        const gain = evened * this.#spreading(staying, target);
        if (gain <= (best?.gain ?? 0)) continue;
        const members = [...staying, target];
        if (this.#placement.crowding(slot.slotId, members) > this.#placement.crowding(slot.slotId, held)) continue;
        best = { goal: { leader, followers: members.filter((node) => node !== leader) }, gain };
      }
    }
    return best;
  }

  /** 1 for a node that shares nothing with those that stay, less the more it shares, up to twice the average. */
  #spreading(staying: readonly number[], target: number): number {
    if (staying.length === 0) return 1;
    const average = (this.#averageCopy * (this.#copies - 1)) / (this.#draft.nodes.length - 1);
    return 1 - SPREADING_SHARE * Math.min(1, this.#loads.sharedWith(staying, target) / (2 * average * staying.length));
  }

  /** The part of a score that a leader makes, without the slot's own weight. */
  #leadScore(slot: DraftSlot, node: number): number {
    if (node === slot.leader) return this.#copies * (this.#loads.leadOf(node) - slot.weight);
    return this.#copies * this.#loads.leadOf(node) + this.#averageCopy * REST;
  }

  /** Adds the copy that the goal needs. */
  #begin(slot: DraftSlot, goal: Arrangement): void {
    this.#count(slot, presentOf(slot), -1);
    this.#count(slot, goal, 1);
    const held = heldBy(slot);
    slot.followers = [...slot.followers, ...[goal.leader, ...goal.followers].filter((node) => !held.includes(node))];
    this.#resting.delete(slot);
    this.#copiesUnderWay += 1;
    this.#weightUnderWay += slot.weight;
  }

  #mayBegin(): boolean {
    if (this.#copiesUnderWay < COPIES_UNDER_WAY) return true;
    return this.#copiesUnderWay < COPIES_UNDER_WAY_AT_MOST && this.#weightUnderWay < WEIGHT_UNDER_WAY;
  }

  /** Of some nodes the ones that should hold a slot, whose own weight must not be in the loads. */
  #best(slot: DraftSlot, nodes: readonly number[]): Arrangement {
    let best: Arrangement | undefined;
    let bestCrowding = 0;
    let bestScore = 0;
    for (const members of subsets(nodes, this.#copies)) {
      const crowding = this.#placement.crowding(slot.slotId, members);
      for (const leader of members) {
        const arrangement = { leader, followers: members.filter((node) => node !== leader) };
        const score = this.#score(slot, arrangement);
        if (best !== undefined && (crowding - bestCrowding || score - bestScore) >= 0) continue;
        best = arrangement;
        bestCrowding = crowding;
        bestScore = score;
      }
    }
    return best ?? presentOf(slot);
  }

  /** How full the nodes of an arrangement are, leaderships counting as much as all copies together. Less is better. */
  #score(slot: DraftSlot, { leader, followers }: Arrangement): number {
    let score = this.#copies * this.#loads.leadOf(leader) + this.#loads.copyOf(leader);
    for (const node of followers) score += this.#loads.copyOf(node);
    return leader === slot.leader ? score : score + this.#averageCopy * REST;
  }

  #targets(): readonly number[] {
    const nodes = [...this.#draft.nodes.keys()];
    const byCopies = [...nodes].sort((a, b) => this.#loads.copyOf(a) - this.#loads.copyOf(b)).slice(0, TARGETS);
    const byLeads = [...nodes].sort((a, b) => this.#loads.leadOf(a) - this.#loads.leadOf(b)).slice(0, TARGETS);
    const isBelow = (node: number) => this.#loads.copyOf(node) < this.#averageCopy || this.#loads.leadOf(node) < this.#averageLead;
    return [...new Set([...byCopies, ...byLeads])].filter(isBelow).sort((a, b) => a - b);
  }

  #outside(slot: DraftSlot): readonly number[] {
    const held = heldBy(slot);
    return [...this.#draft.nodes.keys()].filter((node) => !held.includes(node));
  }

  #isOff(node: number, tolerance: number): boolean {
    const off = Math.abs(this.#loads.copyOf(node) - this.#averageCopy);
    return this.#isOffLead(node, tolerance) || off > tolerance * this.#averageCopy;
  }

  #isOffLead(node: number, tolerance: number): boolean {
    return Math.abs(this.#loads.leadOf(node) - this.#averageLead) > tolerance * this.#averageLead;
  }

  #count({ weight }: DraftSlot, { leader, followers }: Arrangement, sign: 1 | -1): void {
    this.#loads.count(leader, followers, sign * weight);
  }
}

function presentOf(slot: DraftSlot): Arrangement {
  return { leader: slot.leader ?? 0, followers: slot.followers };
}

function heldBy(slot: DraftSlot): readonly number[] {
  return [slot.leader ?? 0, ...slot.followers];
}

/** All choices of `size` items, in the order of the items. */
function subsets(items: readonly number[], size: number): readonly (readonly number[])[] {
  if (size === 0) return [[]];
  if (items.length < size) return [];
  const [first = 0, ...rest] = items;
  return [...subsets(rest, size - 1).map((subset) => [first, ...subset]), ...subsets(rest, size)];
}
