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

const RESTAMPS_MOST = 5;
const RESTAMP_WITHIN_MS = 1_500;

/**
 * Whether what a client said may be stamped anew when a leader has something newer. What was said just now is the newest whatever the
 * clocks say; what waited for a leader is not, because the client may have said more through another Session meanwhile.
 */
export class Restamping {
  readonly #clock: Clock;
  readonly #saidAtMs: number;
  #left = RESTAMPS_MOST;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#saidAtMs = clock.monotonicMs();
  }

  isAllowed(): boolean {
    this.#left -= 1;
    return this.#left >= 0 && this.#clock.monotonicMs() - this.#saidAtMs <= RESTAMP_WITHIN_MS;
  }
}
