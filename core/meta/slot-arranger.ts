import { type Member, type PeerId, Role } from '../model/node.ts';
import type { SlotTable } from '../model/slot-table.ts';
import { allocateSlots } from '../slot/allocation.ts';
import type { HeartbeatRequest } from '../wire/heartbeat.ts';
import { FollowerWatch } from './follower-watch.ts';
import type { Membership } from './membership.ts';

/** How far the copies of the slots are from what is configured. */
export interface ReplicationState {
  /** Copies of each slot that are configured, leader included. */
  readonly replicas: number;
  readonly dataNodes: number;
  /** Copies that the present Data nodes allow: with fewer nodes than replicas it is their number. */
  readonly possible: number;
  /** Slots of which not all possible copies are assigned and whole. */
  readonly incompleteSlots: number;
  /** Slots that have a copy on its way to another node. */
  readonly movingSlots: number;
}

/**
 * Feeds the slot allocation with what the members report: who has taken over which copies, what each slot weighs, where the nodes
 * stand. A report counts for giving copies up only when its sender knew the present table, so that a copy that was given up and
 * assigned again is not taken for whole; and while a Data node is not heard, nothing is moved for balance: a leader that does not hear
 * that it leads no more goes on beside the next one.
 */
export class SlotArranger {
  readonly #slotCount: number;
  readonly #replicas: number;
  readonly #membership: Membership;
  /** The last weight that a leader reported. */
  readonly #weights = new Map<number, number>();
  readonly #watch = new FollowerWatch();

  constructor(slotCount: number, replicas: number, membership: Membership) {
    this.#slotCount = slotCount;
    this.#replicas = replicas;
    this.#membership = membership;
  }

  noteWeights({ slots }: HeartbeatRequest): void {
    for (const slot of slots) if (slot.serving) this.#weights.set(slot.slotId, slot.weight);
  }

  /** The next table; `table` itself when nothing is to be changed. `restarted` nodes live but hold nothing of what the table says. */
  arrange(table: SlotTable, restarted: ReadonlySet<PeerId>, nowMs: number): SlotTable {
    const members = new Map(this.#dataNodes().map((member) => [member.peer, member]));
    this.#watch.note(
      table,
      (slotId) => this.#isServing(table, slotId),
      (slotId, peer) => this.#isSynced(table, slotId, peer, false),
    );
    const isHeard = [...members.keys()].every((peer) => this.#membership.isHeard(peer, nowMs));
    return allocateSlots({
      table,
      slotCount: this.#slotCount,
      replicas: this.#replicas,
      dataNodes: [...members.keys()],
      emptyNodes: restarted,
      placeOf: (peer) => ({ machine: machineOf(members.get(peer)), zone: members.get(peer)?.zone ?? '' }),
      weightOf: (slotId) => this.#weights.get(slotId) ?? 0,
      isUnfit: (slotId, peer) => this.#watch.isUnfit(slotId, peer),
      isSynced: (slotId, peer) => this.#isSynced(table, slotId, peer, true),
      wholeEpochOf: (slotId, peer) => this.#membership.wholeEpochOf(peer, slotId),
      isStable: isHeard && table.slots.every((slot) => this.#isServing(table, slot.slotId)),
    });
  }

  replication(table: SlotTable): ReplicationState {
    const dataNodes = this.#dataNodes().length;
    const possible = Math.min(this.#replicas, dataNodes);
    const incomplete = table.slots.filter((slot) => {
      const whole = slot.followers.filter((peer) => this.#isSynced(table, slot.slotId, peer, false)).length;
      return !this.#isServing(table, slot.slotId) || whole + 1 < possible;
    });
    const moving = table.slots.filter((slot) => slot.followers.length >= possible);
    return { replicas: this.#replicas, dataNodes, possible, incompleteSlots: incomplete.length, movingSlots: moving.length };
  }

  #dataNodes(): readonly Member[] {
    return this.#membership.members().filter((member) => member.role === Role.Data);
  }

  #isServing(table: SlotTable, slotId: number): boolean {
    const slot = table.slots[slotId];
    const report = slot === undefined ? undefined : this.#membership.report(slot.leader, slotId);
    return report?.serving === true && report.leaderEpoch === slot?.leaderEpoch;
  }

  #isSynced(table: SlotTable, slotId: number, peer: PeerId, mustKnowTable: boolean): boolean {
    const report = this.#membership.report(peer, slotId);
    if (report?.synced !== true || report.leaderEpoch !== table.slots[slotId]?.leaderEpoch) return false;
    return !mustKnowTable || this.#membership.tableEpochOf(peer) === table.epoch;
  }
}

/** The host of `host:port`; '' for nodes of one process. */
function machineOf(member: Member | undefined): string {
  const address = member?.address ?? '';
  return address.slice(0, Math.max(0, address.lastIndexOf(':')));
}
