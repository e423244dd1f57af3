import type { SlotReplica } from './slot-replica.ts';

/** What a Data node shows of a slot to operators and to the simulator's checkers. */
export interface SlotSummary {
  readonly slotId: number;
  readonly role: 'leader' | 'follower';
  readonly phase: 'follower' | 'migrating' | 'serving';
  readonly leaderEpoch: number;
  readonly isSynced: boolean;
  readonly publishers: number;
  /** Equal on copies that hold the same. */
  readonly digest: string;
  /** Of the last change, as leader made or as follower applied. */
  readonly sequence: number;
  /** As leader: changes that its slowest receiver has not applied. */
  readonly lag: number;
}

export function summarize(replica: SlotReplica, lag: number): SlotSummary {
  const { kind } = replica.phase;
  const { count, xorHigh, xorLow, sumHigh, sumLow } = replica.store.root;
  return {
    slotId: replica.slotId,
    role: replica.isLeader ? 'leader' : 'follower',
    phase: kind,
    leaderEpoch: replica.leaderEpoch,
    isSynced: replica.phase.kind === 'follower' ? replica.phase.isSynced : true,
    publishers: replica.store.publisherCount,
    digest: [count, xorHigh, xorLow, sumHigh, sumLow].map((part) => part.toString(16)).join('-'),
    sequence: replica.isLeader ? replica.log.sequence : replica.applied,
    lag,
  };
}
