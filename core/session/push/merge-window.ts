/**
 * When a changed name is read and pushed: a quiet name at once; while changes keep coming, in a window that doubles from the least to
 * the most; after a quiet second from the beginning again. Pure: time is an argument.
 */
export class MergeWindow {
  readonly #leastMs: number;
  readonly #mostMs: number;
  #lastFiredMs = Number.NEGATIVE_INFINITY;
  #windowMs: number;

  constructor(leastMs: number, mostMs: number) {
    this.#leastMs = leastMs;
    this.#mostMs = mostMs;
    this.#windowMs = leastMs;
  }

  /** Milliseconds to wait before a change that arrived now is handled. Call `fired` when it is. */
  delayMs(nowMs: number): number {
    return Math.max(0, this.#lastFiredMs + this.#windowMs - nowMs);
  }

  fired(nowMs: number): void {
    const quietMs = nowMs - this.#lastFiredMs;
    this.#windowMs = quietMs >= QUIET_MS ? this.#leastMs : Math.min(this.#mostMs, this.#windowMs * 2);
    this.#lastFiredMs = nowMs;
  }
}

const QUIET_MS = 1_000;
