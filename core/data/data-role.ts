import type { LeaseGuardConfig } from '../lease/lease-guard.ts';
import { type DataInfoId, type FoldedId, foldDataInfoId } from '../model/data-info-id.ts';
import type { DatumVersion } from '../model/datum-version.ts';
import { RegistryError, RegistryErrorCode } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import { type PeerId, type ProcessId, Role } from '../model/node.ts';
import type { Publisher } from '../model/publisher.ts';
import { nextStamp } from '../model/register-version.ts';
import { SlotStatus } from '../model/slot-table.ts';
import type { Timer } from '../seams/clock.ts';
import type { RoleHost } from '../seams/host.ts';
import type { RemoveReason } from '../seams/session-gateway.ts';
import type { Closeable } from '../seams/transport.ts';
import { slotOf } from '../slot/slot-of.ts';
import { dispatcher, type MessageHandler } from '../wire/dispatch.ts';
import { MessageKind } from '../wire/frame.ts';
import { decodeTableChanged } from '../wire/heartbeat.ts';
import type { HeartbeatReport, MetaClient } from '../wire/meta-client.ts';
import { decodeSessionPulse, encodeSessionPulseAnswer } from '../wire/session-pulse.ts';
import {
  decodeSlotBatch,
  encodeSlotBatchAnswer,
  type SlotBatchRequest,
  type SlotOperation,
  type SlotOperationResult,
} from '../wire/slot-batch.ts';
import {
  decodeCompareDatums,
  decodeCompareRoots,
  encodeCompareDatumsAnswer,
  encodeCompareRootsAnswer,
  type WithdrawnRecord,
} from '../wire/slot-compare.ts';
import type { SlotAddress } from '../wire/slot-head.ts';
import { decodeSlotLog, decodeSlotPage, encodeSlotLogAnswer, encodeSlotPageAnswer } from '../wire/slot-log.ts';
import {
  decodeSlotFetch,
  decodeSlotInterest,
  encodeSlotFetchAnswer,
  encodeSlotInterestAnswer,
  encodeSlotNotice,
} from '../wire/slot-read.ts';
import { FollowerSync } from './follower-sync.ts';
import type { HeldNames } from './held-names.ts';
import type { DataConfig, DataServer, SlotSummary } from './index.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import { LogStream } from './log-stream.ts';
import { Migration } from './migration.ts';
import type { RestartCache, Restored } from './restart-cache.ts';
import { type CompareEffects, compareSlotWithSession, findDifferingSlots } from './session-compare.ts';
import { SessionLeases } from './session-leases.ts';
import { answerSlotPage, answerWholeCompare, answerWholeRoots } from './slot-reads.ts';
import { SlotReplica, slotAnswer } from './slot-replica.ts';
import type { Moment, PublisherRecord } from './slot-store.ts';

const TICK_MS = 1_000;
const STALL_MS = 500;
const ALIVE_EVERY_MS = 10_000;
const COMPACT_EVERY_MS = 30_000;

/** Why something changed, for the notice: the batch of a Session, or the leader's own reasons. */
interface Cause {
  readonly changeId: number;
  readonly acceptedAtMs: number;
}
const OWN_CAUSE: Cause = { changeId: 0, acceptedAtMs: 0 };

/** The Data role: takes messages, lets the store decide, and makes the decision known to followers, readers and Sessions. */
export class DataRole implements DataServer {
  readonly #config: DataConfig & { readonly leaseGuard: LeaseGuardConfig };
  readonly #host: RoleHost;
  readonly #meta: MetaClient;
  readonly #restart: RestartCache;
  readonly #held: HeldNames;
  readonly #replicas = new Map<number, SlotReplica>();
  readonly #leases: LeaseKeeper;
  readonly #sessionLeases: SessionLeases;
  readonly #stream: LogStream;
  readonly #follower: FollowerSync;
  readonly #migration: Migration;
  readonly #effects: CompareEffects;
  readonly #changedSlots = new Set<SlotReplica>();
  readonly #closeables: Closeable[] = [];
  /** Lease publishers of before the restart, until their slot is led again. */
  #restored: Publisher[];
  #floorVersion: DatumVersion;
  /** Greatest register stamp of any operation so far: Sessions keep their stamp clocks above it. */
  #highestStamp = 0;
  #isFlushScheduled = false;
  #timer: Timer | undefined;
  #lastTickMs: number;
  #nextCompareMs = 0;
  #nextAliveMs = 0;
  #nextCompactMs = 0;
  readonly #holdUntilMs: number;
  /** From then on newcomers count for what is missing after a restart. */
  readonly #settledAtMs: number;
  #isRotating = false;
  #isRotationDue = false;
  #stopped = false;

  constructor(
    config: DataConfig & { readonly leaseGuard: LeaseGuardConfig },
    host: RoleHost,
    meta: MetaClient,
    restart: RestartCache,
    restored: Restored,
    held: HeldNames,
  ) {
    this.#config = config;
    this.#host = host;
    this.#meta = meta;
    this.#restart = restart;
    this.#held = held;
    this.#restored = [...restored.leases];
    this.#floorVersion = restored.highestVersion;
    this.#lastTickMs = host.clock.monotonicMs();
    this.#holdUntilMs = this.#lastTickMs + config.restoreHoldMs;
    this.#settledAtMs = this.#lastTickMs + config.restoreHoldMs / 4;
    this.#leases = new LeaseKeeper(host.clock, config.leaseGuard, (record) => this.#expire(record));
    this.#sessionLeases = new SessionLeases(config.sessionLeaseMs);
    this.#stream = new LogStream(host, () => meta.table.epoch);
    this.#follower = new FollowerSync(host, () => this.#moment());
    this.#effects = {
      put: (replica, publisher) => void this.#publish(replica, publisher, OWN_CAUSE),
      withdraw: (replica, withdrawn) => this.#learnWithdrawal(replica, withdrawn),
      removeOwned: (replica, owner, dataInfoId, keep) => this.#removeOwned(replica, owner, dataInfoId, keep),
    };
    this.#migration = new Migration(
      host,
      () => meta.members,
      this.#effects,
      (replica) => this.#migrated(replica),
    );
  }

  serve(): void {
    const handlers = new Map<MessageKind, MessageHandler>([
      [MessageKind.SlotBatch, (_from, frame) => this.#batch(decodeSlotBatch(frame))],
      [MessageKind.SlotFetch, (_from, frame) => this.#fetch(frame)],
      [MessageKind.SlotInterest, (from, frame) => this.#interest(from, frame)],
      [MessageKind.SlotLog, (_from, frame) => this.#takeLog(frame)],
      [MessageKind.SlotPage, (_from, frame) => this.#page(frame)],
      [MessageKind.CompareRoots, (_from, frame) => this.#compareRoots(frame)],
      [MessageKind.CompareDatums, (_from, frame) => this.#compare(frame)],
      [MessageKind.SessionPulse, (from, frame) => this.#pulse(from, frame)],
      [MessageKind.TableChanged, (_from, frame) => void this.#meta.handleTableChanged(decodeTableChanged(frame))],
    ]);
    this.#closeables.push(this.#host.peers.serve(dispatcher(handlers)));
    this.#closeables.push(
      this.#meta.onChange(({ table, members }) => {
        if (table) this.#applyTable();
        if (members) this.#migration.wake();
      }),
    );
    this.#scheduleTick();
  }

  report(): HeartbeatReport {
    const slots = [...this.#replicas.values()].map((replica) => ({
      slotId: replica.slotId,
      leaderEpoch: replica.leaderEpoch,
      serving: replica.phase.kind === 'serving',
      synced: replica.phase.kind === 'follower' && replica.phase.isSynced,
    }));
    const load = [...this.#replicas.values()].reduce((sum, replica) => sum + replica.store.publisherCount, 0);
    return { load, slots: slots.sort((a, b) => a.slotId - b.slotId) };
  }

  slots(): readonly SlotSummary[] {
    const summaries = [...this.#replicas.values()].map((replica): SlotSummary => {
      const { kind } = replica.phase;
      const { count, xorHigh, xorLow, sumHigh, sumLow } = replica.store.root;
      return {
        slotId: replica.slotId,
        role: replica.isLeader ? 'leader' : 'follower',
        phase: kind,
        leaderEpoch: replica.leaderEpoch,
        isSynced: replica.phase.kind === 'follower' ? replica.phase.isSynced : true,
        publishers: replica.store.publisherCount,
        digest: [count, xorHigh, xorLow, sumHigh, sumLow].map((part) => part.toString(16)).join('-'),
        sequence: replica.isLeader ? replica.log.sequence : replica.applied,
        lag: this.#stream.lag(replica),
      };
    });
    return summaries.sort((a, b) => a.slotId - b.slotId);
  }

  heldNames(): readonly FoldedId[] {
    return this.#held.names();
  }

  leaseCount(): number {
    return this.#leases.size;
  }

  heldLeaseCount(): number {
    return this.#leases.heldCount;
  }

  async drain(): Promise<void> {
    this.#flush();
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#timer?.cancel();
    this.#leases.stop();
    this.#migration.stop();
    this.#follower.stop();
    this.#stream.stop();
    await this.#rotate();
    await this.#meta.stop();
    for (const closeable of this.#closeables) closeable.close();
  }

  // Slots

  #applyTable(): void {
    const { table } = this.#meta;
    const self = this.#host.peers.self;
    for (const slot of table.slots) {
      const isMine = slot.leader === self || slot.followers.includes(self);
      const replica = this.#replicas.get(slot.slotId);
      if (!isMine) {
        if (replica !== undefined) this.#dropReplica(replica);
      } else if (replica === undefined) {
        const fresh = new SlotReplica(slot, self);
        fresh.store.learnVersion(this.#floorVersion);
        this.#replicas.set(slot.slotId, fresh);
        this.#enterRole(fresh);
      } else if (replica.assign(slot, self)) this.#enterRole(replica);
      else this.#stream.pump(replica);
    }
    this.#forgetRestored();
  }

  /**
   * What the restart cache knew of slots that are led elsewhere is older than what their leaders know, and must not come back if
   * this node leads them one day.
   */
  #forgetRestored(): void {
    if (this.#meta.table.slots.length === 0) return;
    const isLed = (foldedId: FoldedId) => this.#replicas.get(slotOf(foldedId, this.#config.slotCount))?.isLeader === true;
    this.#restored = this.#restored.filter((publisher) => isLed(foldDataInfoId(publisher.dataInfoId)));
    this.#held.keepOnly(isLed);
  }

  #enterRole(replica: SlotReplica): void {
    this.#stream.forget(replica);
    if (!replica.isLeader) {
      for (const record of replica.store.records()) this.#leases.release(record);
      this.#follower.compare(replica);
      return;
    }
    // A new leader cannot know how long ago each lease was renewed: all run for a whole period.
    for (const record of replica.store.records()) this.#leases.grant(record);
    // What it followed so far is not in the restart cache.
    if (replica.store.publisherCount > 0) this.#isRotationDue = true;
    this.#restoreSlot(replica);
    this.#migration.start(replica);
  }

  #dropReplica(replica: SlotReplica): void {
    for (const record of replica.store.records()) this.#leases.release(record);
    this.#stream.forget(replica);
    this.#replicas.delete(replica.slotId);
  }

  /** Brings back what the restart cache kept for this slot, each with a full lease. */
  #restoreSlot(replica: SlotReplica): void {
    const isOfSlot = (publisher: Publisher) => slotOf(foldDataInfoId(publisher.dataInfoId), this.#config.slotCount) === replica.slotId;
    const mine = this.#restored.filter(isOfSlot);
    if (mine.length === 0) return;
    this.#restored = this.#restored.filter((publisher) => !isOfSlot(publisher));
    for (const publisher of mine) this.#publish(replica, publisher, OWN_CAUSE);
    this.#restart.flush(replica.store.highestVersion);
    // What was just noted again makes the journal longer with each restart.
    this.#isRotationDue = true;
  }

  #migrated(replica: SlotReplica): void {
    replica.becomeServing();
    this.#host.log.debug('slot serves', {
      slot: replica.slotId,
      leaderEpoch: replica.leaderEpoch,
      publishers: replica.store.publisherCount,
    });
    for (const name of [...replica.store.names()]) this.#noticed(replica, name, OWN_CAUSE);
    this.#meta.refresh();
    this.#flushSoon();
  }

  // Writes

  #batch(request: SlotBatchRequest): Uint8Array {
    const replica = this.#replicas.get(request.slotId);
    const access = slotAnswer(replica, request, this.#meta.table.epoch);
    this.#learnEpoch(request);
    this.#heard(request.processId);
    if (replica === undefined || access.status === SlotStatus.Moved || access.status === SlotStatus.MisMatch) {
      return encodeSlotBatchAnswer({ ...access, slotSequence: 0, results: [] });
    }
    if (request.operations.length > LIMITS.batchOperations) {
      throw new RegistryError(RegistryErrorCode.LimitExceeded, `a batch has at most ${LIMITS.batchOperations} operations`);
    }
    const results = request.operations.map((operation) => this.#operate(replica, request, operation));
    // Written before it is acknowledged: the death of this process must not lose what the client believes to be registered.
    this.#restart.flush(replica.store.highestVersion);
    this.#flushSoon();
    return encodeSlotBatchAnswer({ ...access, slotSequence: replica.log.sequence, results });
  }

  #operate(replica: SlotReplica, request: SlotBatchRequest, operation: SlotOperation): SlotOperationResult {
    if (slotOf(foldDataInfoId(operationName(operation)), this.#config.slotCount) !== replica.slotId) {
      throw new RegistryError(RegistryErrorCode.InvalidArgument, `a name of another slot in a batch for slot ${replica.slotId}`);
    }
    switch (operation.kind) {
      case 'publish':
        return this.#publish(replica, operation.publisher, request);
      case 'unpublish':
      case 'disconnect':
        return this.#withdraw(replica, request, operation);
      case 'renew':
        return this.#renew(replica, request.processId, operation);
    }
  }

  #publish(replica: SlotReplica, publisher: Publisher, cause: Cause): SlotOperationResult {
    this.#highestStamp = Math.max(this.#highestStamp, publisher.registerVersion.stamp);
    const applied = replica.store.publish(publisher, this.#moment());
    if (applied.kind === 'stale') return { kind: 'stale', stored: applied.stored, tombstone: applied.tombstone };
    if (applied.kind === 'unchanged') {
      // The same registration again is as good a sign of life as a heartbeat.
      const record = replica.store.find(publisher.dataInfoId, publisher.registerId);
      if (record?.lease !== undefined) this.#leases.renew(record);
      return { kind: 'applied' };
    }
    if (applied.kind === 'unknown') return { kind: 'unknown' };
    const { record } = applied;
    this.#leases.grant(record);
    replica.log.append({ kind: 'put', publisher: record.publisher, datumVersion: record.datum.version });
    this.#restart.put(record.publisher);
    const foldedId = record.datum.group.foldedId;
    const isReleased = publisher.liveness.kind === 'connection' && this.#held.returned(foldedId, publisher.registerId);
    if (applied.kind === 'visible' || isReleased) this.#noticed(replica, foldedId, cause);
    this.#changedSlots.add(replica);
    return { kind: 'applied' };
  }

  #withdraw(
    replica: SlotReplica,
    request: SlotBatchRequest,
    operation: Extract<SlotOperation, { kind: 'unpublish' | 'disconnect' }>,
  ): SlotOperationResult {
    const { dataInfoId, registerId, registerVersion } = operation;
    const moment = this.#moment();
    const applied =
      operation.kind === 'unpublish'
        ? replica.store.unpublish(dataInfoId, registerId, registerVersion, moment)
        : replica.store.disconnect(request.processId, dataInfoId, registerId, registerVersion, moment);
    this.#highestStamp = Math.max(this.#highestStamp, registerVersion.stamp);
    if (applied.kind === 'stale') return { kind: 'stale', stored: applied.stored, tombstone: applied.tombstone };
    const isReleased = this.#held.withdrawn(foldDataInfoId(dataInfoId), registerId);
    if (applied.kind !== 'visible') {
      if (isReleased) this.#noticed(replica, foldDataInfoId(dataInfoId), request);
      return { kind: 'unknown' };
    }
    this.#removed(replica, applied.record, operation.kind === 'unpublish' ? 'withdrawn' : 'expired', request, registerVersion);
    return { kind: 'applied' };
  }

  #learnWithdrawal(replica: SlotReplica, { dataInfoId, registerId, registerVersion }: WithdrawnRecord): void {
    const applied = replica.store.unpublish(dataInfoId, registerId, registerVersion, this.#moment());
    if (applied.kind === 'visible') this.#removed(replica, applied.record, 'withdrawn', OWN_CAUSE, registerVersion);
  }

  #renew(replica: SlotReplica, sender: ProcessId, operation: Extract<SlotOperation, { kind: 'renew' }>): SlotOperationResult {
    const record = replica.store.find(operation.dataInfoId, operation.registerId);
    if (record === undefined || record.publisher.liveness.kind !== 'lease') return { kind: 'unknown' };
    this.#leases.renew(record);
    if (!operation.wantsRecord) return { kind: 'applied' };
    // The sender keeps a copy from now on, so it is the one to ask for it: ownership is not visible and changes no version.
    record.publisher = { ...record.publisher, owner: sender };
    return { kind: 'record', publisher: record.publisher };
  }

  #removed(
    replica: SlotReplica,
    record: PublisherRecord,
    reason: RemoveReason,
    cause: Cause,
    version = record.publisher.registerVersion,
  ): void {
    const { publisher, datum } = record;
    this.#leases.release(record);
    const { dataInfoId, registerId, format } = publisher;
    replica.log.append({ kind: 'remove', dataInfoId, registerId, format, registerVersion: version, reason, datumVersion: datum.version });
    this.#restart.gone(publisher);
    this.#noticed(replica, datum.group.foldedId, cause);
    this.#changedSlots.add(replica);
  }

  #expire(record: PublisherRecord): void {
    const replica = this.#replicas.get(slotOf(record.datum.group.foldedId, this.#config.slotCount));
    if (replica === undefined || !replica.isLeader || this.#stopped) return;
    this.#host.log.debug('lease expired', { dataInfoId: record.publisher.dataInfoId, registerId: record.publisher.registerId });
    replica.store.drop(record, this.#moment());
    this.#removed(replica, record, 'expired', OWN_CAUSE);
    this.#restart.flush(replica.store.highestVersion);
    this.#flushSoon();
  }

  #removeOwned(replica: SlotReplica, owner: ProcessId, dataInfoId: DataInfoId, keep: ReadonlySet<string>): void {
    const datum = replica.store.group(foldDataInfoId(dataInfoId), false).datums.find((other) => other.dataInfoId === dataInfoId);
    for (const publisher of datum?.publishers ?? []) {
      if (publisher.owner !== owner || publisher.liveness.kind !== 'connection' || keep.has(publisher.registerId)) continue;
      const record = replica.store.find(dataInfoId, publisher.registerId);
      if (record === undefined) continue;
      replica.store.drop(record, this.#moment());
      this.#removed(replica, record, 'repaired', OWN_CAUSE);
    }
    this.#flushSoon();
  }

  // Reads

  #fetch(frame: Uint8Array): Uint8Array {
    const request = decodeSlotFetch(frame);
    const replica = this.#replicas.get(request.slotId);
    const access = slotAnswer(replica, request, this.#meta.table.epoch);
    this.#learnEpoch(request);
    if (replica === undefined || access.status !== SlotStatus.Accept)
      return encodeSlotFetchAnswer({ ...access, slotSequence: 0, groups: [] });
    const groups = request.foldedIds.map((foldedId) => replica.store.group(foldedId, this.#held.isHeld(foldedId)));
    return encodeSlotFetchAnswer({ ...access, slotSequence: replica.log.sequence, groups });
  }

  #interest(from: PeerId, frame: Uint8Array): Uint8Array {
    const request = decodeSlotInterest(frame);
    const replica = this.#replicas.get(request.slotId);
    const access = slotAnswer(replica, request, this.#meta.table.epoch);
    this.#learnEpoch(request);
    this.#heard(request.processId);
    if (replica === undefined || access.status === SlotStatus.Moved || access.status === SlotStatus.MisMatch) {
      return encodeSlotInterestAnswer({ ...access, slotSequence: 0, noticeSequence: 0, versions: [] });
    }
    const wasReader = replica.interest.wholeReaders().includes(from);
    const add = request.add.map((name) => name.foldedId);
    const announced = { reset: request.reset, isWhole: request.whole, add, remove: request.remove };
    const noticeSequence = replica.interest.announce(from, request.processId, announced);
    if (request.whole && (request.reset || !wasReader)) this.#stream.startReader(replica, from);
    const moment = this.#moment();
    for (const { foldedId, version } of request.add) {
      if (replica.store.raiseAbove(foldedId, version, moment) && access.status === SlotStatus.Accept)
        this.#noticed(replica, foldedId, OWN_CAUSE);
    }
    const isReadable = access.status === SlotStatus.Accept;
    const versions = isReadable ? add.map((foldedId) => ({ foldedId, version: replica.store.groupVersion(foldedId) })) : [];
    return encodeSlotInterestAnswer({ ...access, slotSequence: replica.log.sequence, noticeSequence, versions });
  }

  #page(frame: Uint8Array): Uint8Array {
    const request = decodeSlotPage(frame);
    const replica = this.#replicas.get(request.slotId);
    return encodeSlotPageAnswer(answerSlotPage(replica, request, slotAnswer(replica, request, this.#meta.table.epoch)));
  }

  #compareRoots(frame: Uint8Array): Uint8Array {
    const replicaOf = (slotId: number) => this.#replicas.get(slotId);
    return encodeCompareRootsAnswer(answerWholeRoots(decodeCompareRoots(frame), this.#host.processId, replicaOf));
  }

  #compare(frame: Uint8Array): Uint8Array {
    const request = decodeCompareDatums(frame);
    const replica = this.#replicas.get(request.slotId);
    const isOurs = replica?.phase.kind === 'serving' && replica.leaderEpoch === request.leaderEpoch;
    if (replica === undefined || !isOurs)
      throw new RegistryError(RegistryErrorCode.Unavailable, `slot ${request.slotId} is not served here`);
    return encodeCompareDatumsAnswer(answerWholeCompare(replica, request, this.#host.processId));
  }

  #takeLog(frame: Uint8Array): Uint8Array {
    const request = decodeSlotLog(frame);
    const replica = this.#replicas.get(request.slotId);
    const leaderEpoch = replica?.leaderEpoch ?? 0;
    this.#learnEpoch(request);
    const isFollowing = replica?.phase.kind === 'follower' && leaderEpoch === request.leaderEpoch;
    const applied = replica !== undefined && isFollowing ? this.#follower.apply(replica, request) : 0;
    const status = isFollowing ? SlotStatus.Accept : SlotStatus.MisMatch;
    return encodeSlotLogAnswer({ status, tableEpoch: this.#meta.table.epoch, leaderEpoch, applied });
  }

  #pulse(from: PeerId, frame: Uint8Array): Uint8Array {
    const request = decodeSessionPulse(frame);
    this.#heard(request.processId);
    this.#meta.linkWorks(from);
    if (request.tableEpoch > this.#meta.table.epoch) this.#meta.refresh();
    const behind = request.cursors.filter(({ slotId, leaderEpoch, notice }) => {
      const replica = this.#replicas.get(slotId);
      if (replica === undefined || !replica.isLeader || replica.leaderEpoch !== leaderEpoch) return true;
      return replica.interest.noticeSequence(from, request.processId) !== notice;
    });
    const highestStamp = nextStamp(this.#highestStamp, this.#host.clock.wallMs());
    return encodeSessionPulseAnswer({ tableEpoch: this.#meta.table.epoch, highestStamp, behind: behind.map((cursor) => cursor.slotId) });
  }

  // Making changes known

  #noticed(replica: SlotReplica, foldedId: FoldedId, cause: Cause): void {
    this.#changedSlots.add(replica);
    if (this.#held.isHeld(foldedId)) return;
    const { changeId, acceptedAtMs } = cause;
    const version = replica.store.groupVersion(foldedId);
    replica.interest.changed({ foldedId, version, changeId, acceptedAtMs, committedAtMs: this.#host.clock.wallMs() });
  }

  /** One flush per turn, so that a batch makes one notice per Session and one log message per receiver. */
  #flushSoon(): void {
    if (this.#isFlushScheduled || this.#changedSlots.size === 0) return;
    this.#isFlushScheduled = true;
    this.#host.clock.soon(() => this.#flush());
  }

  #flush(): void {
    this.#isFlushScheduled = false;
    const replicas = [...this.#changedSlots];
    this.#changedSlots.clear();
    if (this.#stopped) return;
    for (const replica of replicas) {
      this.#stream.pump(replica);
      if (replica.phase.kind !== 'serving') continue;
      const { slotId, leaderEpoch } = replica;
      for (const { session, previous, sequence, changes } of replica.interest.takeNotices()) {
        this.#host.peers.send(
          session,
          encodeSlotNotice({ slotId, leaderEpoch, tableEpoch: this.#meta.table.epoch, previous, sequence, changes }),
        );
      }
    }
  }

  // Housekeeping

  #scheduleTick(): void {
    if (this.#stopped) return;
    this.#timer = this.#host.clock.schedule(TICK_MS, () => {
      this.#tick();
      this.#scheduleTick();
    });
  }

  #tick(): void {
    const nowMs = this.#host.clock.monotonicMs();
    const lateMs = nowMs - this.#lastTickMs - TICK_MS;
    this.#lastTickMs = nowMs;
    if (lateMs > STALL_MS) this.#sessionLeases.forgive(lateMs);
    if (nowMs >= this.#settledAtMs) for (const name of this.#held.settle()) this.#released(name);
    if (nowMs >= this.#holdUntilMs) for (const name of this.#held.releaseAll()) this.#released(name);
    this.#removeDeadSessions(nowMs);
    if (nowMs >= this.#nextAliveMs) {
      this.#nextAliveMs = nowMs + ALIVE_EVERY_MS;
      this.#restart.alive(this.#highestVersion());
      this.#restart.flush(this.#highestVersion());
    }
    if (nowMs >= this.#nextCompactMs) {
      this.#nextCompactMs = nowMs + COMPACT_EVERY_MS;
      for (const replica of this.#replicas.values()) replica.store.compact(nowMs);
    }
    if (nowMs >= this.#nextCompareMs) {
      this.#nextCompareMs = nowMs + this.#config.compareEveryMs;
      void this.#compareWithSessions();
      void this.#follower.check([...this.#replicas.values()]);
    }
    if (this.#isRotationDue || this.#restart.journalBytes > this.#config.snapshotEveryBytes) void this.#rotate();
    this.#flushSoon();
  }

  #released(name: FoldedId): void {
    const replica = this.#replicas.get(slotOf(name, this.#config.slotCount));
    if (replica?.isLeader === true) this.#noticed(replica, name, OWN_CAUSE);
  }

  #removeDeadSessions(nowMs: number): void {
    const led = [...this.#replicas.values()].filter((replica) => replica.phase.kind === 'serving');
    const owners = new Set<ProcessId>();
    for (const replica of led) for (const owner of replica.store.owners()) owners.add(owner);
    const dead = this.#sessionLeases.takeDead(owners, this.#meta.members, nowMs);
    for (const owner of dead) {
      this.#host.log.warn('a Session is gone; what its connections registered is withdrawn', { session: owner });
      for (const replica of led) this.#removeAllOf(replica, owner);
    }
  }

  #removeAllOf(replica: SlotReplica, owner: ProcessId): void {
    if (replica.store.ownerRoot(owner).count === 0) return;
    for (const record of [...replica.store.records()]) {
      if (record.publisher.owner !== owner || record.publisher.liveness.kind !== 'connection') continue;
      replica.store.drop(record, this.#moment());
      this.#removed(replica, record, 'expired', OWN_CAUSE);
    }
    this.#restart.flush(replica.store.highestVersion);
  }

  async #compareWithSessions(): Promise<void> {
    const led = [...this.#replicas.values()].filter((replica) => replica.phase.kind === 'serving');
    for (const member of this.#meta.members) {
      if (member.role !== Role.Session || led.length === 0) continue;
      try {
        const { processId, slotIds } = await findDifferingSlots(this.#host, member.peer, member.processId, led);
        this.#heard(processId);
        this.#meta.linkWorks(member.peer);
        for (const slotId of slotIds) await this.#repairSlot(slotId, member.peer, processId);
      } catch (caught) {
        this.#host.log.debug('digests could not be compared', { session: member.peer, reason: RegistryError.from(caught).message });
      }
    }
  }

  async #repairSlot(slotId: number, session: PeerId, processId: ProcessId): Promise<void> {
    const replica = this.#replicas.get(slotId);
    if (replica?.phase.kind === 'serving') await compareSlotWithSession(this.#host, replica, session, processId, this.#effects);
    if (replica !== undefined) this.#restart.flush(replica.store.highestVersion);
    this.#flushSoon();
  }

  async #rotate(): Promise<void> {
    if (this.#isRotating) return;
    this.#isRotating = true;
    this.#isRotationDue = false;
    const led = [...this.#replicas.values()].filter((replica) => replica.isLeader);
    const publishers = led.flatMap((replica) => [...replica.store.records()].map((record) => record.publisher));
    await this.#restart.rotate([...publishers, ...this.#restored], this.#held.missing(), this.#highestVersion());
    this.#isRotating = false;
  }

  #highestVersion(): DatumVersion {
    let highest = this.#floorVersion;
    for (const replica of this.#replicas.values()) if (replica.store.highestVersion > highest) highest = replica.store.highestVersion;
    return highest;
  }

  #heard(processId: ProcessId): void {
    this.#sessionLeases.heard(processId, this.#host.clock.monotonicMs());
  }

  #learnEpoch(address: SlotAddress): void {
    if (address.tableEpoch > this.#meta.table.epoch) this.#meta.refresh();
  }

  #moment(): Moment {
    return { wallMs: this.#host.clock.wallMs(), monotonicMs: this.#host.clock.monotonicMs() };
  }
}

function operationName(operation: SlotOperation): DataInfoId {
  return operation.kind === 'publish' ? operation.publisher.dataInfoId : operation.dataInfoId;
}
