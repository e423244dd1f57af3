import { type LeaseDomain, LeaseDomains } from '../lease/lease-domain.ts';
import { explainSilence, type LeaseGuardConfig } from '../lease/lease-guard.ts';
import { type Lease, LeaseTable } from '../lease/lease-table.ts';
import type { LeaseHold } from '../model/lease-hold.ts';
import type { Clock, Timer } from '../seams/clock.ts';
import type { Log } from '../seams/log.ts';
import type { KeptLease, PublisherRecord } from './stored-datum.ts';

/** A sweep later than planned by more than this means that the process slept, and leases gain what it slept. */
const STALL_MS = 500;
const SWEEP_LEAST_MS = 50;
const HELD_AGAIN_MS = 1_000;
/**
 * A lease that has less than this part of its duration left is silent, too: it has missed two renewals of three, and will be due in a
 * moment for the same cause. So the first of a domain that is cut off are not lost before there are enough to see it.
 */
const LATE_PART = 1 / 8;

/**
 * Leases of the publishers in the slots this node leads: granted, renewed, expired on the monotonic clock by one timer. Stalls are
 * forgiven; leases that fall silent together with most of their service, Session, zone or network segment are held back.
 */
export class LeaseKeeper {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #config: LeaseGuardConfig;
  readonly #table = new LeaseTable<KeptLease>();
  readonly #domains = new LeaseDomains();
  readonly #expire: (record: PublisherRecord) => void;
  readonly #held = new Set<KeptLease>();
  /** Domains whose hold was reported. */
  readonly #reported = new Set<LeaseDomain>();
  #timer: Timer | undefined;
  #plannedMs = 0;
  #stopped = false;

  constructor(clock: Clock, log: Log, guard: LeaseGuardConfig, expire: (record: PublisherRecord) => void) {
    this.#clock = clock;
    this.#log = log;
    this.#config = guard;
    this.#expire = expire;
  }

  get size(): number {
    return this.#table.size;
  }

  /** Leases that are overdue and kept because too many fell silent together. */
  get heldCount(): number {
    return this.#held.size;
  }

  /** Why overdue leases are kept, by domain; those that hold most first. */
  holds(): readonly LeaseHold[] {
    const nowMs = this.#clock.monotonicMs();
    const byDomain = new Map<LeaseDomain, { held: number; sinceMs: number }>();
    for (const { hold } of this.#held) {
      if (hold === undefined) continue;
      const known = byDomain.get(hold.domain);
      if (known === undefined) byDomain.set(hold.domain, { held: 1, sinceMs: hold.sinceMs });
      else {
        known.held += 1;
        known.sinceMs = Math.min(known.sinceMs, hold.sinceMs);
      }
    }
    return [...byDomain]
      .map(([{ kind, name, total }, { held, sinceMs }]) => ({
        kind,
        name,
        held,
        total,
        heldForMs: nowMs - sinceMs,
        endsInMs: Math.max(0, sinceMs + this.#config.mostHoldMs - nowMs),
      }))
      .sort((a, b) => b.held - a.held);
  }

  /** A full period from now: for a new registration, a new leader, a restart. */
  grant(record: PublisherRecord): void {
    const { liveness } = record.publisher;
    this.release(record);
    if (liveness.kind !== 'lease') return;
    const kept: KeptLease = { record, domains: this.#domains.enter(record.publisher), hold: undefined };
    record.lease = this.#table.grant(kept, liveness.durationMs, this.#clock.monotonicMs());
    this.#plan();
  }

  renew(record: PublisherRecord): void {
    if (record.lease === undefined) {
      this.grant(record);
      return;
    }
    this.#table.renew(record.lease, this.#clock.monotonicMs());
    this.#unhold(record.lease.holder);
  }

  release(record: PublisherRecord): void {
    if (record.lease === undefined) return;
    const { holder } = record.lease;
    this.#table.release(record.lease);
    this.#unhold(holder);
    this.#domains.leave(holder.domains);
    record.lease = undefined;
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #unhold(kept: KeptLease): void {
    if (kept.hold === undefined) return;
    kept.hold = undefined;
    this.#held.delete(kept);
    if (this.#held.size === 0) this.#reportHolds();
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
    if (due.length > 0) this.#judge(due, nowMs);
    this.#plan();
  }

  #judge(due: readonly Lease<KeptLease>[], nowMs: number): void {
    // About one renewal interval: what expired within it belongs to the same silence.
    const windowMs = due.reduce((longest, lease) => Math.max(longest, lease.durationMs / 3), 0);
    this.#domains.forgetExpired(nowMs - windowMs);
    const explained = explainSilence(this.#silent(due, nowMs), this.#domains.all(), this.#config);
    // When most of a domain are back, the others are still on their way.
    for (const domain of explained.values()) domain.suspectUntilMs = nowMs + windowMs;
    for (const lease of due) {
      const kept = lease.holder;
      const domain = explained.get(kept) ?? kept.domains.find(({ suspectUntilMs }) => suspectUntilMs > nowMs);
      const sinceMs = kept.hold?.sinceMs ?? nowMs;
      if (domain === undefined || nowMs - sinceMs >= this.#config.mostHoldMs) {
        // Remembered before the record is taken away, so that the domain is still there.
        for (const one of kept.domains) one.expired.push({ atMs: nowMs, count: 1 });
        this.#unhold(kept);
        this.#expire(kept.record);
      } else {
        kept.hold = { domain, sinceMs };
        this.#held.add(kept);
        this.#table.postpone(lease, HELD_AGAIN_MS, nowMs);
      }
    }
    this.#reportHolds();
  }

  /** Everything that is due, held, or will be due in a moment. */
  #silent(due: readonly Lease<KeptLease>[], nowMs: number): readonly KeptLease[] {
    const silent = due.map((lease) => lease.holder);
    if (this.#config.share >= 1) return silent;
    for (const lease of this.#table.waiting()) {
      const { holder } = lease;
      if (holder.hold !== undefined || this.#table.remainingMs(lease, nowMs) < lease.durationMs * LATE_PART) silent.push(holder);
    }
    return silent;
  }

  #reportHolds(): void {
    const domains = new Set<LeaseDomain>();
    for (const { hold } of this.#held) if (hold !== undefined) domains.add(hold.domain);
    for (const domain of domains) {
      if (this.#reported.has(domain)) continue;
      this.#reported.add(domain);
      this.#log.warn('leases are kept although they are overdue: too many of one domain fell silent together', {
        domain: domain.kind,
        name: domain.name,
        silent: domain.silent,
        leases: domain.total,
        mostHoldMs: this.#config.mostHoldMs,
      });
    }
    for (const domain of this.#reported) {
      if (domains.has(domain)) continue;
      this.#reported.delete(domain);
      this.#log.info('leases of a domain are not kept beyond their time any more', { domain: domain.kind, name: domain.name });
    }
  }
}
