import { describe, expect, it } from 'vitest';
import type { PeerId } from '../../../../core/model/node.ts';
import { EMPTY_SLOT_TABLE, type SlotTable } from '../../../../core/model/slot-table.ts';
import { Chance } from '../../../sim/world/chance.ts';
import {
  allocate,
  copiesOf,
  differences,
  live,
  mostShared,
  peers,
  SIZES,
  type Size,
  type Step,
  settle,
  spread,
} from './cluster-history.ts';

const SEEDS = [1, 2, 3, 4];
const ROUNDS = 30;

describe.each(SIZES)('over random joins and leaves, $slotCount slots with $replicas replicas', (size) => {
  it('every slot has one live leader and distinct live followers, as many as there can be', () => {
    eachStep(size, ({ after, live: nodes }) => {
      expect(after.slots).toHaveLength(size.slotCount);
      const living = new Set(nodes);
      const wrong = after.slots.filter((slot, slotId) => {
        const copies = copiesOf(slot);
        // One more while a copy is on its way to another node.
        const surplus = copies.length - Math.min(size.replicas, nodes.length);
        const isComplete = surplus === 0 || surplus === 1;
        const isSorted = [...slot.followers].sort().join() === slot.followers.join();
        return (
          slot.slotId !== slotId ||
          !isComplete ||
          !isSorted ||
          new Set(copies).size !== copies.length ||
          !copies.every((p) => living.has(p))
        );
      });
      expect(wrong).toEqual([]);
    });
  });

  it('a leader epoch grows by one exactly when the leader changes, and the table epoch exactly when the table does', () => {
    eachStep(size, ({ before, after }) => {
      const wrong = after.slots.filter((slot) => {
        const old = before.slots[slot.slotId];
        return slot.leaderEpoch !== (old?.leaderEpoch ?? 0) + (old?.leader === slot.leader ? 0 : 1);
      });
      expect(wrong).toEqual([]);
      if (after === before) return;
      expect(after.epoch).toBe(before.epoch + 1);
      expect(after.slots).not.toEqual(before.slots);
    });
  });

  it('a lost leader is replaced by a follower when one lives', () => {
    let failovers = 0;
    eachStep(size, ({ before, after, live: nodes }) => {
      for (const old of before.slots) {
        if (nodes.includes(old.leader)) continue;
        const survivors = old.followers.filter((peer) => nodes.includes(peer));
        if (survivors.length === 0) continue;
        failovers += 1;
        expect(survivors, `slot ${old.slotId}`).toContain(after.slots[old.slotId]?.leader);
      }
    });
    if (size.replicas > 1) expect(failovers).toBeGreaterThan(10);
  });

  it('a living leader is replaced only for balance: in a calm, stable round, by a synced follower, six times at most', () => {
    eachStep(size, ({ before, after, live: nodes, isSynced, isStable }) => {
      const moved = differences(before, after).leaders.filter(({ slotId }) => isAlive(before, slotId, nodes));
      if (moved.length === 0) return;
      expect(isStable).toBe(true);
      expect(before.slots.every((slot) => copiesOf(slot).every((peer) => nodes.includes(peer)))).toBe(true);
      expect(moved.length).toBeLessThanOrEqual(6);
      for (const { slotId, leader } of moved) {
        expect(before.slots[slotId]?.followers).toContain(leader);
        expect(isSynced(slotId, leader), `slot ${slotId} to ${leader}`).toBe(true);
      }
    });
  });

  it('a living copy is given up only for balance, in a calm, stable round, and when all that stay are whole', () => {
    let given = 0;
    eachStep(size, ({ before, after, live: nodes, isSynced, isStable }) => {
      for (const old of before.slots) {
        const now = after.slots[old.slotId];
        if (now === undefined || copiesOf(old).every((peer) => !nodes.includes(peer) || copiesOf(now).includes(peer))) continue;
        given += 1;
        expect(isStable).toBe(true);
        expect(now.leader).toBe(old.leader);
        expect(now.followers.every((peer) => isSynced(old.slotId, peer))).toBe(true);
        expect(copiesOf(now)).toHaveLength(Math.min(size.replicas, nodes.length));
      }
    });
    expect(given).toBeGreaterThan(0);
  });

  it('at most forty slots have a copy on its way, when they are as light as these', () => {
    eachStep(size, ({ after, live: nodes }) => {
      const moving = after.slots.filter((slot) => copiesOf(slot).length > Math.min(size.replicas, nodes.length));
      expect(moving.length).toBeLessThanOrEqual(40);
    });
  });

  it('the order in which the nodes are named makes no difference', () => {
    const chance = new Chance(5, 'order');
    live(7, size, 15, ({ before, after, live: nodes, isSynced, isStable }) => {
      const shuffled = nodes.map((peer) => ({ peer, key: chance.next() })).sort((a, b) => a.key - b.key);
      const again = allocate(
        size,
        before,
        shuffled.map(({ peer }) => peer),
        { isSynced, isStable },
      );
      expect(again).toEqual(after);
    });
  });

  it('the table given is left as it was', () => {
    live(8, size, 10, ({ before, after, live: nodes }) => {
      const copy = structuredClone(after);
      allocate(size, after, nodes.slice(1));
      expect(after).toEqual(copy);
      expect(before === after || before.epoch < after.epoch).toBe(true);
    });
  });
});

describe.each(SIZES)('left alone, $slotCount slots with $replicas replicas', (size) => {
  it.each([2, 3, 5, 8, 13, 20])('%d nodes start with leaderships that differ by one at most', (count) => {
    const nodes = peers(count);
    const table = allocate(size, EMPTY_SLOT_TABLE, nodes);
    const { mostLeaders, leastLeaders, mostCopies, leastCopies } = spread(table, nodes);
    expect(mostLeaders - leastLeaders).toBeLessThanOrEqual(1);
    expect(mostCopies - leastCopies).toBeLessThanOrEqual(2);
  });

  it('it comes to rest after any join or leave, and then nothing moves', () => {
    histories(size, (table, nodes) => {
      expect(allocate(size, table, nodes)).toBe(table);
      expect(allocate(size, table, [...nodes].reverse())).toBe(table);
    });
  });

  it('at rest no node leads or holds much more than its share, as far as whole slots allow', () => {
    histories(size, (table, nodes) => {
      const share = size.slotCount / nodes.length;
      const copies = Math.min(size.replicas, nodes.length);
      expect(spread(table, nodes).mostLeaders).toBeLessThanOrEqual(Math.ceil(share * 1.1) + 1);
      expect(spread(table, nodes).mostCopies).toBeLessThanOrEqual(Math.ceil(share * copies * 1.1) + 1);
      expect(spread(table, nodes).leastLeaders).toBeGreaterThanOrEqual(Math.floor(share * 0.9) - 1);
      expect(spread(table, nodes).leastCopies).toBeGreaterThanOrEqual(Math.floor(share * copies * 0.9) - 1);
    });
  });

  it('each round on the way moves at most six leaderships and begins to move forty copies', () => {
    const nodes = peers(12);
    const full = settle(size, EMPTY_SLOT_TABLE, nodes.slice(0, 6));
    let rounds = 0;
    settle(size, full, nodes, (before, after) => {
      rounds += 1;
      const { leaders, added } = differences(before, after);
      expect(leaders.length).toBeLessThanOrEqual(6);
      expect(added.length).toBeLessThanOrEqual(40);
    });
    expect(rounds).toBeGreaterThan(0);
  });
});

function eachStep(size: Size, check: (step: Step) => void): void {
  for (const seed of SEEDS) live(seed, size, ROUNDS, check);
}

const settled = new Map<Size, readonly { readonly table: SlotTable; readonly nodes: readonly PeerId[] }[]>();

/** Settled tables along seeded joins and leaves, made once per size. */
function histories(size: Size, check: (table: SlotTable, nodes: readonly PeerId[]) => void): void {
  const known = settled.get(size) ?? SEEDS.slice(0, 2).flatMap((seed) => history(seed, size));
  settled.set(size, known);
  for (const { table, nodes } of known) check(table, nodes);
}

function history(seed: number, size: Size) {
  const chance = new Chance(seed, `rest-${size.slotCount}-${size.replicas}`);
  const all = peers(20);
  let nodes = all.slice(0, chance.between(2, 20));
  let table = settle(size, EMPTY_SLOT_TABLE, nodes);
  return Array.from({ length: 6 }, () => {
    const outside = all.filter((peer) => !nodes.includes(peer));
    const joins = nodes.length <= 2 || (outside.length > 0 && chance.isLucky(0.5));
    const gone = chance.pick(nodes);
    nodes = joins ? [...nodes, chance.pick(outside)] : nodes.filter((peer) => peer !== gone);
    table = settle(size, table, nodes);
    return { table, nodes };
  });
}

function isAlive(table: SlotTable, slotId: number, nodes: readonly PeerId[]): boolean {
  const leader = table.slots[slotId]?.leader;
  return leader !== undefined && nodes.includes(leader);
}

describe.each([2, 3])('what a node leads is taken over by many when it is lost, with %i copies', (replicas) => {
  const size = { slotCount: 256, replicas };

  it.each([4, 6, 10])('no two of %i nodes share much more than others do', (count) => {
    const nodes = peers(count);
    const half = nodes.filter((_, at) => at % 2 === 1);
    let table = settle(size, EMPTY_SLOT_TABLE, nodes);
    expect(mostShared(table, nodes)).toBeLessThanOrEqual(1.1);
    for (let times = 0; times < 2; times += 1) {
      table = settle(size, settle(size, table, half), nodes);
      expect(mostShared(table, nodes)).toBeLessThanOrEqual(1.6);
    }
    table = settle(size, table, nodes.slice(1));
    expect(mostShared(table, nodes.slice(1))).toBeLessThanOrEqual(1.3);
    expect(mostShared(settle(size, table, nodes), nodes)).toBeLessThanOrEqual(1.5);
  });
});
