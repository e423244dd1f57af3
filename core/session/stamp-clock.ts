import { STAMPS_PER_MS } from '../model/register-version.ts';
import type { Clock } from '../seams/clock.ts';

/**
 * The stamps of one Session: strictly increasing, advancing with time, and in step with the fastest clock of the cluster, because
 * whoever is behind a stamp that it hears of takes over the difference.
 */
export class StampClock {
  readonly #clock: Clock;
  /** By how much the fastest clock heard of is ahead of this one. */
  #aheadMs = 0;
  #last = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  next(): number {
    this.#last = Math.max(this.#last + 1, this.#now());
    return this.#last;
  }

  /** A record with this stamp exists elsewhere: what is stamped from now on is newer. */
  lift(stamp: number): void {
    if (stamp > this.#last) this.#last = stamp;
    const behind = stamp - this.#now();
    if (behind > 0) this.#aheadMs += behind / STAMPS_PER_MS;
  }

  #now(): number {
    return Math.floor((this.#clock.wallMs() + this.#aheadMs) * STAMPS_PER_MS);
  }
}

const RESTAMPS_MOST = 5;

/**
 * Whether what a client said is stamped anew when a leader has something newer. The stored record was either said later, while this
 * one waited for a leader, or by a clock that is ahead: it is the clock when the stamps are further apart than the wait was long.
 */
export class Restamping {
  readonly #clock: Clock;
  readonly #saidAtMs: number;
  #left = RESTAMPS_MOST;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#saidAtMs = clock.monotonicMs();
  }

  isAllowed(own: number, stored: number): boolean {
    this.#left -= 1;
    const waitedMs = this.#clock.monotonicMs() - this.#saidAtMs;
    return this.#left >= 0 && (stored === own || (stored - own) / STAMPS_PER_MS > waitedMs);
  }
}
