import { RegistryError } from '../model/errors.ts';
import type { ProcessId } from '../model/node.ts';
import type { Timer } from '../seams/clock.ts';
import type { Host } from '../seams/host.ts';
import type { MetaStore } from '../seams/store.ts';

const NAME = 'meta';
/** A standby asks more often than a leader renews, so that a leader that resigned is followed within this time. */
const STANDBY_SHARE = 0.5;

export interface LeadershipEvents {
  /** This Meta leads from now on. */
  readonly won: (term: number) => void;
  /** Its term is over, or it cannot prove any more that it is not. */
  readonly lost: (reason: string) => void;
}

/**
 * Whether this Meta leads: it campaigns in the store, renews, and stops believing in itself when its last renewal is older than the lease,
 * on the monotonic clock and counted from before it asked. That is only courtesy: what keeps a late leader from harm is that the store
 * refuses commits of an old term.
 */
export class Leadership {
  readonly #host: Host;
  readonly #store: MetaStore;
  readonly #renewMs: number;
  readonly #validForMs: number;
  readonly #events: LeadershipEvents;
  #term: number | undefined;
  #untilMs = 0;
  #holder: ProcessId | undefined;
  #timer: Timer | undefined;
  #endTimer: Timer | undefined;
  #campaigning: Promise<void> | undefined;
  #isStopped = false;
  #notBeforeMs = 0;
  #lastFailure = '';

  constructor(host: Host, store: MetaStore, renewMs: number, validForMs: number, events: LeadershipEvents) {
    this.#host = host;
    this.#store = store;
    this.#renewMs = renewMs;
    this.#validForMs = validForMs;
    this.#events = events;
  }

  /** Who leads as far as this Meta was told. */
  get holder(): ProcessId | undefined {
    return this.#holder;
  }

  /** The term while this Meta leads. Asked before everything that only a leader does. */
  get term(): number | undefined {
    if (this.#term !== undefined && this.#host.clock.monotonicMs() >= this.#untilMs) this.#lose('the lease was not renewed in time');
    return this.#term;
  }

  /** Resolves after the first campaign, whoever won it. */
  async start(): Promise<void> {
    await this.#campaign();
    this.#schedule();
  }

  /** The store said that the term is over. */
  deposed(): void {
    this.#lose('another Meta leads');
  }

  /** Gives leadership up and does not ask for it again for a while: another Meta may be reached by those that do not reach this one. */
  async stepDown(reason: string, pauseMs: number): Promise<void> {
    this.#notBeforeMs = this.#host.clock.monotonicMs() + pauseMs;
    this.#lose(reason);
    await this.#resign();
  }

  /** Gives leadership up at once, so that a standby need not wait for the lease. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#endTimer?.cancel();
    await this.#campaigning;
    if (this.#term === undefined) return;
    this.#term = undefined;
    await this.#resign();
  }

  async #resign(): Promise<void> {
    try {
      await this.#store.resign(NAME);
    } catch (caught) {
      this.#host.log.debug('leadership could not be given up; its lease runs out', { reason: RegistryError.from(caught).message });
    }
  }

  #schedule(): void {
    if (this.#isStopped) return;
    const delayMs = this.#term === undefined ? this.#renewMs * STANDBY_SHARE : this.#renewMs;
    this.#timer = this.#host.clock.schedule(delayMs, () => {
      this.#campaigning = this.#campaign().finally(() => {
        this.#campaigning = undefined;
        this.#schedule();
      });
    });
  }

  async #campaign(): Promise<void> {
    const askedAtMs = this.#host.clock.monotonicMs();
    if (askedAtMs < this.#notBeforeMs) return;
    try {
      const leadership = await this.#store.campaign(NAME, this.#host.processId, this.#validForMs);
      this.#lastFailure = '';
      if (this.#isStopped || askedAtMs < this.#notBeforeMs) return;
      this.#holder = leadership.holder;
      this.#learn(leadership.term, askedAtMs + leadership.validForMs);
    } catch (caught) {
      const { message } = RegistryError.from(caught);
      if (message !== this.#lastFailure) this.#host.log.warn('the store does not say who leads', { reason: message });
      this.#lastFailure = message;
    }
  }

  #learn(term: number, untilMs: number): void {
    if (this.#host.clock.monotonicMs() >= untilMs) {
      this.#lose('another Meta leads');
      return;
    }
    if (this.#term !== undefined && this.#term !== term) this.#lose('its lease had run out');
    this.#untilMs = untilMs;
    this.#endTimer?.cancel();
    // Reading the term is what notices the end.
    this.#endTimer = this.#host.clock.schedule(untilMs - this.#host.clock.monotonicMs() + 1, () => void this.term);
    if (this.#term === term) return;
    this.#term = term;
    this.#events.won(term);
  }

  #lose(reason: string): void {
    if (this.#term === undefined) return;
    this.#term = undefined;
    this.#endTimer?.cancel();
    if (this.#holder === this.#host.processId) this.#holder = undefined;
    this.#events.lost(reason);
  }
}

/** Ties a commit to the term of whoever makes it. */
export function fenceOf(term: number): { readonly name: string; readonly term: number } {
  return { name: NAME, term };
}
