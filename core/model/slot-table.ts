import type { PeerId } from './node.ts';

/** One shard: who leads it, since which epoch, and who follows. */
export interface Slot {
  readonly slotId: number;
  readonly leader: PeerId;
  /** Grows each time the leader changes; fences messages that were meant for an earlier leader. */
  readonly leaderEpoch: number;
  /** Distinct, never containing the leader, sorted. */
  readonly followers: readonly PeerId[];
}

/** The whole assignment. Immutable; a change makes a new table with a higher epoch. Index in `slots` = slotId. */
export interface SlotTable {
  readonly epoch: number;
  readonly slots: readonly Slot[];
}

/** Before Meta has assigned anything. */
export const EMPTY_SLOT_TABLE: SlotTable = { epoch: 0, slots: [] };

/** What a slot's holder answers to a request (SOFARegistry's SlotAccess). */
export const SlotStatus = {
  /** Leader, complete: reads and writes allowed. */
  Accept: 'accept',
  /** Leader, not yet compared with every Session: writes allowed, reads refused. */
  Migrating: 'migrating',
  /** Not the leader: refresh the table. */
  Moved: 'moved',
  /** Leader, but of another leader epoch than the request names: refresh the table. */
  MisMatch: 'mismatch',
} as const;
export type SlotStatus = (typeof SlotStatus)[keyof typeof SlotStatus];
