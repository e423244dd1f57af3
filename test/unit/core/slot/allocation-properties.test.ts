import { describe, expect, it } from 'vitest';
import type { PeerId } from '../../../../core/model/node.ts';
import { EMPTY_SLOT_TABLE, type SlotTable } from '../../../../core/model/slot-table.ts';
import { Chance } from '../../../sim/world/chance.ts';
import { allocate, copiesOf, differences, live, peers, SIZES, type Size, type Step, settle, spread } from './cluster-history.ts';

const SEEDS = [1, 2, 3, 4, 5, 6];
const ROUNDS = 40;

describe.each(SIZES)('over random joins and leaves, $slotCount slots with $replicas replicas', (size) => {
  it('every slot has one live leader and distinct live followers, as many as there can be', () => {
    eachStep(size, ({ after, live: nodes }) => {
      expect(after.slots).toHaveLength(size.slotCount);
      const living = new Set(nodes);
      const wrong = after.slots.filter((slot, slotId) => {
        const copies = copiesOf(slot);
        const isComplete = copies.length === Math.min(size.replicas, nodes.length);
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

  it('a living copy is given up only for balance, ten times a round at most', () => {
    eachStep(size, ({ before, after, live: nodes, isStable }) => {
      const given = before.slots.flatMap((old) => {
        const now = after.slots[old.slotId];
        return now === undefined ? [] : copiesOf(old).filter((peer) => nodes.includes(peer) && !copiesOf(now).includes(peer));
      });
      if (given.length === 0) return;
      expect(isStable).toBe(true);
      expect(given.length).toBeLessThanOrEqual(10);
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
    expect(spread(table, nodes).leaders).toBeLessThanOrEqual(1);
    expect(spread(table, nodes).copies).toBeLessThanOrEqual(2);
  });

  it('it comes to rest after any join or leave, and then nothing moves', () => {
    histories(size, (table, nodes) => {
      expect(allocate(size, table, nodes)).toBe(table);
      expect(allocate(size, table, [...nodes].reverse())).toBe(table);
    });
  });

  it('at rest no leader could give a slot to one of its followers and be better off', () => {
    histories(size, (table) => {
      const leaderships = new Map<PeerId, number>();
      for (const slot of table.slots) leaderships.set(slot.leader, (leaderships.get(slot.leader) ?? 0) + 1);
      const of = (peer: PeerId) => leaderships.get(peer) ?? 0;
      const uneven = table.slots.filter((slot) => slot.followers.some((peer) => of(slot.leader) - of(peer) >= 2));
      expect(uneven).toEqual([]);
    });
  });

  // A single copy stays where it is: only a synced follower may take over.
  if (size.replicas > 1) {
    it('at rest the nodes lead nearly as many slots each, and hold nearly as many copies', () => {
      histories(size, (table, nodes) => {
        expect(spread(table, nodes).leaders).toBeLessThanOrEqual(3);
        expect(spread(table, nodes).copies).toBeLessThanOrEqual(2);
      });
    });
  }

  it('each round on the way moves at most six leaderships and ten copies', () => {
    const nodes = peers(12);
    const full = settle(size, EMPTY_SLOT_TABLE, nodes.slice(0, 6));
    let rounds = 0;
    settle(size, full, nodes, (before, after) => {
      rounds += 1;
      const { leaders, copies } = differences(before, after);
      expect(leaders.length).toBeLessThanOrEqual(6);
      expect(copies.length).toBeLessThanOrEqual(10);
    });
    if (size.replicas > 1) expect(rounds).toBeGreaterThan(0);
  });
});

function eachStep(size: Size, check: (step: Step) => void): void {
  for (const seed of SEEDS) live(seed, size, ROUNDS, check);
}

/** Settled tables along seeded joins and leaves. */
function histories(size: Size, check: (table: SlotTable, nodes: readonly PeerId[]) => void): void {
  for (const seed of SEEDS) {
    const chance = new Chance(seed, `rest-${size.slotCount}-${size.replicas}`);
    const all = peers(20);
    let nodes = all.slice(0, chance.between(2, 20));
    let table = settle(size, EMPTY_SLOT_TABLE, nodes);
    for (let step = 0; step < 8; step += 1) {
      const outside = all.filter((peer) => !nodes.includes(peer));
      const joins = nodes.length <= 2 || (outside.length > 0 && chance.isLucky(0.5));
      const gone = chance.pick(nodes);
      nodes = joins ? [...nodes, chance.pick(outside)] : nodes.filter((peer) => peer !== gone);
      table = settle(size, table, nodes);
      check(table, nodes);
    }
  }
}

function isAlive(table: SlotTable, slotId: number, nodes: readonly PeerId[]): boolean {
  const leader = table.slots[slotId]?.leader;
  return leader !== undefined && nodes.includes(leader);
}
