import type { PeerId } from '../../../../core/model/node.ts';
import type { Slot, SlotTable } from '../../../../core/model/slot-table.ts';
import { EMPTY_SLOT_TABLE } from '../../../../core/model/slot-table.ts';
import { type AllocationInput, allocateSlots } from '../../../../core/slot/allocation.ts';
import { Chance } from '../../../sim/world/chance.ts';

export interface Size {
  readonly slotCount: number;
  readonly replicas: number;
}

export const SIZES: readonly Size[] = [16, 256].flatMap((slotCount) => [1, 2, 3].map((replicas) => ({ slotCount, replicas })));

export const peers = (count: number): PeerId[] =>
  Array.from({ length: count }, (_, i) => `node-${String(i).padStart(2, '0')}/data` as PeerId);

export const everybody = () => true;
export const nobody = () => false;

/** One call of the allocation with all that is not of interest left at its common value. */
export function allocate(size: Size, table: SlotTable, dataNodes: readonly PeerId[], more: Partial<AllocationInput> = {}): SlotTable {
  return allocateSlots({ ...size, table, dataNodes, isSynced: everybody, isStable: true, ...more });
}

/** Rounds until nothing changes any more, as Meta runs them. @throws Error when that takes more rounds than slots there are. */
export function settle(
  size: Size,
  table: SlotTable,
  dataNodes: readonly PeerId[],
  onRound?: (before: SlotTable, after: SlotTable) => void,
  more: Partial<AllocationInput> = {},
): SlotTable {
  let before = table;
  for (let round = 0; round <= size.slotCount * size.replicas + 2; round += 1) {
    const after = allocate(size, before, dataNodes, more);
    if (after === before) return before;
    onRound?.(before, after);
    before = after;
  }
  throw new Error(`not settled after ${size.slotCount * size.replicas + 2} rounds`);
}

export interface Step {
  readonly before: SlotTable;
  readonly after: SlotTable;
  readonly live: readonly PeerId[];
  readonly isSynced: AllocationInput['isSynced'];
  readonly isStable: boolean;
}

/** Seeded joins, leaves and calm rounds over 2 to 20 nodes; every round is shown to `onStep`. */
export function live(seed: number, size: Size, rounds: number, onStep: (step: Step) => void): void {
  const chance = new Chance(seed, `allocation-${size.slotCount}-${size.replicas}`);
  const all = peers(20);
  let nodes = all.slice(0, chance.between(2, 20));
  let table = EMPTY_SLOT_TABLE;
  for (let round = 0; round < rounds; round += 1) {
    const syncedShare = chance.next();
    const syncSeed = chance.between(0, 1_000_000);
    // A fixed answer per slot and follower within the round, because the allocation may ask more than once.
    const isSynced = (slotId: number, follower: PeerId) => new Chance(syncSeed + slotId, follower).isLucky(syncedShare);
    const isStable = chance.isLucky(0.8);
    const dataNodes = [...nodes].sort(() => chance.next() - 0.5);
    const after = allocateSlots({ ...size, table, dataNodes, isSynced, isStable });
    onStep({ before: table, after, live: nodes, isSynced, isStable });
    table = after;
    if (chance.isLucky(0.4)) nodes = changed(chance, nodes, all);
  }
}

function changed(chance: Chance, nodes: readonly PeerId[], all: readonly PeerId[]): PeerId[] {
  const outside = all.filter((peer) => !nodes.includes(peer));
  if (outside.length > 0 && (nodes.length <= 2 || chance.isLucky(0.5))) return [...nodes, chance.pick(outside)];
  // Several may go at once, as when a rack loses its power.
  const leaving = new Set(Array.from({ length: chance.between(1, 3) }, () => chance.pick(nodes)));
  const left = nodes.filter((peer) => !leaving.has(peer));
  return left.length >= 2 ? left : [...nodes];
}

/** Greatest and smallest number of leaderships, and of copies, over the live nodes; by weight when there is one. */
export function spread(table: SlotTable, nodes: readonly PeerId[], weightOf: (slotId: number) => number = () => 1) {
  const leaders = new Map(nodes.map((peer) => [peer, 0]));
  const copies = new Map(leaders);
  for (const slot of table.slots) {
    const weight = weightOf(slot.slotId);
    leaders.set(slot.leader, (leaders.get(slot.leader) ?? 0) + weight);
    for (const peer of copiesOf(slot)) copies.set(peer, (copies.get(peer) ?? 0) + weight);
  }
  return {
    mostLeaders: Math.max(...leaders.values()),
    leastLeaders: Math.min(...leaders.values()),
    mostCopies: Math.max(...copies.values()),
    leastCopies: Math.min(...copies.values()),
  };
}

/** How many slots the two nodes share that share most, as a multiple of the average of all two nodes. */
export function mostShared(table: SlotTable, nodes: readonly PeerId[]): number {
  const shared = new Map<string, number>();
  let all = 0;
  for (const slot of table.slots) {
    const copies = copiesOf(slot).sort();
    for (const [at, peer] of copies.entries()) {
      for (const other of copies.slice(0, at)) shared.set(`${peer} ${other}`, (shared.get(`${peer} ${other}`) ?? 0) + 1);
      all += at;
    }
  }
  return Math.max(...shared.values()) / (all / ((nodes.length * (nodes.length - 1)) / 2));
}

export function copiesOf(slot: Slot): PeerId[] {
  return [slot.leader, ...slot.followers];
}

/** The slots that differ in leader, and those that a node holds now and did not before. */
export function differences(before: SlotTable, after: SlotTable): { readonly leaders: Slot[]; readonly added: Slot[] } {
  const leaders: Slot[] = [];
  const added: Slot[] = [];
  for (const slot of after.slots) {
    const old = before.slots[slot.slotId];
    if (old?.leader !== slot.leader) leaders.push(slot);
    if (old === undefined || copiesOf(slot).some((peer) => !copiesOf(old).includes(peer))) added.push(slot);
  }
  return { leaders, added };
}
