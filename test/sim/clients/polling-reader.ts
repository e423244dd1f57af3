import type { Observer } from '../observer.ts';
import type { Chance } from '../world/chance.ts';
import type { World } from '../world/world.ts';
import type { EverythingReader } from './everything-reader.ts';

const EVERY_MS = 700;

/** Fetches everything now and then from whichever Session answers, as Eureka's clients do, and keeps what it has when none does. */
export class PollingReader {
  readonly name = 'poll';
  readonly #world: World;
  readonly #observer: Observer;
  readonly #chance: Chance;
  readonly #readers: () => readonly EverythingReader[];

  /** `readers`: those of the Sessions that answer now. */
  constructor(world: World, observer: Observer, readers: () => readonly EverythingReader[]) {
    this.#world = world;
    this.#observer = observer;
    this.#chance = world.stream(this.name);
    this.#readers = readers;
  }

  start(): void {
    this.#world.at(undefined, EVERY_MS, () => {
      const settled = this.#readers().filter((reader) => reader.isSettled);
      if (settled.length > 0) this.#observer.polled(this.name, this.#chance.pick(settled).records());
      this.start();
    });
  }
}
