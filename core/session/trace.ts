import type { FoldedId } from '../model/data-info-id.ts';
import type { DatumVersion } from '../model/datum-version.ts';
import type { Clock } from '../seams/clock.ts';
import type { DurationHistogram, Metrics } from '../seams/metrics.ts';
import type { NoticedChange } from '../wire/slot-read.ts';

interface Stages {
  readonly change: NoticedChange;
  readonly noticedAtMs: number;
  sentAtMs: number | undefined;
  isAcknowledged: boolean;
}

/** Measures how long a change takes from acceptance to the first client's acknowledgement, stage by stage. */
export class SessionTrace {
  readonly #clock: Clock;
  readonly #histogram: DurationHistogram;
  /** The last change of each subscribed name. */
  readonly #stages = new Map<FoldedId, Stages>();

  constructor(clock: Clock, metrics: Metrics) {
    this.#clock = clock;
    this.#histogram = metrics.duration({
      name: 'push_delay_seconds',
      help: 'From the acceptance of a change at a Session to the stage named, for the first client that was pushed to',
      labelNames: ['stage'],
    });
  }

  noticed(change: NoticedChange): void {
    const nowMs = this.#clock.wallMs();
    this.#stages.set(change.foldedId, { change, noticedAtMs: nowMs, sentAtMs: undefined, isAcknowledged: false });
    if (change.acceptedAtMs === 0) return;
    this.#histogram.recordMs(Math.max(0, change.committedAtMs - change.acceptedAtMs), { stage: 'committed' });
    this.#histogram.recordMs(Math.max(0, nowMs - change.acceptedAtMs), { stage: 'noticed' });
  }

  sent(foldedId: FoldedId, version: DatumVersion): void {
    const stages = this.#stages.get(foldedId);
    if (stages === undefined || stages.sentAtMs !== undefined || version < stages.change.version || stages.change.acceptedAtMs === 0)
      return;
    stages.sentAtMs = this.#clock.wallMs();
    this.#histogram.recordMs(Math.max(0, stages.sentAtMs - stages.change.acceptedAtMs), { stage: 'sent' });
  }

  acknowledged(foldedId: FoldedId, version: DatumVersion): void {
    const stages = this.#stages.get(foldedId);
    if (stages === undefined || stages.isAcknowledged || version < stages.change.version || stages.change.acceptedAtMs === 0) return;
    stages.isAcknowledged = true;
    this.#histogram.recordMs(Math.max(0, this.#clock.wallMs() - stages.change.acceptedAtMs), { stage: 'acknowledged' });
  }

  forget(foldedId: FoldedId): void {
    this.#stages.delete(foldedId);
  }
}
