import {
  type DerivedPublisher,
  type GlobalChange,
  type GlobalReading,
  type Host,
  type LeaseHold,
  LIMITS,
  type Publisher,
  RegistryError,
  RegistryErrorCode,
  type SessionGateway,
} from '../../core/index.ts';
import { EurekaRequestError } from './codec/errors.ts';
import { type InstanceInfo, InstanceStatus } from './codec/instance-info.ts';
import { Overrides } from './overrides.ts';
import { RegistryView, type ViewInstance, viewInstance } from './registry-view.ts';
import { decideHeartbeat, effectiveStatus, overrideInForce } from './status-rules.ts';
import { EUREKA_FORMAT, readPayload, toRegistration } from './translate.ts';

export interface EurekaRegistryOptions {
  /** How long a change stays in the delta; clients that poll more slowly find out through the hash. */
  readonly deltaRetentionMs: number;
  /** A lease ends after this many durations without a heartbeat. 2 is what existing Eureka servers do. */
  readonly leaseMultiplier: number;
}

/** One entry of the last registrations and cancellations. */
export interface RecentLease {
  readonly atMs: number;
  readonly app: string;
  readonly instanceId: string;
}

const RECENT_MOST = 1_000;

/**
 * The Eureka meaning of things over the Session: leases with dirty timestamps, overrides, the rule chain. Reads come from a view that the
 * Session's stream of all publishers keeps; a write is seen in the view when it resolves. Writes of one instance wait for one another.
 */
export class EurekaRegistry {
  readonly view: RegistryView;
  readonly overrides: Overrides;
  readonly recentRegistrations: RecentLease[] = [];
  readonly recentCancellations: RecentLease[] = [];
  readonly #gateway: SessionGateway;
  readonly #host: Host;
  readonly #options: EurekaRegistryOptions;
  readonly #locks = new Map<string, Promise<unknown>>();
  #reading: GlobalReading | undefined;
  #renewals = { minute: 0, current: 0, last: 0 };

  constructor(gateway: SessionGateway, host: Host, options: EurekaRegistryOptions) {
    this.#gateway = gateway;
    this.#host = host;
    this.#options = options;
    this.view = new RegistryView(options.deltaRetentionMs);
    this.overrides = new Overrides(gateway.documents);
  }

  /** Heartbeats in the last whole minute. */
  get renewsLastMinute(): number {
    this.#countRenewal(0);
    return this.#renewals.last;
  }

  /** Renewals per minute to be expected from the instances' own intervals; other protocols' send none here. */
  get renewsExpected(): number {
    let perMinute = 0;
    for (const { instances } of this.view.applications())
      for (const { info, isDerived } of instances) if (!isDerived) perMinute += 60 / info.leaseInfo.renewalIntervalInSecs;
    return Math.floor(perMinute);
  }

  /** Below this many renewals a minute an existing server would protect everybody; shown, and without effect here. */
  get renewsThreshold(): number {
    return Math.floor(this.renewsExpected * 0.85);
  }

  /** Why instances are kept although they are overdue, by domain. */
  leaseHolds(): readonly LeaseHold[] {
    return this.#gateway.leaseHolds();
  }

  /** Begins to read everything with the first request; resolves when the view is complete. */
  async whenReady(): Promise<void> {
    this.#reading ??= this.#gateway.readEverything(EUREKA_FORMAT, (changes) => this.#apply(changes));
    await Promise.all([this.#reading.ready, this.overrides.ready]);
  }

  isReady(): boolean {
    return this.#reading?.isReady() === true;
  }

  /** What is shown is whole: readers may compare it with what they hold. */
  async whenShowable(): Promise<void> {
    await this.whenReady();
    await this.#reading?.whenSettled();
  }

  isShowable(): boolean {
    return this.#reading?.isSettled() === true;
  }

  close(): void {
    this.#reading?.close();
    this.overrides.close();
  }

  /** Registers or updates (Eureka protocol, register). */
  async register(incoming: InstanceInfo, clientAddress: string, isReplicated = false): Promise<void> {
    await this.#locked(incoming.app, incoming.instanceId, async () => {
      const existing = this.#own(incoming.app, incoming.instanceId);
      const isOlder = existing !== undefined && existing.info.lastDirtyTimestamp > incoming.lastDirtyTimestamp;
      const chosen = isOlder ? existing.info : incoming;
      const override = await this.#overrideOf(chosen, existing);
      const status = effectiveStatus({ own: chosen.status, override, existing: existing?.info.status, isReplicated });
      const nowMs = this.#host.clock.wallMs();
      const wasUpAtMs = existing?.info.leaseInfo.serviceUpTimestamp ?? 0;
      await this.#write(
        {
          ...chosen,
          status,
          overriddenStatus: override ?? chosen.overriddenStatus,
          leaseInfo: {
            ...incoming.leaseInfo,
            registrationTimestamp: nowMs,
            lastRenewalTimestamp: nowMs,
            serviceUpTimestamp: wasUpAtMs === 0 && status === InstanceStatus.Up ? nowMs : wasUpAtMs,
          },
          lastUpdatedTimestamp: nowMs,
          actionType: 'ADDED',
        },
        clientAddress,
        existing,
      );
      remember(this.recentRegistrations, { atMs: nowMs, app: incoming.app, instanceId: incoming.instanceId });
    });
  }

  /**
   * The decision table over the view; the lease is renewed in the Session. Answers synchronously when nobody has to be asked and nothing
   * changes. `replication` is set for a heartbeat that a peer hands on, with the override that stands there.
   */
  heartbeat(
    app: string,
    instanceId: string,
    dirtyTimestamp: number | undefined,
    replication?: { readonly override: InstanceStatus | undefined },
  ): 200 | 404 | 409 | Promise<200 | 404 | 409> {
    const isReplicated = replication !== undefined;
    const existing = this.#own(app, instanceId);
    const info = existing?.info;
    const override = existing === undefined ? undefined : this.#overrideInForce(existing);
    const status =
      info === undefined ? InstanceStatus.Unknown : effectiveStatus({ own: info.status, override, existing: info.status, isReplicated });
    const decision = decideHeartbeat({
      exists: existing !== undefined,
      status,
      storedDirtyTimestamp: info?.lastDirtyTimestamp ?? 0,
      dirtyTimestamp,
      isReplicated,
    });
    if (!decision.isRenewed || existing === undefined || info === undefined) return decision.status;
    this.#countRenewal(1);
    // A status that the rules change shows in the delta, which existing servers forget. Whoever is answered sees it.
    const changes: Partial<InstanceInfo> = {
      ...(status === info.status ? {} : { status, actionType: 'MODIFIED' }),
      ...(decision.status === 404 && replication?.override !== undefined ? { overriddenStatus: replication.override } : {}),
    };
    const changed = Object.keys(changes).length === 0 ? undefined : this.#change(app, instanceId, changes);
    const outcome = this.#gateway.leases.renew(existing.dataInfoId, instanceId);
    if (changed === undefined && typeof outcome === 'string') return outcome === 'unknown' ? 404 : decision.status;
    return Promise.all([outcome, changed]).then(([result]) => (result === 'unknown' ? 404 : decision.status));
  }

  /** False when there was no such instance. A stored override goes in both cases. */
  async cancel(app: string, instanceId: string): Promise<boolean> {
    return this.#locked(app, instanceId, async () => {
      const existing = this.#own(app, instanceId);
      if (existing !== undefined) await this.#gateway.leases.cancel(existing.dataInfoId, instanceId);
      await this.#dropOverride(app, instanceId);
      if (existing !== undefined) remember(this.recentCancellations, { atMs: this.#host.clock.wallMs(), app, instanceId });
      return existing !== undefined;
    });
  }

  /** An operator's override; equal to the present status it only renews. False when there is no such instance. */
  async setStatus(app: string, instanceId: string, status: InstanceStatus, dirtyTimestamp: number | undefined): Promise<boolean> {
    return this.#locked(app, instanceId, async () => {
      const existing = this.#own(app, instanceId);
      if (existing === undefined) return false;
      if (status === existing.info.status) {
        await this.#gateway.leases.renew(existing.dataInfoId, instanceId);
        return true;
      }
      await this.overrides.set(app, instanceId, status);
      await this.#rewrite(existing, { status, overriddenStatus: status, actionType: 'MODIFIED', ...newerDirty(existing, dirtyTimestamp) });
      return true;
    });
  }

  /** Removes an override; the status is then `status`, or UNKNOWN until the client says it again. */
  async deleteStatus(app: string, instanceId: string, status: InstanceStatus, dirtyTimestamp: number | undefined): Promise<boolean> {
    return this.#locked(app, instanceId, async () => {
      const existing = this.#own(app, instanceId);
      if (existing === undefined) return false;
      if (this.overrides.get(app, instanceId) === undefined && this.#overrideInForce(existing) === undefined) {
        await this.#gateway.leases.renew(existing.dataInfoId, instanceId);
        return true;
      }
      await this.overrides.remove(app, instanceId);
      const changes = { status, overriddenStatus: InstanceStatus.Unknown, actionType: 'MODIFIED' as const };
      await this.#rewrite(existing, { ...changes, ...newerDirty(existing, dirtyTimestamp) });
      return true;
    });
  }

  /** Adds metadata entries. False when there is no such instance. */
  async addMetadata(app: string, instanceId: string, entries: ReadonlyMap<string, string>): Promise<boolean> {
    return this.#locked(app, instanceId, async () => {
      const existing = this.#own(app, instanceId);
      if (existing === undefined) return false;
      await this.#rewrite(existing, { metadata: new Map([...existing.info.metadata, ...entries]), actionType: 'ADDED' });
      return true;
    });
  }

  /** What a heartbeat brought about; an override is one of them when a peer's heartbeat tells of it. */
  async #change(app: string, instanceId: string, changes: Partial<InstanceInfo>): Promise<void> {
    try {
      await this.#locked(app, instanceId, async () => {
        const existing = this.#own(app, instanceId);
        if (existing === undefined) return;
        if (changes.overriddenStatus !== undefined) await this.overrides.set(app, instanceId, changes.overriddenStatus);
        await this.#rewrite(existing, changes);
      });
    } catch (caught) {
      this.#host.log.warn('a status that the rules changed could not be stored', {
        app,
        instanceId,
        reason: RegistryError.from(caught).message,
      });
    }
  }

  #own(app: string, instanceId: string): ViewInstance | undefined {
    const found = this.view.find(app, instanceId);
    return found?.isDerived === true ? undefined : found;
  }

  async #rewrite(existing: ViewInstance, changes: Partial<InstanceInfo>): Promise<void> {
    const nowMs = this.#host.clock.wallMs();
    const info = { ...existing.info, lastUpdatedTimestamp: nowMs, ...changes };
    const isFirstUp = info.status === InstanceStatus.Up && info.leaseInfo.serviceUpTimestamp === 0;
    const leaseInfo = isFirstUp ? { ...info.leaseInfo, serviceUpTimestamp: nowMs } : info.leaseInfo;
    await this.#write({ ...info, leaseInfo }, '', existing);
  }

  async #write(info: InstanceInfo, clientAddress: string, existing: ViewInstance | undefined): Promise<void> {
    const registration = toRegistration(info, clientAddress);
    const durationMs = Math.min(info.leaseInfo.durationInSecs * 1000 * this.#options.leaseMultiplier, LIMITS.leaseDurationMs);
    await this.#gateway.leases.register(registration, durationMs);
    // The application spells its name differently now: the record under the earlier spelling would be a second one.
    if (existing !== undefined && existing.dataInfoId !== registration.dataInfoId) {
      await this.#gateway.leases.cancel(existing.dataInfoId, info.instanceId);
    }
  }

  /** An override that stands, or one that the registration itself carries and that is stored from now on. */
  async #overrideOf(info: InstanceInfo, existing: ViewInstance | undefined): Promise<InstanceStatus | undefined> {
    const stored = existing === undefined ? this.overrides.get(info.app, info.instanceId) : this.#overrideInForce(existing);
    if (stored !== undefined || info.overriddenStatus === InstanceStatus.Unknown) return stored;
    try {
      await this.overrides.set(info.app, info.instanceId, info.overriddenStatus);
    } catch (caught) {
      // A registration must go through although nothing durable can be written now; the override still applies to it.
      this.#host.log.warn('an override sent with a registration could not be stored', { reason: RegistryError.from(caught).message });
    }
    return info.overriddenStatus;
  }

  #overrideInForce({ info, shownAtMs }: ViewInstance): InstanceStatus | undefined {
    const written = info.overriddenStatus === InstanceStatus.Unknown ? undefined : info.overriddenStatus;
    return overrideInForce(this.overrides.get(info.app, info.instanceId), written, this.#host.clock.monotonicMs() - shownAtMs);
  }

  async #dropOverride(app: string, instanceId: string): Promise<void> {
    try {
      await this.overrides.delete(app, instanceId);
    } catch (caught) {
      const error = RegistryError.from(caught);
      if (error.code !== RegistryErrorCode.StoreUnavailable) throw error;
      this.#host.log.warn('the override of a cancelled instance could not be removed', { app, instanceId, reason: error.message });
    }
  }

  async #locked<T>(app: string, instanceId: string, run: () => Promise<T>): Promise<T> {
    const key = `${app}/${instanceId}`;
    const before = this.#locks.get(key) ?? Promise.resolve();
    const running = before.catch(() => undefined).then(run);
    this.#locks.set(key, running);
    try {
      return await running;
    } finally {
      if (this.#locks.get(key) === running) this.#locks.delete(key);
    }
  }

  #countRenewal(amount: number): void {
    const minute = Math.floor(this.#host.clock.monotonicMs() / 60_000);
    if (minute !== this.#renewals.minute) {
      this.#renewals = { minute, current: 0, last: minute === this.#renewals.minute + 1 ? this.#renewals.current : 0 };
    }
    this.#renewals.current += amount;
  }

  #apply(changes: readonly GlobalChange[]): void {
    for (const change of changes) {
      if (change.kind === 'upsert') this.#upsert(change.publisher, false);
      else if (change.kind === 'derived') this.#upsert(change.publisher, true);
      else if (change.kind === 'remove') this.#remove(change);
      else this.#removeDerived(change.publisher);
    }
  }

  #upsert(publisher: Publisher | DerivedPublisher, isDerived: boolean): void {
    try {
      this.#show(viewInstance(readPayload(publisher), publisher.dataInfoId, isDerived, this.#host.clock.monotonicMs()));
    } catch (caught) {
      const reason = caught instanceof EurekaRequestError || caught instanceof Error ? caught.message : String(caught);
      this.#host.log.error('a stored Eureka instance cannot be read and is not shown', { dataInfoId: publisher.dataInfoId, reason });
    }
  }

  #remove(change: Extract<GlobalChange, { kind: 'remove' }>): void {
    const app = appOf(change.dataInfoId);
    const existing = this.#own(app, change.registerId);
    // Only the record of this very name: after a change of spelling the newer one stays.
    if (existing === undefined || existing.dataInfoId !== change.dataInfoId) return;
    this.#hide(app, change.registerId);
    if (change.reason === 'expired') void this.#dropOverride(app, change.registerId);
  }

  /** A registration of the same id may have taken its place in the same breath. */
  #removeDerived({ dataInfoId, registerId }: DerivedPublisher): void {
    const app = appOf(dataInfoId);
    if (this.view.find(app, registerId)?.isDerived === true) this.#hide(app, registerId);
  }

  #show(instance: ViewInstance): void {
    this.view.put(instance, this.#host.clock.monotonicMs(), this.#host.clock.wallMs());
  }

  #hide(app: string, instanceId: string): void {
    this.view.remove(app, instanceId, this.#host.clock.monotonicMs(), this.#host.clock.wallMs());
  }
}

function appOf(dataInfoId: string): string {
  return dataInfoId.slice(0, dataInfoId.indexOf('#@#')).toUpperCase();
}

function newerDirty(existing: ViewInstance, dirtyTimestamp: number | undefined): Partial<InstanceInfo> {
  const isNewer = dirtyTimestamp !== undefined && dirtyTimestamp > existing.info.lastDirtyTimestamp;
  return isNewer ? { lastDirtyTimestamp: dirtyTimestamp } : {};
}

function remember(list: RecentLease[], entry: RecentLease): void {
  list.push(entry);
  if (list.length > RECENT_MOST) list.shift();
}
