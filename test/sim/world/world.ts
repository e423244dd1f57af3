import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock, Timer } from '../../../core/index.ts';
import { Chance } from './chance.ts';
import type { Trace } from './trace.ts';

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly process: SimProcess | undefined;
  readonly run: () => void;
  isCancelled: boolean;
}

/** A process that can die, sleep (SIGSTOP) and have a wrong calendar. Its events are lost with it, and wait while it sleeps. */
export interface SimProcess {
  readonly node: string;
  readonly startedAtMs: number;
  isAlive: boolean;
  asleepUntilMs: number;
  readonly wallOffsetMs: () => number;
}

/** The date at which every run begins. */
const EPOCH_MS = 1_750_000_000_000;

/**
 * Virtual time: events in the order of their time, each followed by a turn of the real event loop, so that all promises it
 * resolved have settled before time moves on.
 */
export class World {
  readonly trace: Trace;
  readonly chance: Chance;
  readonly #seed: number;
  readonly #heap: Event[] = [];
  #nowMs = 0;
  #order = 0;
  events = 0;

  constructor(seed: number, trace: Trace) {
    this.#seed = seed;
    this.trace = trace;
    this.chance = new Chance(seed, 'world');
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** A stream of chance of its own. */
  stream(name: string): Chance {
    return new Chance(this.#seed, name);
  }

  tell(who: string, what: string): void {
    this.trace.add(this.#nowMs, who, what);
  }

  startProcess(node: string, wallOffsetMs: () => number): SimProcess {
    return { node, startedAtMs: this.#nowMs, isAlive: true, asleepUntilMs: 0, wallOffsetMs };
  }

  /** Runs in `process`, or outside all of them (a client, a fault) when that is undefined. */
  at(process: SimProcess | undefined, delayMs: number, run: () => void): Timer {
    this.#order += 1;
    const event = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order, process, run, isCancelled: false };
    this.#push(event);
    return {
      cancel() {
        event.isCancelled = true;
      },
    };
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.at(undefined, delayMs, resolve));
  }

  clockOf(process: SimProcess): Clock {
    return {
      monotonicMs: () => this.#nowMs,
      wallMs: () => Math.floor(EPOCH_MS + this.#nowMs + process.wallOffsetMs()),
      schedule: (delayMs, run) => this.at(process, delayMs, run),
      soon: (run) => void this.at(process, 0, run),
    };
  }

  /** Lets time pass until `untilMs`. */
  async runUntil(untilMs: number): Promise<void> {
    for (let event = this.#heap[0]; event !== undefined && event.atMs <= untilMs; event = this.#heap[0]) {
      this.#pop();
      const { process } = event;
      if (event.isCancelled || process?.isAlive === false) continue;
      if (process !== undefined && process.asleepUntilMs > event.atMs) {
        this.#push({ ...event, atMs: process.asleepUntilMs, run: () => (event.isCancelled ? undefined : event.run()) });
        continue;
      }
      this.#nowMs = event.atMs;
      this.events += 1;
      event.run();
      await nextTurn();
    }
    this.#nowMs = untilMs;
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(event);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || isBefore(above, event)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      const left = heap[child];
      if (left === undefined) break;
      const right = heap[child + 1];
      if (right !== undefined && isBefore(right, left)) child += 1;
      const least = heap[child];
      if (least === undefined || isBefore(last, least)) break;
      heap[index] = least;
      index = child;
    }
    heap[index] = last;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
