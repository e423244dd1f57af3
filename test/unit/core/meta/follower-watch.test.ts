import { describe, expect, it } from 'vitest';
import { FollowerWatch } from '../../../../core/meta/follower-watch.ts';
import type { PeerId } from '../../../../core/model/node.ts';
import type { SlotTable } from '../../../../core/model/slot-table.ts';

const [A, B] = ['a/data', 'b/data'] as [PeerId, PeerId];
const TABLE: SlotTable = { epoch: 1, slots: [{ slotId: 0, leader: A, leaderEpoch: 1, followers: [B] }] };

function watched(rounds: number, isServed: boolean, isSynced: boolean, watch = new FollowerWatch()): FollowerWatch {
  for (let round = 0; round < rounds; round += 1)
    watch.note(
      TABLE,
      () => isServed,
      () => isSynced,
    );
  return watch;
}

describe('a follower', () => {
  it('is unfit when it is not whole for a minute although its slot is served', () => {
    expect(watched(55, true, false).isUnfit(0, B)).toBe(false);
    expect(watched(65, true, false).isUnfit(0, B)).toBe(true);
    expect(watched(65, true, false).isUnfit(1, B)).toBe(false);
  });

  it('is not late while its slot is not served, or when it is whole', () => {
    expect(watched(600, false, false).isUnfit(0, B)).toBe(false);
    expect(watched(600, true, true).isUnfit(0, B)).toBe(false);
    const interrupted = watched(20, false, false, watched(50, true, false));
    expect(watched(50, true, false, interrupted).isUnfit(0, B)).toBe(false);
  });

  it('gets another chance when it becomes whole, and after ten minutes', () => {
    const watch = watched(65, true, false);
    expect(watched(1, true, true, watch).isUnfit(0, B)).toBe(false);
    const later = watched(65, true, false);
    const empty: SlotTable = { epoch: 2, slots: [{ slotId: 0, leader: A, leaderEpoch: 1, followers: [] }] };
    const pass = (rounds: number) => {
      for (let round = 0; round < rounds; round += 1)
        later.note(
          empty,
          () => true,
          () => false,
        );
    };
    pass(500);
    expect(later.isUnfit(0, B)).toBe(true);
    pass(100);
    expect(later.isUnfit(0, B)).toBe(false);
  });
});
