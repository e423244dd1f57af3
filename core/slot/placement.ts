import type { PeerId } from '../model/node.ts';

/** Where a Data node stands. */
export interface Place {
  /** Host part of its address, '' when unknown. Processes of one machine die together. */
  readonly machine: string;
  /** As its operator names it, '' when there is only one. */
  readonly zone: string;
}

/** A node that does not manage to take the slot over is worse than any crowd. */
const UNFIT_WEIGHT = 1_000_000;
/** A zone shared without need weighs more than any number of shared machines. */
const ZONE_WEIGHT = 1_000;

/**
 * Judges how well copies of one slot are spread: each on another zone where there are as many zones, each on another machine where
 * there are as many machines. Nodes are indexes into the list it was made with.
 */
export class Placement {
  readonly #zones: readonly number[];
  readonly #machines: readonly number[];
  readonly #zoneCount: number;
  readonly #machineCount: number;
  readonly #isUnfit: ((slotId: number, node: number) => boolean) | undefined;

  constructor(nodes: readonly PeerId[], placeOf: (peer: PeerId) => Place, isUnfit?: (slotId: number, node: number) => boolean) {
    this.#isUnfit = isUnfit;
    const places = nodes.map((peer) => placeOf(peer));
    this.#zones = numbered(places.map((place) => place.zone));
    // A node whose machine is unknown counts as a machine of its own.
    this.#machines = numbered(places.map(({ machine }, index) => (machine === '' ? `#${index}` : machine)));
    this.#zoneCount = new Set(this.#zones).size;
    this.#machineCount = new Set(this.#machines).size;
  }

  /** 0 when the copies are spread as far as the nodes allow and each can be whole; more the closer together they are. */
  crowding(slotId: number, copies: readonly number[]): number {
    const zones = distinct(copies, this.#zones);
    const machines = distinct(copies, this.#machines);
    const missingZones = Math.min(copies.length, this.#zoneCount) - zones;
    const missingMachines = Math.min(copies.length, this.#machineCount) - machines;
    const unfit = this.#isUnfit === undefined ? 0 : copies.filter((node) => this.#isUnfit?.(slotId, node)).length;
    return unfit * UNFIT_WEIGHT + missingZones * ZONE_WEIGHT + missingMachines;
  }
}

function numbered(names: readonly string[]): readonly number[] {
  const numbers = new Map<string, number>();
  return names.map((name) => {
    const known = numbers.get(name) ?? numbers.size;
    numbers.set(name, known);
    return known;
  });
}

function distinct(copies: readonly number[], of: readonly number[]): number {
  let count = 0;
  for (let i = 0; i < copies.length; i += 1) {
    let isNew = true;
    for (let j = 0; j < i; j += 1) if (of[copies[j] as number] === of[copies[i] as number]) isNew = false;
    if (isNew) count += 1;
  }
  return count;
}
