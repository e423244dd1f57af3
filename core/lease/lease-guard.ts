/** When expiry is held back because too many leases fell silent together (the network is more likely at fault than they are). */
export interface LeaseGuardConfig {
  /** Share of all leases that may fall silent within one window, 0 to 1. 1 switches the guard off. */
  readonly share: number;
  /** Never held for fewer leases than this. */
  readonly least: number;
  /** A hold ends after this long, whatever happens: no dead instance is kept beyond it. */
  readonly mostHoldMs: number;
}

export const DEFAULT_LEASE_GUARD: LeaseGuardConfig = { share: 0.15, least: 5, mostHoldMs: 15 * 60_000 };

/**
 * Decides for a batch of due leases whether they expire. It counts what fell silent within a sliding window; beyond the
 * share it holds, until leases are renewed again or the longest hold has passed. Eureka's self-preservation, but for
 * correlated silence only and with an end. Pure: time is an argument.
 */
export class LeaseGuard {
  readonly #config: LeaseGuardConfig;
  #silent: { readonly atMs: number; readonly count: number }[] = [];
  #heldSinceMs: number | undefined;

  constructor(config: LeaseGuardConfig) {
    this.#config = config;
  }

  get isHolding(): boolean {
    return this.#heldSinceMs !== undefined;
  }

  /** `total` counts live leases including the due ones; `windowMs` is about one renewal interval. */
  mayExpire(due: { readonly fresh: number; readonly held: number }, total: number, windowMs: number, nowMs: number): boolean {
    this.#silent = this.#silent.filter((item) => nowMs - item.atMs < windowMs);
    if (due.fresh > 0) this.#silent.push({ atMs: nowMs, count: due.fresh });
    const silent = this.#silent.reduce((sum, item) => sum + item.count, 0);
    // Those that expired a moment ago are not in `total` any more, but were part of it when the silence began.
    const population = Math.max(total, total + silent - due.fresh - due.held);
    const suspicious = Math.max(silent, due.held) > Math.max(this.#config.least - 1, this.#config.share * population);
    if (!suspicious || this.#config.share >= 1) {
      this.#heldSinceMs = undefined;
      return true;
    }
    this.#heldSinceMs ??= nowMs;
    if (nowMs - this.#heldSinceMs < this.#config.mostHoldMs) return false;
    this.#heldSinceMs = undefined;
    this.#silent = [];
    return true;
  }
}
