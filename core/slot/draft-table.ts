import type { PeerId } from '../model/node.ts';
import type { Slot, SlotTable } from '../model/slot-table.ts';

/** What a slot costs beside what is in it, in publishers: nearly empty slots are balanced by their number. */
const OWN_WEIGHT = 10;

/** A slot while a table is being made. Nodes are indexes into the draft's nodes. */
export interface DraftSlot {
  readonly slotId: number;
  /** What the slot costs its leader, and nearly what it costs a follower. */
  readonly weight: number;
  leader: number | undefined;
  leaderEpoch: number;
  followers: number[];
}

/** Sums of slot weights: per node of the slots it leads and of all copies it holds, per two nodes of the slots that both hold. */
export class Loads {
  readonly #leads: Float64Array;
  readonly #copies: Float64Array;
  readonly #shared: Float64Array;

  constructor(nodeCount: number) {
    this.#leads = new Float64Array(nodeCount);
    this.#copies = new Float64Array(nodeCount);
    this.#shared = new Float64Array(nodeCount * nodeCount);
  }

  /** Counts a slot that some nodes hold, one of whom leads it. */
  count(leader: number | undefined, followers: readonly number[], weight: number): void {
    const held: number[] = [];
    for (const node of leader === undefined ? followers : [leader, ...followers]) {
      this.hold(node, held, weight);
      held.push(node);
    }
    if (leader !== undefined) this.lead(leader, weight);
  }

  lead(node: number, weight: number): void {
    this.#leads[node] = this.leadOf(node) + weight;
  }

  /** Counts a copy beside those that other nodes hold of the slot. */
  hold(node: number, beside: readonly number[], weight: number): void {
    this.#copies[node] = this.copyOf(node) + weight;
    for (const other of beside) {
      const shared = this.#sharedBy(node, other) + weight;
      this.#shared[node * this.#copies.length + other] = shared;
      this.#shared[other * this.#copies.length + node] = shared;
    }
  }

  leadOf(node: number): number {
    return this.#leads[node] ?? 0;
  }

  copyOf(node: number): number {
    return this.#copies[node] ?? 0;
  }

  /** What a node shares with some others: so much it may have to take over from them. */
  sharedWith(others: readonly number[], node: number): number {
    let shared = 0;
    for (const other of others) shared += this.#sharedBy(node, other);
    return shared;
  }

  #sharedBy(one: number, other: number): number {
    return this.#shared[one * this.#copies.length + other] ?? 0;
  }
}

/** The next table in the making: live nodes in the order of their names, and what changed since the last table. */
export class DraftTable {
  readonly nodes: readonly PeerId[];
  readonly slots: readonly DraftSlot[];
  /** A copy was on a node that is gone. */
  readonly isShorter: boolean;
  readonly #last: SlotTable;

  constructor(last: SlotTable, slotCount: number, nodes: readonly PeerId[], weightOf: (slotId: number) => number) {
    this.#last = last;
    this.nodes = [...nodes].sort();
    const indexes = new Map(this.nodes.map((peer, index) => [peer, index]));
    this.slots = Array.from({ length: slotCount }, (_, slotId) => {
      const slot = last.slots[slotId];
      const followers = (slot?.followers ?? []).map((peer) => indexes.get(peer)).filter((node) => node !== undefined);
      const leader = slot === undefined ? undefined : indexes.get(slot.leader);
      return { slotId, weight: OWN_WEIGHT + weightOf(slotId), leader, leaderEpoch: slot?.leaderEpoch ?? 0, followers };
    });
    this.isShorter = this.slots.some((slot) => slot.followers.length < (last.slots[slot.slotId]?.followers.length ?? 0));
  }

  peer(node: number): PeerId {
    return this.nodes[node] as PeerId;
  }

  /** Makes a node the leader. Who led so far keeps its copy as a follower. */
  lead(slot: DraftSlot, node: number): void {
    const followers = slot.followers.filter((other) => other !== node);
    slot.followers = slot.leader === undefined ? followers : [...followers, slot.leader];
    slot.leader = node;
    slot.leaderEpoch += 1;
  }

  /** The table as it is now, each slot as it stands; loads of slots without a leader count their followers only. */
  loads(): Loads {
    const loads = new Loads(this.nodes.length);
    for (const { leader, followers, weight } of this.slots) loads.count(leader, followers, weight);
    return loads;
  }

  /** The last table itself when nothing is different; otherwise one with the next epoch. */
  result(): SlotTable {
    const slots = this.slots.map(({ slotId, leader, leaderEpoch, followers }): Slot => {
      if (leader === undefined) throw new Error(`slot ${slotId} has no leader although there are nodes`);
      return { slotId, leader: this.peer(leader), leaderEpoch, followers: followers.map((node) => this.peer(node)).sort() };
    });
    if (slots.every((slot) => isSame(slot, this.#last.slots[slot.slotId]))) return this.#last;
    return { epoch: this.#last.epoch + 1, slots };
  }
}

function isSame(slot: Slot, last: Slot | undefined): boolean {
  return (
    last?.leader === slot.leader &&
    last.leaderEpoch === slot.leaderEpoch &&
    last.followers.length === slot.followers.length &&
    last.followers.every((peer, index) => slot.followers[index] === peer)
  );
}
