import { describe, expect, it } from 'vitest';
import { SlotReplica } from '../../../../core/data/slot-replica.ts';
import type { PeerId } from '../../../../core/model/node.ts';

const [SELF, OTHER] = ['d1/data', 'd2/data'] as [PeerId, PeerId];
const ledBy = (leader: PeerId, leaderEpoch: number) => ({ slotId: 3, leader, leaderEpoch, followers: [leader === SELF ? OTHER : SELF] });

describe('what a copy reports to Meta', () => {
  it('is as a follower the last leader epoch under which it was whole', () => {
    const replica = new SlotReplica(ledBy(OTHER, 1), SELF);
    expect(replica.report(0)).toMatchObject({ leaderEpoch: 1, synced: false });
    replica.becomeSynced(true);
    expect(replica.report(0)).toMatchObject({ leaderEpoch: 1, synced: true });
    replica.assign(ledBy(OTHER, 2), SELF);
    expect(replica.report(0)).toMatchObject({ leaderEpoch: 1, synced: true });
    replica.assign(ledBy(OTHER, 4), SELF);
    replica.becomeSynced(true);
    expect(replica.report(0)).toMatchObject({ leaderEpoch: 4, synced: true });
  });

  it('counts what it served as a leader, and nothing before it serves', () => {
    const replica = new SlotReplica(ledBy(SELF, 1), SELF);
    expect(replica.report(0)).toMatchObject({ leaderEpoch: 1, serving: false, synced: false });
    replica.becomeServing();
    expect(replica.report(0)).toMatchObject({ leaderEpoch: 1, serving: true, synced: false });
    replica.assign(ledBy(OTHER, 2), SELF);
    expect(replica.report(0)).toMatchObject({ leaderEpoch: 1, serving: false, synced: true });
  });

  it('is no more the present epoch when it fell behind its leader', () => {
    const replica = new SlotReplica(ledBy(OTHER, 3), SELF);
    replica.becomeSynced(true);
    replica.becomeSynced(false);
    expect(replica.report(0)).toMatchObject({ leaderEpoch: 2, synced: true });
  });
});

describe('a copy that leads', () => {
  it('may be copied before it serves when it was whole and has read the others', () => {
    const replica = new SlotReplica(ledBy(OTHER, 1), SELF);
    replica.becomeSynced(true);
    replica.assign(ledBy(SELF, 2), SELF);
    expect(replica.mayBeCopied).toBe(false);
    replica.becomeRefilled();
    expect(replica.mayBeCopied).toBe(true);
  });

  it('may be copied only when it serves when it began with less than the others may have', () => {
    const replica = new SlotReplica(ledBy(SELF, 2), SELF);
    replica.becomeRefilled();
    expect(replica.mayBeCopied).toBe(false);
    replica.becomeServing();
    expect(replica.mayBeCopied).toBe(true);
    replica.assign(ledBy(OTHER, 3), SELF);
    expect(replica.mayBeCopied).toBe(false);
  });
});
