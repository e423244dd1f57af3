import type { Clock } from '../../seams/clock.ts';

/** A push that waits for its acknowledgement. */
export interface PushFlight {
  /** On the monotonic clock: its beginning and the timeout that it is watched with. */
  readonly expiresAtMs: number;
  hasLanded: boolean;
  expired(): void;
}

/**
 * The deadlines of all pushes in flight. Pushes with one timeout end in the order in which they began, so one timer per timeout is enough:
 * a timer for each push would cost more than the push's head.
 */
export class AckDeadlines {
  readonly #clock: Clock;
  readonly #queues = new Map<number, DeadlineQueue>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  watch(flight: PushFlight, timeoutMs: number): void {
    let queue = this.#queues.get(timeoutMs);
    if (queue === undefined) {
      queue = new DeadlineQueue(this.#clock);
      this.#queues.set(timeoutMs, queue);
    }
    queue.add(flight);
  }
}

class DeadlineQueue {
  readonly #clock: Clock;
  #waiting: PushFlight[] = [];
  /** Of the first that may still be in the air. */
  #first = 0;
  #isScheduled = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(flight: PushFlight): void {
    this.#dropLanded();
    this.#waiting.push(flight);
    this.#schedule();
  }

  #schedule(): void {
    const next = this.#waiting[this.#first];
    if (next === undefined || this.#isScheduled) return;
    this.#isScheduled = true;
    this.#clock.schedule(Math.max(0, next.expiresAtMs - this.#clock.monotonicMs()), () => {
      this.#isScheduled = false;
      this.#expire();
    });
  }

  #expire(): void {
    const nowMs = this.#clock.monotonicMs();
    for (;;) {
      this.#dropLanded();
      const next = this.#waiting[this.#first];
      if (next === undefined || next.expiresAtMs > nowMs) break;
      this.#first += 1;
      next.expired();
    }
    this.#schedule();
  }

  /** What has landed holds no memory, whatever comes after it; each flight is passed once. */
  #dropLanded(): void {
    while (this.#waiting[this.#first]?.hasLanded === true) this.#first += 1;
    if (this.#first * 2 <= this.#waiting.length) return;
    this.#waiting = this.#waiting.slice(this.#first);
    this.#first = 0;
  }
}
