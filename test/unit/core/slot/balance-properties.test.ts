import { describe, expect, it } from 'vitest';
import { foldDataInfoId, formatDataInfoId } from '../../../../core/model/data-info-id.ts';
import type { PeerId } from '../../../../core/model/node.ts';
import { EMPTY_SLOT_TABLE, type SlotTable } from '../../../../core/model/slot-table.ts';
import { allocateSlots } from '../../../../core/slot/allocation.ts';
import type { Place } from '../../../../core/slot/placement.ts';
import { slotOf } from '../../../../core/slot/slot-of.ts';
import { Chance } from '../../../sim/world/chance.ts';
import { allocate, copiesOf, differences, peers, settle, spread } from './cluster-history.ts';

const SLOTS = 256;
const REPLICAS = [1, 2, 3];

/** Publishers per slot of services whose sizes follow Zipf's law: the one of rank r has 1/r of the largest. */
function zipfWeights(services: number, largest: number): readonly number[] {
  const weights = Array<number>(SLOTS).fill(0);
  for (let rank = 1; rank <= services; rank += 1) {
    const id = formatDataInfoId({ dataId: `com.example.Service${rank}:1.0@DEFAULT`, instanceId: 'DEFAULT_INSTANCE_ID', group: 'SOFA' });
    const slotId = slotOf(foldDataInfoId(id), SLOTS);
    weights[slotId] = (weights[slotId] ?? 0) + Math.max(1, Math.round(largest / rank));
  }
  return weights;
}

describe('23,000 services with Zipf sizes on 10 nodes', () => {
  const weights = zipfWeights(23_000, 20_000);
  const weightOf = (slotId: number) => weights[slotId] ?? 0;
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const nodes = peers(10);

  it.each(REPLICAS)('with %i replicas no node leads or holds more than 1.1 times the average', (replicas) => {
    const size = { slotCount: SLOTS, replicas };
    const byNumber = settle(size, EMPTY_SLOT_TABLE, nodes);
    expect(spread(byNumber, nodes, weightOf).mostLeaders / (total / 10)).toBeGreaterThan(1.3);
    let rounds = 0;
    const onRound = () => {
      rounds += 1;
    };
    const balanced = settle(size, byNumber, nodes, onRound, { weightOf });
    expect(spread(balanced, nodes, weightOf).mostLeaders / (total / 10)).toBeLessThanOrEqual(1.1);
    expect(spread(balanced, nodes, weightOf).mostCopies / ((total * replicas) / 10)).toBeLessThanOrEqual(1.1);
    expect(rounds).toBeLessThanOrEqual(4 * SLOTS);
  });

  it('a node that joins takes its share over, and nothing else moves much', () => {
    const size = { slotCount: SLOTS, replicas: 2 };
    const before = settle(size, EMPTY_SLOT_TABLE, nodes, undefined, { weightOf });
    const more = peers(11);
    let moved = 0;
    const onRound = (old: SlotTable, next: SlotTable) => {
      for (const slot of differences(old, next).added) moved += weightOf(slot.slotId);
    };
    const after = settle(size, before, more, onRound, { weightOf });
    expect(spread(after, more, weightOf).mostCopies / ((total * 2) / 11)).toBeLessThanOrEqual(1.1);
    const joined = more.at(-1) as PeerId;
    const taken = after.slots.filter((slot) => copiesOf(slot).includes(joined)).reduce((sum, slot) => sum + weightOf(slot.slotId), 0);
    expect(taken).toBeGreaterThan(((total * 2) / 11) * 0.9);
    expect(moved).toBeLessThanOrEqual(taken * 1.5);
  });

  it('weights that waver by a few percent move nothing', () => {
    const size = { slotCount: SLOTS, replicas: 2 };
    let table = settle(size, EMPTY_SLOT_TABLE, nodes, undefined, { weightOf });
    const chance = new Chance(3, 'waver');
    let changes = 0;
    for (let round = 0; round < 200; round += 1) {
      const wavering = (slotId: number) => Math.round(weightOf(slotId) * (0.97 + 0.06 * chance.next()));
      const noise = Array.from({ length: SLOTS }, (_, slotId) => wavering(slotId));
      const next = allocate(size, table, nodes, { weightOf: (slotId) => noise[slotId] ?? 0 });
      if (next !== table) changes += 1;
      table = next;
    }
    expect(changes).toBeLessThanOrEqual(4);
  });

  it('a new habit of the clients is followed', () => {
    const size = { slotCount: SLOTS, replicas: 2 };
    const before = settle(size, EMPTY_SLOT_TABLE, nodes, undefined, { weightOf });
    const turned = (slotId: number) => weights[SLOTS - 1 - slotId] ?? 0;
    const after = settle(size, before, nodes, undefined, { weightOf: turned });
    expect(spread(after, nodes, turned).mostLeaders / (total / 10)).toBeLessThanOrEqual(1.1);
  });
});

describe('half of the nodes come back empty, and a copy or a leadership is reported as taken over two rounds later', () => {
  const size = { slotCount: SLOTS, replicas: 3 };
  const nodes = peers(6);

  it.each([
    ['100,000 publishers', 390, 70],
    ['a million', 3_900, 110],
  ])('with %s the shares are even after a bounded number of rounds', (_name, weight, rounds) => {
    const weightOf = () => weight;
    let table = settle(size, EMPTY_SLOT_TABLE, peers(3), undefined, { weightOf });
    const takenOver = new Map<string, number>();
    let servedFrom = 0;
    for (let round = 1; round <= rounds; round += 1) {
      const isSynced = (slotId: number, peer: PeerId) => (takenOver.get(`${slotId} ${peer}`) ?? 0) <= round;
      const next = allocate(size, table, nodes, { weightOf, isSynced, isStable: servedFrom <= round });
      const { leaders, added } = differences(table, next);
      if (leaders.length > 0) servedFrom = round + 2;
      for (const slot of [...leaders, ...added]) for (const peer of copiesOf(slot)) takenOver.set(`${slot.slotId} ${peer}`, round + 2);
      table = next;
    }
    expect(spread(table, nodes).mostLeaders).toBeLessThanOrEqual((SLOTS / 6) * 1.1);
    expect(spread(table, nodes).mostCopies).toBeLessThanOrEqual((SLOTS / 2) * 1.1);
    expect(table.slots.filter((slot) => slot.followers.length !== 2)).toEqual([]);
  });
});

describe('zones and machines', () => {
  const zones = ['a', 'b', 'c'];
  const inZones = (peer: PeerId): Place => ({ machine: peer, zone: zones[numberOf(peer) % 3] ?? '' });
  const onMachines = (peer: PeerId): Place => ({ machine: `m${numberOf(peer) % 4}`, zone: '' });
  const placesOf = (table: SlotTable, key: keyof Place, placeOf: (peer: PeerId) => Place) =>
    table.slots.map((slot) => new Set(copiesOf(slot).map((peer) => placeOf(peer)[key])).size);

  it.each([2, 3])('%i copies stand in as many zones, whatever joins and leaves', (replicas) => {
    const size = { slotCount: 64, replicas };
    const chance = new Chance(replicas, 'zones');
    let nodes = peers(9);
    let table = settle(size, EMPTY_SLOT_TABLE, nodes, undefined, { placeOf: inZones });
    for (let step = 0; step < 12; step += 1) {
      const isJoin = nodes.length < 6 || chance.isLucky(0.5);
      const gone = chance.pick(nodes);
      nodes = isJoin ? [...new Set([...nodes, chance.pick(peers(12))])] : nodes.filter((peer) => peer !== gone);
      table = settle(size, table, nodes, undefined, { placeOf: inZones });
      const possible = Math.min(replicas, new Set(nodes.map((peer) => inZones(peer).zone)).size);
      expect(placesOf(table, 'zone', inZones).filter((count) => count < possible)).toEqual([]);
    }
  });

  it('copies stand on several machines where processes share machines', () => {
    const size = { slotCount: 64, replicas: 2 };
    const table = settle(size, EMPTY_SLOT_TABLE, peers(8), undefined, { placeOf: onMachines });
    expect(placesOf(table, 'machine', onMachines).filter((count) => count < 2)).toEqual([]);
  });

  it('a table made before there were zones is spread over them, a few slots a round', () => {
    const size = { slotCount: 64, replicas: 2 };
    const nodes = peers(6);
    const placeOf = (peer: PeerId): Place => ({ machine: peer, zone: numberOf(peer) < 3 ? 'low' : 'high' });
    const before = settle(size, EMPTY_SLOT_TABLE, nodes);
    expect(placesOf(before, 'zone', placeOf).some((count) => count < 2)).toBe(true);
    const onRound = (old: SlotTable, next: SlotTable) => expect(differences(old, next).added.length).toBeLessThanOrEqual(40);
    const after = settle(size, before, nodes, onRound, { placeOf });
    expect(placesOf(after, 'zone', placeOf).filter((count) => count < 2)).toEqual([]);
  });

  it('one zone for all copies is accepted where there is only one', () => {
    const size = { slotCount: 16, replicas: 3 };
    const nodes = peers(3);
    const table = settle(size, EMPTY_SLOT_TABLE, nodes, undefined, { placeOf: () => ({ machine: 'm', zone: 'z' }) });
    expect(table.slots.every((slot) => slot.followers.length === 2)).toBe(true);
    expect(allocate(size, table, nodes, { placeOf: () => ({ machine: 'm', zone: 'z' }) })).toBe(table);
  });
});

describe.each(REPLICAS)('with %i replicas over random crashes, joins, restarts, slow copies and weights', (replicas) => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])('no round gives up the last whole copy of a slot (seed %i)', (seed) => {
    new CopyHistory(seed, replicas).run(150);
  });
});

/** Which nodes hold a slot whole, beside the tables of an allocation that only hears of it. */
class CopyHistory {
  readonly #chance: Chance;
  readonly #replicas: number;
  readonly #all = peers(12);
  /** By slot: nodes that hold everything. */
  readonly #whole: Set<PeerId>[] = Array.from({ length: 32 }, () => new Set());
  readonly #weights = Array.from({ length: 32 }, () => 0);
  #nodes: PeerId[];
  #table: SlotTable = EMPTY_SLOT_TABLE;
  #empty = new Set<PeerId>();

  constructor(seed: number, replicas: number) {
    this.#chance = new Chance(seed, `copies-${replicas}`);
    this.#replicas = replicas;
    this.#nodes = this.#all.slice(0, this.#chance.between(1, 8));
  }

  run(rounds: number): void {
    for (let round = 0; round < rounds; round += 1) {
      this.#change();
      this.#arrange();
      this.#copy();
    }
  }

  #change(): void {
    const chance = this.#chance;
    if (chance.isLucky(0.1)) this.#weights[chance.between(0, 31)] = chance.between(0, 1_000);
    if (!chance.isLucky(0.15)) return;
    const outside = this.#all.filter((peer) => !this.#nodes.includes(peer));
    const node = chance.pick(this.#nodes);
    if (outside.length > 0 && chance.isLucky(0.4)) this.#nodes.push(chance.pick(outside));
    else if (this.#nodes.length > 1) {
      for (const whole of this.#whole) whole.delete(node);
      if (chance.isLucky(0.5)) this.#empty.add(node);
      else this.#nodes = this.#nodes.filter((peer) => peer !== node);
    }
  }

  #arrange(): void {
    const before = this.#table;
    const isHeld = (slotId: number, peer: PeerId) => this.#whole[slotId]?.has(peer) === true;
    const isServed = before.slots.every((slot) => isHeld(slot.slotId, slot.leader));
    const after = allocateSlots({
      table: before,
      slotCount: 32,
      replicas: this.#replicas,
      dataNodes: this.#nodes,
      emptyNodes: this.#empty,
      isSynced: isHeld,
      isStable: isServed,
      weightOf: (slotId) => this.#weights[slotId] ?? 0,
    });
    this.#empty = new Set();
    for (const slot of after.slots) {
      const whole = this.#whole[slot.slotId] ?? new Set();
      const holders = new Set(copiesOf(slot));
      const hadWhole = whole.size > 0;
      for (const peer of [...whole]) if (!holders.has(peer)) whole.delete(peer);
      if (hadWhole) expect(whole.size, `slot ${slot.slotId}`).toBeGreaterThan(0);
      if (hadWhole) expect(isHeld(slot.slotId, slot.leader), `slot ${slot.slotId} is led by one who does not hold it`).toBe(true);
      expect(holders.size).toBeGreaterThanOrEqual(Math.min(this.#replicas, this.#nodes.length));
      // Nobody holds it any more: the Sessions bring it back to whoever leads.
      if (!hadWhole) whole.add(slot.leader);
    }
    this.#table = after;
  }

  /** Followers get there, some sooner than others. */
  #copy(): void {
    for (const slot of this.#table.slots)
      for (const peer of slot.followers) if (this.#chance.isLucky(0.4)) this.#whole[slot.slotId]?.add(peer);
  }
}

function numberOf(peer: PeerId): number {
  return Number(/\d+/.exec(peer)?.[0]);
}
