import { type Lease, LeaseTable } from '../lease/lease-table.ts';
import type { DataInfoId } from '../model/data-info-id.ts';
import type { Publisher } from '../model/publisher.ts';
import { compareRegisterVersion, type RegisterVersion } from '../model/register-version.ts';
import { StoredPublisher } from '../model/stored-publisher.ts';
import type { Clock, Timer } from '../seams/clock.ts';

interface Copy {
  publisher: Publisher;
  readonly slotId: number;
  lease: Lease<string>;
  /** When the client was heard of here last. Unlike the lease, it gains nothing when this process sleeps. */
  heardMs: number;
  isRenewalQueued: boolean;
}

const SWEEP_MS = 1_000;

/**
 * Copies of the lease publishers that this Session accepted, kept while they are renewed through it: they bring a record back when
 * every Data node of its slot has died, and let a heartbeat be answered at once. Dropped after one and a half periods
 * without a heartbeat here, on cancel, and when a leader says that the record was withdrawn.
 */
export class LeaseCopies {
  readonly #clock: Clock;
  readonly #slotOf: (dataInfoId: DataInfoId) => number;
  readonly #copies = new Map<string, Copy>();
  readonly #bySlot = new Map<number, Set<string>>();
  readonly #table = new LeaseTable<string>();
  #timer: Timer | undefined;

  constructor(clock: Clock, slotOf: (dataInfoId: DataInfoId) => number) {
    this.#clock = clock;
    this.#slotOf = slotOf;
    this.#schedule();
  }

  get size(): number {
    return this.#copies.size;
  }

  put(publisher: Publisher): void {
    if (publisher.liveness.kind !== 'lease') return;
    const key = copyKey(publisher.dataInfoId, publisher.registerId);
    this.#drop(key);
    const slotId = this.#slotOf(publisher.dataInfoId);
    const nowMs = this.#clock.monotonicMs();
    const lease = this.#table.grant(key, publisher.liveness.durationMs * 1.5, nowMs);
    this.#copies.set(key, { publisher, slotId, lease, heardMs: nowMs, isRenewalQueued: false });
    const keys = this.#bySlot.get(slotId);
    if (keys === undefined) this.#bySlot.set(slotId, new Set([key]));
    else keys.add(key);
  }

  get(dataInfoId: DataInfoId, registerId: string): Publisher | undefined {
    return this.#copies.get(copyKey(dataInfoId, registerId))?.publisher;
  }

  /** A heartbeat came. `queue`: the leader has to be told; `queued`: that is under way already; undefined: no copy here. */
  renewed(dataInfoId: DataInfoId, registerId: string): 'queue' | 'queued' | undefined {
    const copy = this.#copies.get(copyKey(dataInfoId, registerId));
    if (copy === undefined) return undefined;
    copy.heardMs = this.#clock.monotonicMs();
    this.#table.renew(copy.lease, copy.heardMs);
    if (copy.isRenewalQueued) return 'queued';
    copy.isRenewalQueued = true;
    return 'queue';
  }

  renewalAnswered(dataInfoId: DataInfoId, registerId: string): void {
    const copy = this.#copies.get(copyKey(dataInfoId, registerId));
    if (copy !== undefined) copy.isRenewalQueued = false;
  }

  remove(dataInfoId: DataInfoId, registerId: string): void {
    this.#drop(copyKey(dataInfoId, registerId));
  }

  /** It was registered anew through some Session: what this one would bring back must be the newest. */
  published(publisher: Publisher): void {
    const copy = this.#copies.get(copyKey(publisher.dataInfoId, publisher.registerId));
    if (copy !== undefined && compareRegisterVersion(copy.publisher.registerVersion, publisher.registerVersion) < 0)
      copy.publisher = StoredPublisher.of(publisher);
  }

  /** It was withdrawn through some Session: a copy that is not newer must not bring it back. */
  withdrawn(dataInfoId: DataInfoId, registerId: string, version: RegisterVersion): void {
    const copy = this.get(dataInfoId, registerId);
    if (copy !== undefined && compareRegisterVersion(copy.registerVersion, version) <= 0) this.remove(dataInfoId, registerId);
  }

  /**
   * Copies of one slot by DataInfoId whose clients were heard of here within their own period: for longer than that none may be brought
   * back to life. The time that this process slept counts: the leader was awake, and has let the lease expire.
   */
  liveOfSlot(slotId: number): ReadonlyMap<DataInfoId, readonly Publisher[]> {
    const nowMs = this.#clock.monotonicMs();
    const found = new Map<DataInfoId, Publisher[]>();
    for (const key of this.#bySlot.get(slotId) ?? []) {
      const copy = this.#copies.get(key);
      if (copy === undefined) continue;
      const { publisher, heardMs } = copy;
      if (publisher.liveness.kind !== 'lease' || nowMs - heardMs > publisher.liveness.durationMs) continue;
      const list = found.get(publisher.dataInfoId);
      if (list === undefined) found.set(publisher.dataInfoId, [publisher]);
      else list.push(publisher);
    }
    return found;
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #drop(key: string): void {
    const copy = this.#copies.get(key);
    if (copy === undefined) return;
    this.#table.release(copy.lease);
    this.#copies.delete(key);
    const keys = this.#bySlot.get(copy.slotId);
    keys?.delete(key);
    if (keys?.size === 0) this.#bySlot.delete(copy.slotId);
  }

  #schedule(): void {
    const plannedMs = this.#clock.monotonicMs() + SWEEP_MS;
    this.#timer = this.#clock.schedule(SWEEP_MS, () => {
      const nowMs = this.#clock.monotonicMs();
      // The process slept: heartbeats could not come.
      if (nowMs - plannedMs > SWEEP_MS / 2) this.#table.forgive(nowMs - plannedMs);
      for (const lease of this.#table.takeDue(nowMs)) this.#drop(lease.holder);
      this.#schedule();
    });
  }
}

function copyKey(dataInfoId: DataInfoId, registerId: string): string {
  return `${dataInfoId}\u0000${registerId}`;
}
