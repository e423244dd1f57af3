/** Over which time events are averaged: long enough that one burst moves no slot, short enough that a new habit shows within minutes. */
const WINDOW_MS = 5 * 60_000;

/** How often something happens, as an average that forgets exponentially. Pure: time is an argument, in monotonic milliseconds. */
export class DecayingRate {
  #sum = 0;
  #atMs = 0;

  add(count: number, nowMs: number): void {
    this.#sum = this.#decayed(nowMs) + count;
    this.#atMs = nowMs;
  }

  /** Rounded to whole events, so that a value that nothing happens to soon stands still. */
  perMinute(nowMs: number): number {
    return Math.round((this.#decayed(nowMs) * 60_000) / WINDOW_MS);
  }

  #decayed(nowMs: number): number {
    return this.#sum * Math.exp(-Math.max(0, nowMs - this.#atMs) / WINDOW_MS);
  }
}
