import type { LeaseGuardConfig } from '../lease/lease-guard.ts';
import { type DataInfoId, type FoldedId, foldDataInfoId } from '../model/data-info-id.ts';
import type { Datum } from '../model/datum.ts';
import type { DatumVersion } from '../model/datum-version.ts';
import { RegistryError, RegistryErrorCode } from '../model/errors.ts';
import type { LeaseHold } from '../model/lease-hold.ts';
import { LIMITS } from '../model/limits.ts';
import { nodeOf, type PeerId, type ProcessId, Role } from '../model/node.ts';
import type { Publisher } from '../model/publisher.ts';
import { nextStamp } from '../model/register-version.ts';
import { SlotStatus } from '../model/slot-table.ts';
import type { Timer } from '../seams/clock.ts';
import type { RoleHost } from '../seams/host.ts';
import type { Closeable } from '../seams/transport.ts';
import { slotOf } from '../slot/slot-of.ts';
import {
  type DatumHolding,
  decodeDatumHoldings,
  decodeDatumInspect,
  encodeDatumHoldingsAnswer,
  encodeDatumInspectAnswer,
} from '../wire/datum-inspect.ts';
import { dispatcher, type MessageHandler } from '../wire/dispatch.ts';
import { MessageKind } from '../wire/frame.ts';
import { decodeTableChanged } from '../wire/heartbeat.ts';
import type { ClusterView, HeartbeatReport, MetaClient } from '../wire/meta-client.ts';
import { decodeSessionPulse, encodeSessionPulseAnswer } from '../wire/session-pulse.ts';
import { decodeSlotBatch, encodeSlotBatchAnswer, type SlotBatchRequest } from '../wire/slot-batch.ts';
import { decodeCompareDatums, decodeCompareRoots, encodeCompareDatumsAnswer, encodeCompareRootsAnswer } from '../wire/slot-compare.ts';
import type { SlotAddress } from '../wire/slot-head.ts';
import { decodeSlotLog, decodeSlotPage, encodeSlotLogAnswer, encodeSlotPageAnswer } from '../wire/slot-log.ts';
import { decodeSlotFetch, decodeSlotInterest, encodeSlotFetchAnswer, encodeSlotInterestAnswer } from '../wire/slot-read.ts';
import { decodeTableGet, encodeTableGetAnswer } from '../wire/table-get.ts';
import type { DataConfig, DataServer } from './data-server.ts';
import { holdingOf, inspect } from './datum-inspect.ts';
import { FlipRepair } from './flip-repair.ts';
import { FollowerSync } from './follower-sync.ts';
import type { HeldNames } from './held-names.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import { LogStream } from './log-stream.ts';
import { Migration } from './migration.ts';
import type { RestartCache, Restored } from './restart-cache.ts';
import { Scrubber } from './scrubber.ts';
import { compareSlotWithSession, findDifferingSlots } from './session-compare.ts';
import { SessionLeases } from './session-leases.ts';
import { SlotChanges } from './slot-changes.ts';
import { answerSlotPage, answerWholeCompare, answerWholeRoots } from './slot-reads.ts';
import { SlotReplica, slotAnswer } from './slot-replica.ts';
import { SlotStore } from './slot-store.ts';
import { type SlotSummary, summarize } from './slot-summary.ts';
import type { PublisherRecord } from './stored-datum.ts';

const TICK_MS = 1_000;
/** How long the answer to a Session of the same process waits for a follower; below the Session's own patience. */
const FOLLOW_WAIT_MS = 400;
const STALL_MS = 500;
const ALIVE_EVERY_MS = 10_000;
const COMPACT_EVERY_MS = 30_000;

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
  readonly #changes: SlotChanges;
  readonly #scrubber: Scrubber;
  readonly #closeables: Closeable[] = [];
  /** Lease publishers of before the restart by slot, until it is led again. */
  readonly #restored: Map<number, readonly Publisher[]>;
  #floorVersion: DatumVersion;
  #timer: Timer | undefined;
  #lastTickMs: number;
  #nextCompareMs = 0;
  #nextAliveMs = 0;
  #nextCompactMs = 0;
  readonly #holdUntilMs: number;
  /** From then on newcomers count for what is missing after a restart. */
  readonly #settledAtMs: number;
  #rotation: Promise<void> | undefined;
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
    this.#restored = bySlot(restored.leases, config.slotCount);
    this.#floorVersion = restored.highestVersion;
    this.#lastTickMs = host.clock.monotonicMs();
    this.#holdUntilMs = this.#lastTickMs + config.restoreHoldMs;
    this.#settledAtMs = this.#lastTickMs + config.restoreHoldMs / 4;
    this.#leases = new LeaseKeeper(host.clock, host.log, config.leaseGuard, (record) => this.#expire(record));
    this.#sessionLeases = new SessionLeases(config.sessionLeaseMs);
    this.#stream = new LogStream(host, () => meta.table.epoch);
    this.#changes = new SlotChanges({
      host,
      slotCount: config.slotCount,
      leases: this.#leases,
      restart,
      held,
      stream: this.#stream,
      tableEpoch: () => meta.table.epoch,
    });
    this.#follower = new FollowerSync(host, () => this.#changes.moment());
    const flips = new FlipRepair({ host, follower: this.#follower, effects: this.#changes, members: () => meta.members });
    this.#scrubber = new Scrubber(
      () => this.#replicas.values(),
      (replica, record) => flips.found(replica, record),
    );
    this.#migration = new Migration(host, meta, this.#changes, (replica) => this.#migrated(replica));
  }

  serve(): void {
    const handlers = new Map<MessageKind, MessageHandler>([
      [MessageKind.SlotBatch, (from, frame) => this.#batch(from, decodeSlotBatch(frame))],
      [MessageKind.SlotFetch, (_from, frame) => this.#fetch(frame)],
      [MessageKind.SlotInterest, (from, frame) => this.#interest(from, frame)],
      [MessageKind.SlotLog, (from, frame) => this.#takeLog(from, frame)],
      [MessageKind.SlotPage, (_from, frame) => this.#page(frame)],
      [MessageKind.CompareRoots, (_from, frame) => this.#compareRoots(frame)],
      [MessageKind.CompareDatums, (from, frame) => this.#compare(from, frame)],
      [MessageKind.SessionPulse, (from, frame) => this.#pulse(from, frame)],
      [MessageKind.DatumInspect, (_from, frame) => this.#inspect(decodeDatumInspect(frame))],
      [MessageKind.DatumHoldings, (_from, frame) => encodeDatumHoldingsAnswer(this.#holding(decodeDatumHoldings(frame)))],
      [MessageKind.TableGet, (_from, frame) => this.#tableGet(frame)],
      [MessageKind.TableChanged, (from, frame) => void this.#meta.handleTableChanged(from, decodeTableChanged(frame))],
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
    const nowMs = this.#host.clock.monotonicMs();
    const slots = [...this.#replicas.values()].map((replica) => replica.report(nowMs));
    const load = [...this.#replicas.values()].reduce((sum, replica) => sum + replica.store.publisherCount, 0);
    return { load, slots: slots.sort((a, b) => a.slotId - b.slotId) };
  }

  slots(): readonly SlotSummary[] {
    const summaries = [...this.#replicas.values()].map((replica) => summarize(replica, this.#stream.lag(replica)));
    return summaries.sort((a, b) => a.slotId - b.slotId);
  }

  cluster(): ClusterView {
    return this.#meta.view();
  }

  heldNames(): readonly FoldedId[] {
    return this.#held.names();
  }

  datum(dataInfoId: DataInfoId): Datum | undefined {
    const replica = this.#replicas.get(slotOf(foldDataInfoId(dataInfoId), this.#config.slotCount));
    return replica?.store.datum(dataInfoId);
  }

  leaseCount(): number {
    return this.#leases.size;
  }

  heldLeaseCount(): number {
    return this.#leases.heldCount;
  }

  leaseHolds(): readonly LeaseHold[] {
    return this.#leases.holds();
  }

  async drain(): Promise<void> {
    this.#changes.flush();
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#timer?.cancel();
    this.#leases.stop();
    this.#migration.stop();
    this.#follower.stop();
    this.#stream.stop();
    this.#changes.stop();
    this.#restart.stop();
    await this.#rotation;
    await this.#rotate();
    await this.#meta.stop();
    for (const closeable of this.#closeables) closeable.close();
  }

  #expire(record: PublisherRecord): void {
    const replica = this.#replicas.get(slotOf(record.datum.group.foldedId, this.#config.slotCount));
    if (replica?.isLeader === true && !this.#stopped) this.#changes.expire(replica, record);
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
        const fresh = new SlotReplica(slot, self, new SlotStore(this.#config.sharedTexts));
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
    const isLed = (slotId: number) => this.#replicas.get(slotId)?.isLeader === true;
    for (const slotId of this.#restored.keys()) if (!isLed(slotId)) this.#restored.delete(slotId);
    this.#held.keepOnly((foldedId) => isLed(slotOf(foldedId, this.#config.slotCount)));
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
    if (replica.store.publisherCount > 0) this.#restart.keep(replica.store.publishers(), () => replica.store.highestVersion);
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
    const mine = this.#restored.get(replica.slotId);
    if (mine === undefined) return;
    this.#restored.delete(replica.slotId);
    for (const publisher of mine) this.#changes.put(replica, publisher);
    this.#restart.flush(replica.store.highestVersion);
  }

  #migrated(replica: SlotReplica): void {
    replica.becomeServing();
    this.#host.log.debug('slot serves', {
      slot: replica.slotId,
      leaderEpoch: replica.leaderEpoch,
      publishers: replica.store.publisherCount,
    });
    for (const name of [...replica.store.names()]) this.#changes.notice(replica, name);
    this.#meta.refresh();
    this.#changes.flushSoon();
  }

  // Writes

  async #batch(from: PeerId, request: SlotBatchRequest): Promise<Uint8Array> {
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
    const results = request.operations.map((operation) => this.#changes.operate(replica, request, operation));
    // Written before it is acknowledged: the death of this process must not lose what the client believes to be registered.
    this.#restart.flush(replica.store.highestVersion);
    this.#changes.flushSoon();
    const slotSequence = replica.log.sequence;
    // A Session of this very process dies together with this copy: what it acknowledges must be in another process first, when there is one.
    if (nodeOf(from) === this.#host.nodeId) await this.#stream.whenFollowed(replica, FOLLOW_WAIT_MS);
    return encodeSlotBatchAnswer({ ...access, slotSequence, results });
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
    const moment = this.#changes.moment();
    for (const { foldedId, version } of request.add) {
      if (replica.store.raiseAbove(foldedId, version, moment) && access.status === SlotStatus.Accept)
        this.#changes.notice(replica, foldedId);
    }
    const isReadable = access.status === SlotStatus.Accept;
    const versions = isReadable ? add.map((foldedId) => ({ foldedId, version: replica.store.groupVersion(foldedId) })) : [];
    return encodeSlotInterestAnswer({ ...access, slotSequence: replica.log.sequence, noticeSequence, versions });
  }

  #page(frame: Uint8Array): Uint8Array {
    const request = decodeSlotPage(frame);
    const replica = this.#replicas.get(request.slotId);
    const access = slotAnswer(replica, request, this.#meta.table.epoch);
    return encodeSlotPageAnswer(answerSlotPage(replica, request, access, this.#held.namesIn(request.slotId)));
  }

  #compareRoots(frame: Uint8Array): Uint8Array {
    const replicaOf = (slotId: number) => this.#replicas.get(slotId);
    return encodeCompareRootsAnswer(answerWholeRoots(decodeCompareRoots(frame), this.#host.processId, replicaOf));
  }

  #compare(from: PeerId, frame: Uint8Array): Uint8Array {
    const request = decodeCompareDatums(frame);
    const replica = this.#replicas.get(request.slotId);
    const { kind } = replica?.phase ?? {};
    // A leader asks its followers for what it has lost.
    const isWhole = kind === 'serving' || (kind === 'follower' && from === replica?.leader);
    if (replica === undefined || !isWhole || replica.leaderEpoch !== request.leaderEpoch)
      throw new RegistryError(RegistryErrorCode.Unavailable, `slot ${request.slotId} is not served here`);
    return encodeCompareDatumsAnswer(answerWholeCompare(replica, request, this.#host.processId));
  }

  #takeLog(from: PeerId, frame: Uint8Array): Uint8Array {
    const request = decodeSlotLog(frame);
    const replica = this.#replicas.get(request.slotId);
    const leaderEpoch = replica?.leaderEpoch ?? 0;
    this.#meta.tableNamed(from, request.tableEpoch);
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
    const highestStamp = nextStamp(this.#changes.highestStamp, this.#host.clock.wallMs());
    return encodeSessionPulseAnswer({
      tableEpoch: this.#meta.table.epoch,
      highestStamp,
      behind: behind.map((cursor) => cursor.slotId),
      holds: this.#leases.holds().slice(0, LIMITS.leaseHoldsReported),
    });
  }

  #tableGet(frame: Uint8Array): Uint8Array {
    decodeTableGet(frame);
    return encodeTableGetAnswer(this.#meta.table);
  }

  #holding(dataInfoId: DataInfoId): DatumHolding {
    const slotId = slotOf(foldDataInfoId(dataInfoId), this.#config.slotCount);
    return holdingOf(this.#host.peers, this.#replicas.get(slotId), dataInfoId);
  }

  async #inspect(dataInfoId: DataInfoId): Promise<Uint8Array> {
    const replica = this.#replicas.get(slotOf(foldDataInfoId(dataInfoId), this.#config.slotCount));
    return encodeDatumInspectAnswer(await inspect(this.#host.peers, replica, this.#meta.members, dataInfoId));
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
    this.#scrubber.run();
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
    if (this.#restart.journalBytes > this.#config.snapshotEveryBytes) void this.#rotate();
    this.#changes.flushSoon();
  }

  #released(name: FoldedId): void {
    const replica = this.#replicas.get(slotOf(name, this.#config.slotCount));
    if (replica?.isLeader === true) this.#changes.notice(replica, name);
  }

  #removeDeadSessions(nowMs: number): void {
    const led = [...this.#replicas.values()].filter((replica) => replica.phase.kind === 'serving');
    const owners = new Set<ProcessId>();
    for (const replica of led) for (const owner of replica.store.owners()) owners.add(owner);
    const dead = this.#sessionLeases.takeDead(owners, this.#meta.members, nowMs);
    for (const owner of dead) {
      this.#host.log.warn('a Session is gone; what its connections registered is withdrawn', { session: owner });
      for (const replica of led) this.#changes.removeAllOf(replica, owner);
    }
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
    if (replica?.phase.kind === 'serving') await compareSlotWithSession(this.#host, replica, session, processId, this.#changes);
    if (replica !== undefined) this.#restart.flush(replica.store.highestVersion);
    this.#changes.flushSoon();
  }

  #rotate(): Promise<void> {
    this.#rotation ??= this.#restart.rotate(this.#remembered(), this.#highestVersion()).finally(() => {
      this.#rotation = undefined;
    });
    return this.#rotation;
  }

  /** What a restart has to know of. */
  *#remembered() {
    for (const replica of this.#replicas.values()) if (replica.isLeader) yield* replica.store.publishers();
    for (const publishers of this.#restored.values()) yield* publishers;
    yield* this.#held.missing();
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
}

function bySlot(publishers: readonly Publisher[], slotCount: number): Map<number, readonly Publisher[]> {
  const slots = new Map<number, Publisher[]>();
  for (const publisher of publishers) {
    const slotId = slotOf(foldDataInfoId(publisher.dataInfoId), slotCount);
    const ofSlot = slots.get(slotId);
    if (ofSlot === undefined) slots.set(slotId, [publisher]);
    else ofSlot.push(publisher);
  }
  return slots;
}
