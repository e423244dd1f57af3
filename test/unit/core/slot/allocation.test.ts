import { describe, expect, it } from 'vitest';
import type { PeerId } from '../../../../core/model/node.ts';
import { EMPTY_SLOT_TABLE, type SlotTable } from '../../../../core/model/slot-table.ts';
import type { AllocationInput } from '../../../../core/slot/allocation.ts';
import { allocate, everybody, nobody, peers } from './cluster-history.ts';

const [A, B, C, D] = ['a/data', 'b/data', 'c/data', 'd/data'] as [PeerId, PeerId, PeerId, PeerId];
const TWO = { slotCount: 4, replicas: 2 };

describe('the first table', () => {
  it('is not made while no node lives', () => {
    expect(allocate(TWO, EMPTY_SLOT_TABLE, [])).toBe(EMPTY_SLOT_TABLE);
  });

  it('gives the only node everything, without followers', () => {
    const table = allocate({ slotCount: 3, replicas: 3 }, EMPTY_SLOT_TABLE, [A]);
    expect(table).toEqual({
      epoch: 1,
      slots: [0, 1, 2].map((slotId) => ({ slotId, leader: A, leaderEpoch: 1, followers: [] })),
    });
  });

  it('gives every slot as many copies as there are nodes, at most the number of replicas', () => {
    for (const [replicas, nodes, followers] of [
      [1, 5, 0],
      [2, 5, 1],
      [3, 5, 2],
      [3, 2, 1],
      [3, 3, 2],
    ] as const) {
      const table = allocate({ slotCount: 16, replicas }, EMPTY_SLOT_TABLE, peers(nodes));
      expect(
        table.slots.map((slot) => slot.followers.length),
        `${replicas} replicas, ${nodes} nodes`,
      ).toEqual(Array(16).fill(followers));
    }
  });
});

describe('a node that is gone', () => {
  const before = tableOf([A, B], [B, A], [A, C], [C, B]);

  it('hands its leaderships to the followers, and to nobody else', () => {
    const after = allocate(TWO, before, [B, C, D]);
    expect(after.slots.map((slot) => slot.leader)).toEqual([B, B, C, C]);
    expect(after.slots.map((slot) => slot.leaderEpoch)).toEqual([2, 1, 2, 1]);
    expect(after.epoch).toBe(before.epoch + 1);
  });

  it('is replaced as a follower', () => {
    const after = allocate(TWO, before, [B, C, D]);
    for (const slot of after.slots) expect(slot.followers, `slot ${slot.slotId}`).toHaveLength(1);
    expect(after.slots.flatMap((slot) => slot.followers)).not.toContain(A);
  });

  it('is not waited for, however many slots it led and whether or not the others are served', () => {
    const many = tableOf(...Array.from({ length: 64 }, () => [A, B] as const));
    const after = allocate({ slotCount: 64, replicas: 2 }, many, [B, C], { isStable: false });
    expect(after.slots.every((slot) => slot.leader === B)).toBe(true);
  });

  it('together with all copies of a slot leaves it to the least loaded node, with a higher leader epoch', () => {
    const lost = tableOf([A, B], [C, D], [C, D], [D, C]);
    const after = allocate(TWO, lost, [C, D]);
    expect(after.slots[0]).toMatchObject({ leader: D, leaderEpoch: 2, followers: [C] });
  });

  it('leaves the survivors their leaderships', () => {
    const after = allocate(TWO, before, [B, C]);
    expect(after.slots[1]).toMatchObject({ leader: B, leaderEpoch: 1 });
    expect(after.slots[3]).toMatchObject({ leader: C, leaderEpoch: 1 });
  });

  it('takes the last one with it: the table stays as it was until somebody comes', () => {
    expect(allocate(TWO, before, [])).toBe(before);
  });

  it('among two followers gives way to the one with fewer leaderships', () => {
    const table = tableOf([A, B, C], [B, C, D], [D, B, C], [D, B, C]);
    const after = allocate({ slotCount: 4, replicas: 3 }, table, [B, C, D]);
    expect(after.slots[0]?.leader).toBe(C);
  });
});

describe('balancing', () => {
  /** A leads everything, B has joined and follows. */
  const lopsided = (slotCount: number) => tableOf(...Array.from({ length: slotCount }, () => [A, B] as const));

  it('moves leaderships to a synced follower', () => {
    const after = allocate(TWO, lopsided(4), [A, B]);
    expect(after.slots.map((slot) => slot.leader)).toEqual([B, B, A, A]);
    expect(after.slots.map((slot) => slot.leaderEpoch)).toEqual([2, 2, 1, 1]);
    expect(after.slots[0]?.followers).toEqual([A]);
  });

  it('moves at most six leaderships in one round', () => {
    const after = allocate({ slotCount: 64, replicas: 2 }, lopsided(64), [A, B]);
    expect(after.slots.filter((slot) => slot.leader === B)).toHaveLength(6);
  });

  it.each([
    ['forty copies of nearly empty slots', 0, 40],
    ['as many as weigh 10,000 publishers', 390, 25],
    ['ten, however heavy they are', 40_000, 10],
  ])('begins to move at most %s to a new node', (_name, weight, count) => {
    const size = { slotCount: 256, replicas: 2 };
    const settled = tableOf(...Array.from({ length: 256 }, (_, i) => (i % 2 === 0 ? ([A, B] as const) : ([B, A] as const))));
    const after = allocate(size, settled, [A, B, C], { weightOf: () => weight });
    expect(after.slots.filter((slot) => slot.followers.includes(C))).toHaveLength(count);
    expect(after.slots.map((slot) => slot.leader)).toEqual(settled.slots.map((slot) => slot.leader));
  });

  it.each([
    ['the follower is not synced', { isSynced: nobody }],
    ['a slot somewhere is not served', { isStable: false }],
    ['both', { isSynced: nobody, isStable: false }],
  ])('waits while %s', (_name, more) => {
    const table = lopsided(64);
    expect(allocate({ slotCount: 64, replicas: 2 }, table, [A, B], more)).toBe(table);
  });

  it('asks for the follower and the slot that are to be moved', () => {
    const isSynced = (slotId: number, follower: PeerId) => follower === B && slotId === 3;
    const after = allocate(TWO, lopsided(4), [A, B], { isSynced });
    expect(after.slots.map((slot) => slot.leader)).toEqual([A, A, A, B]);
  });

  it('does not move one slot back and forth between two nodes', () => {
    const table = tableOf([A, B], [B, A], [A, B]);
    expect(allocate({ slotCount: 3, replicas: 2 }, table, [A, B])).toBe(table);
  });

  it('waits until failover and filling are done', () => {
    const table = tableOf(...Array.from({ length: 16 }, (_, i) => (i === 0 ? ([A, C] as const) : ([A, B] as const))));
    const after = allocate({ slotCount: 16, replicas: 2 }, table, [A, B], { isSynced: everybody });
    expect(after.slots.every((slot) => slot.leader === A)).toBe(true);
    expect(after.slots[0]?.followers).toEqual([B]);
  });

  it('moves a slot that has one copy through a second one', () => {
    const size = { slotCount: 4, replicas: 1 };
    const table = tableOf([A], [A], [A], [A]);
    const added = allocate(size, table, [A, B], { isSynced: nobody });
    expect(added.slots.map(({ leader, followers }) => [leader, ...followers])).toEqual([[A, B], [A, B], [A], [A]]);
    expect(allocate(size, added, [A, B], { isSynced: nobody })).toBe(added);
    const led = allocate(size, added, [A, B]);
    expect(led.slots.map(({ leader, followers }) => [leader, ...followers])).toEqual([[B, A], [B, A], [A], [A]]);
    expect(allocate(size, led, [A, B], { isStable: false })).toBe(led);
    const done = allocate(size, led, [A, B]);
    expect(done.slots.map(({ leader, followers }) => [leader, ...followers])).toEqual([[B], [B], [A], [A]]);
    expect(done.slots.map((slot) => slot.leaderEpoch)).toEqual([2, 2, 1, 1]);
    expect(allocate(size, done, [A, B])).toBe(done);
  });
});

describe('a restarted node', () => {
  const emptyNodes = new Set([A]);

  it('holds nothing: its slots go to their followers, and it is filled again as a follower', () => {
    const after = allocate(TWO, tableOf([A, B], [B, A], [A, C], [C, B]), [A, B, C], { emptyNodes });
    expect(after.slots.map((slot) => slot.leader)).toEqual([B, B, C, C]);
    expect(after.slots.map((slot) => slot.leaderEpoch)).toEqual([2, 1, 2, 1]);
    expect(after.slots.map((slot) => slot.followers)).toEqual([[A], [A], [A], [B]]);
  });

  it('leads under a new epoch what nobody else holds', () => {
    const after = allocate({ slotCount: 2, replicas: 1 }, tableOf([A], [B]), [A, B], { emptyNodes });
    expect(after.slots.map(({ leader, leaderEpoch }) => [leader, leaderEpoch])).toEqual([
      [A, 2],
      [B, 1],
    ]);
  });

  it('leads what its followers had not taken over yet, because its restart cache knows more', () => {
    const after = allocate(TWO, tableOf([A, B], [B, A], [A, B], [B, A]), [A, B], { emptyNodes, isSynced: (slotId) => slotId === 2 });
    expect(after.slots.map((slot) => slot.leader)).toEqual([A, B, B, B]);
  });
});

describe('a lost leader', () => {
  const size = { slotCount: 2, replicas: 3 };
  const is = (wanted: PeerId) => (_slotId: number, peer: PeerId) => peer === wanted;
  /** Who leads the two slots of A, which B and C follow, after A is lost. */
  const leadersAfter = (more: Partial<AllocationInput>) =>
    allocate(size, tableOf([A, B, C], [A, B, C]), [B, C], more).slots.map((slot) => slot.leader);

  it('is replaced by a synced follower, else by one that was synced under an earlier table', () => {
    expect(leadersAfter({ isSynced: is(C) })).toEqual([C, C]);
    expect(leadersAfter({ isSynced: nobody, wholeEpochOf: (_slotId, peer) => (peer === C ? 1 : 0) })).toEqual([C, C]);
    expect(leadersAfter({ isSynced: is(B), wholeEpochOf: () => 1 })).toEqual([B, B]);
  });

  it('that did not serve before it was lost is replaced by the follower whose copy was whole most lately', () => {
    const lately = (epochs: Readonly<Record<PeerId, number | undefined>>) => ({
      isSynced: nobody,
      wholeEpochOf: (_slotId: number, peer: PeerId) => epochs[peer],
    });
    expect(leadersAfter(lately({ [B]: 0, [C]: 1 }))).toEqual([C, C]);
    expect(leadersAfter(lately({ [B]: 1, [C]: 2 }))).toEqual([C, C]);
    // One that nobody has heard yet may have a whole copy; one that was started a moment ago says that it has none.
    expect(leadersAfter(lately({ [B]: 0, [C]: undefined }))).toEqual([C, C]);
    expect(leadersAfter(lately({ [B]: undefined, [C]: 1 }))).toEqual([C, C]);
  });
});

describe('a node that does not manage to take a slot over', () => {
  const isUnfit = (_slotId: number, peer: PeerId) => peer === C;
  const isSynced = (_slotId: number, peer: PeerId) => peer !== C;

  it('gives way when it was to be one more: the slot stays where it was', () => {
    const moving = tableOf([A, B, C], [B, A]);
    const after = allocate({ slotCount: 2, replicas: 2 }, moving, [A, B, C], { isSynced, isUnfit });
    expect(after.slots[0]?.followers).toEqual([B]);
  });

  it('is replaced by another one that takes the slot over first', () => {
    const size = { slotCount: 1, replicas: 2 };
    const added = allocate(size, tableOf([A, C]), [A, B, C], { isSynced, isUnfit });
    expect(added.slots[0]).toMatchObject({ leader: A, followers: [B, C] });
    expect(allocate(size, added, [A, B, C], { isSynced: nobody, isUnfit })).toBe(added);
    expect(allocate(size, added, [A, B, C], { isSynced, isUnfit }).slots[0]?.followers).toEqual([B]);
  });

  it('is filled only when there is no other', () => {
    const size = { slotCount: 1, replicas: 2 };
    expect(allocate(size, tableOf([A]), [A, B, C], { isUnfit }).slots[0]?.followers).toEqual([B]);
    expect(allocate(size, tableOf([A]), [A, C], { isUnfit }).slots[0]?.followers).toEqual([C]);
  });
});

describe('a changed number of replicas', () => {
  const two = { slotCount: 2, replicas: 2 };
  const three = tableOf([A, B, C], [B, A, C]);

  it('gives the surplus followers up when the others are whole, and not before', () => {
    expect(allocate(two, three, [A, B, C], { isStable: false })).toBe(three);
    expect(allocate(two, three, [A, B, C], { isSynced: nobody })).toBe(three);
    const after = allocate(two, three, [A, B, C]);
    expect(after.slots.map((slot) => slot.followers.length)).toEqual([1, 1]);
    expect(after.slots.map((slot) => slot.leaderEpoch)).toEqual([1, 1]);
  });

  it('fills what is missing at once', () => {
    const after = allocate({ slotCount: 2, replicas: 3 }, tableOf([A, B], [B, A]), [A, B, C], { isStable: false });
    expect(after.slots.map((slot) => slot.followers)).toEqual([
      [B, C],
      [A, C],
    ]);
    expect(after.slots.map((slot) => slot.leaderEpoch)).toEqual([1, 1]);
  });
});

/** Slots from `[leader, ...followers]`, all in leader epoch 1. */
function tableOf(...slots: readonly (readonly [PeerId, ...PeerId[]])[]): SlotTable {
  return { epoch: 7, slots: slots.map(([leader, ...followers], slotId) => ({ slotId, leader, leaderEpoch: 1, followers })) };
}
