import type { Clock } from '../../core/index.ts';

interface Pending {
  readonly atMs: number;
  readonly run: () => void;
}

/** A Clock that a test moves by hand. `soon` is real, so that promises go on between two steps. */
export class HandClock implements Clock {
  #nowMs = 0;
  #timers: readonly Pending[] = [];

  monotonicMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#nowMs;
  }

  schedule(delayMs: number, run: () => void) {
    const timer = { atMs: this.#nowMs + delayMs, run };
    this.#timers = [...this.#timers, timer];
    return { cancel: () => this.#remove(timer) };
  }

  soon(run: () => void): void {
    setImmediate(run);
  }

  /** How long until each pending timer, shortest first. */
  get waitsMs(): readonly number[] {
    return this.#timers.map((timer) => timer.atMs - this.#nowMs).sort((a, b) => a - b);
  }

  /** Moves the time and runs what has become due, in the order of time. */
  advance(byMs: number): void {
    this.#nowMs += byMs;
    const due = this.#timers.filter((timer) => timer.atMs <= this.#nowMs).sort((a, b) => a.atMs - b.atMs);
    for (const timer of due) {
      this.#remove(timer);
      timer.run();
    }
  }

  #remove(timer: Pending): void {
    this.#timers = this.#timers.filter((other) => other !== timer);
  }
}
