import type { DataInfoId, FoldedId } from '../../model/data-info-id.ts';
import type { DatumVersion } from '../../model/datum-version.ts';
import type { Subscriber } from '../../model/subscriber.ts';
import type { Clock, Timer } from '../../seams/clock.ts';
import type { PushOutcome, PushProfile, PushSink, ServiceView } from '../../seams/session-gateway.ts';
import type { PushFlight } from './ack-deadlines.ts';

interface SubscriberState {
  readonly subscriber: Subscriber;
  readonly registeredAtMs: number;
  /** 0n before the first push. */
  sentVersion: DatumVersion;
  acknowledgedVersion: DatumVersion;
}

interface Flight extends PushFlight {
  readonly version: DatumVersion;
  readonly states: readonly SubscriberState[];
}

/** What a group needs of its surroundings. */
export interface PushContext {
  readonly clock: Clock;
  readonly sink: PushSink;
  readonly profile: PushProfile;
  /** Calls the flight's `expired` when its time is up, unless it has landed before. */
  watch(flight: PushFlight, timeoutMs: number): void;
  view(foldedId: FoldedId, dataInfoId: DataInfoId): ServiceView | undefined;
  isStopped(): boolean;
  /** Told with every first acknowledgement of a view, for the measured delay. */
  acknowledged(foldedId: FoldedId, version: DatumVersion): void;
  sent(foldedId: FoldedId, version: DatumVersion): void;
}

/**
 * The subscribers of one connection that share name, scope and zone: they are pushed together. At most one push is in flight; what
 * changes meanwhile is only remembered as "there is something newer", so that a slow client costs one flag.
 *
 *     idle --(newer view)--> waiting for the least gap or the empty-first wait --> in flight
 *     in flight --(acknowledged)--> idle      --(failed, silent)--> waiting to retry --> in flight
 *     retries used up --> idle, until the repair scan or the next change
 */
export class PushGroup {
  readonly foldedId: FoldedId;
  readonly dataInfoId: DataInfoId;
  readonly #context: PushContext;
  readonly #subscribers = new Map<string, SubscriberState>();
  #inFlight: Flight | undefined;
  #lastPushMs = Number.NEGATIVE_INFINITY;
  #attempt = 0;
  #timer: Timer | undefined;
  #closed = false;

  constructor(foldedId: FoldedId, dataInfoId: DataInfoId, context: PushContext) {
    this.foldedId = foldedId;
    this.dataInfoId = dataInfoId;
    this.#context = context;
  }

  get size(): number {
    return this.#subscribers.size;
  }

  /** Greatest version sent to any of them. */
  get sentVersion(): DatumVersion {
    let greatest = 0n;
    for (const state of this.#subscribers.values()) if (state.sentVersion > greatest) greatest = state.sentVersion;
    return greatest;
  }

  add(subscriber: Subscriber): void {
    const registeredAtMs = this.#context.clock.monotonicMs();
    this.#subscribers.set(subscriber.registerId, { subscriber, registeredAtMs, sentVersion: 0n, acknowledgedVersion: 0n });
    this.advance();
  }

  remove(registerId: string): void {
    this.#subscribers.delete(registerId);
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  /** Something may have to be sent: called for a new view, a new subscriber, a reopened switch, and by the repair scan. */
  advance(): void {
    if (this.#closed || this.#inFlight !== undefined || this.#context.isStopped()) return;
    const view = this.#context.view(this.foldedId, this.dataInfoId);
    if (view === undefined) return;
    const behind: SubscriberState[] = [];
    for (const state of this.#subscribers.values()) if (state.sentVersion < view.version) behind.push(state);
    if (behind.length === 0) return;
    const nowMs = this.#context.clock.monotonicMs();
    const waitMs = this.#waitMs(view, behind, nowMs);
    if (waitMs > 0) this.#later(waitMs);
    else this.#send(view, behind, nowMs);
  }

  /** The repair scan: whoever was sent something but never acknowledged it is sent it again. */
  repair(): void {
    if (this.#inFlight !== undefined || this.#timer !== undefined) return;
    for (const state of this.#subscribers.values()) {
      if (state.acknowledgedVersion < state.sentVersion) state.sentVersion = state.acknowledgedVersion;
    }
    this.#attempt = 0;
    this.advance();
  }

  #waitMs(view: ServiceView, behind: readonly SubscriberState[], nowMs: number): number {
    const { profile } = this.#context;
    const gapMs = this.#lastPushMs + profile.leastPushGapMs - nowMs;
    const isEmpty = view.publishers.length === 0 && view.derived.length === 0;
    if (!isEmpty || behind.some((state) => state.sentVersion > 0n)) return gapMs;
    // An empty first push must not overtake data that is on its way.
    const newestMs = Math.max(...behind.map((state) => state.registeredAtMs));
    return Math.max(gapMs, newestMs + profile.emptyFirstPushWaitMs - nowMs);
  }

  #later(delayMs: number): void {
    if (this.#timer !== undefined) return;
    this.#timer = this.#context.clock.schedule(delayMs, () => {
      this.#timer = undefined;
      this.advance();
    });
  }

  #send(view: ServiceView, states: readonly SubscriberState[], nowMs: number): void {
    const { profile, sink } = this.#context;
    const cause = this.#attempt > 0 ? 'repeat' : states.some((state) => state.sentVersion === 0n) ? 'first' : 'change';
    const flight: Flight = {
      version: view.version,
      states,
      expiresAtMs: nowMs + profile.acknowledgeTimeoutMs,
      hasLanded: false,
      expired: () => this.#finished(flight, 'failed'),
    };
    this.#inFlight = flight;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#lastPushMs = nowMs;
    for (const state of states) state.sentVersion = view.version;
    this.#context.sent(this.foldedId, view.version);
    this.#context.watch(flight, profile.acknowledgeTimeoutMs);
    sink({ view, subscribers: states.map((state) => state.subscriber), cause }, (outcome) => {
      if (flight.hasLanded) return;
      flight.hasLanded = true;
      if (outcome === 'acknowledged') this.#acknowledge(flight);
      this.#finished(flight, outcome);
    });
  }

  /** Also for an acknowledgement that comes after its time: what the client has, it has. */
  #acknowledge(flight: Flight): void {
    for (const state of flight.states) {
      if (flight.version > state.acknowledgedVersion) state.acknowledgedVersion = flight.version;
      if (flight.version > state.sentVersion) state.sentVersion = flight.version;
    }
    this.#context.acknowledged(this.foldedId, flight.version);
  }

  #finished(flight: Flight, outcome: PushOutcome): void {
    if (this.#inFlight !== flight) return;
    this.#inFlight = undefined;
    if (this.#closed || outcome === 'closed') return;
    if (outcome === 'acknowledged') {
      this.#attempt = 0;
      this.advance();
      return;
    }
    const delayMs = this.#context.profile.retryDelaysMs[this.#attempt];
    this.#attempt += 1;
    if (delayMs === undefined) return;
    for (const state of flight.states) if (state.sentVersion === flight.version) state.sentVersion = state.acknowledgedVersion;
    this.#later(delayMs);
  }
}
