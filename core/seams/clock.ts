/** A pending call. Cancelling twice, or after it ran, is harmless. */
export interface Timer {
  cancel(): void;
}

/** Time as a role sees it. The only source of time in the core and the adapters. */
export interface Clock {
  /** Milliseconds of a clock that never goes back and does not know the date. For durations, leases, deadlines. */
  monotonicMs(): number;
  /** Unix milliseconds. Only for values that leave the process: versions, stamps, timestamps of protocols. May jump. */
  wallMs(): number;
  /** Calls `run` once, not before `delayMs` has passed on the monotonic clock. A timer does not keep a process alive by itself. */
  schedule(delayMs: number, run: () => void): Timer;
  /** Calls `run` after the current turn and what it has already queued: the place where a turn's work is sent as one batch. */
  soon(run: () => void): void;
}
