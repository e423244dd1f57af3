import { nextStamp } from '../model/register-version.ts';
import type { Clock } from '../seams/clock.ts';

/** The stamps of one Session: strictly increasing, near the wall clock, and above every stamp a leader has reported. */
export class StampClock {
  readonly #clock: Clock;
  #last = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  next(): number {
    this.#last = nextStamp(this.#last, this.#clock.wallMs());
    return this.#last;
  }

  /** A record with this stamp exists elsewhere: what is stamped from now on is newer. */
  lift(stamp: number): void {
    if (stamp > this.#last) this.#last = stamp;
  }
}
