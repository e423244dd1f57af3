import { LeaseGuard, type LeaseGuardConfig } from '../lease/lease-guard.ts';
import { type Lease, LeaseTable } from '../lease/lease-table.ts';
import type { Clock, Timer } from '../seams/clock.ts';
import type { PublisherRecord } from './slot-store.ts';

/** A sweep later than planned by more than this means that the process slept, and leases gain what it slept. */
const STALL_MS = 500;
const SWEEP_LEAST_MS = 50;
const HELD_AGAIN_MS = 1_000;

/**
 * Leases of the publishers in the slots this node leads: granted, renewed, expired on the monotonic clock by one timer. Stalls are
 * forgiven, correlated silence is held back by the guard.
 */
export class LeaseKeeper {
  readonly #clock: Clock;
  readonly #table = new LeaseTable<PublisherRecord>();
  readonly #guard: LeaseGuard;
  readonly #expire: (record: PublisherRecord) => void;
  readonly #held = new Set<Lease<PublisherRecord>>();
  #timer: Timer | undefined;
  #plannedMs = 0;
  #stopped = false;

  constructor(clock: Clock, guard: LeaseGuardConfig, expire: (record: PublisherRecord) => void) {
    this.#clock = clock;
    this.#guard = new LeaseGuard(guard);
    this.#expire = expire;
  }

  get size(): number {
    return this.#table.size;
  }

  /** Leases that are overdue and kept because too many fell silent together. */
  get heldCount(): number {
    return this.#held.size;
  }

  /** A full period from now: for a new registration, a new leader, a restart. */
  grant(record: PublisherRecord): void {
    const { liveness } = record.publisher;
    this.release(record);
    if (liveness.kind !== 'lease') return;
    record.lease = this.#table.grant(record, liveness.durationMs, this.#clock.monotonicMs());
    this.#plan();
  }

  renew(record: PublisherRecord): void {
    if (record.lease === undefined) {
      this.grant(record);
      return;
    }
    this.#table.renew(record.lease, this.#clock.monotonicMs());
    this.#held.delete(record.lease);
  }

  release(record: PublisherRecord): void {
    if (record.lease === undefined) return;
    this.#table.release(record.lease);
    this.#held.delete(record.lease);
    record.lease = undefined;
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #plan(): void {
    const dueMs = this.#table.nextDueMs();
    if (dueMs === undefined || this.#stopped) return;
    const nowMs = this.#clock.monotonicMs();
    const atMs = Math.max(dueMs, nowMs + SWEEP_LEAST_MS);
    if (this.#timer !== undefined && this.#plannedMs <= atMs) return;
    this.#timer?.cancel();
    this.#plannedMs = atMs;
    this.#timer = this.#clock.schedule(atMs - nowMs, () => this.#sweep());
  }

  #sweep(): void {
    this.#timer = undefined;
    const nowMs = this.#clock.monotonicMs();
    const lateMs = nowMs - this.#plannedMs;
    if (lateMs > STALL_MS) this.#table.forgive(lateMs);
    const due = this.#table.takeDue(nowMs);
    const fresh = due.filter((lease) => !this.#held.has(lease));
    const windowMs = due.reduce((longest, lease) => Math.max(longest, lease.durationMs / 3), 0);
    const counts = { fresh: fresh.length, held: due.length - fresh.length };
    const mayExpire = due.length === 0 || this.#guard.mayExpire(counts, this.#table.size, windowMs, nowMs);
    for (const lease of due) {
      if (mayExpire) {
        this.#held.delete(lease);
        this.#expire(lease.holder);
      } else {
        this.#held.add(lease);
        this.#table.postpone(lease, HELD_AGAIN_MS, nowMs);
      }
    }
    this.#plan();
  }
}
