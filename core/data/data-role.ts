import type { LeaseGuardConfig } from '../lease/lease-guard.ts';
import { type DataInfoId, type FoldedId, foldDataInfoId } from '../model/data-info-id.ts';
import type { Datum } from '../model/datum.ts';
import { RegistryError, RegistryErrorCode } from '../model/errors.ts';
import type { LeaseHold } from '../model/lease-hold.ts';
import { LIMITS } from '../model/limits.ts';
import { nodeOf, type PeerId } from '../model/node.ts';
import { nextStamp } from '../model/register-version.ts';
import { SlotStatus } from '../model/slot-table.ts';
import type { Timer } from '../seams/clock.ts';
import type { RoleHost } from '../seams/host.ts';
import type { Closeable } from '../seams/transport.ts';
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
import type { RestartCache, Restored } from './restart-cache.ts';
import { Scrubber } from './scrubber.ts';
import { SessionUpkeep } from './session-upkeep.ts';
import { SlotChanges } from './slot-changes.ts';
import { answerSlotPage, answerWholeCompare, answerWholeRoots } from './slot-reads.ts';
import { slotAnswer } from './slot-replica.ts';
import { SlotReplicas } from './slot-replicas.ts';
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
  readonly #replicas: SlotReplicas;
  readonly #leases: LeaseKeeper;
  readonly #sessions: SessionUpkeep;
  readonly #stream: LogStream;
  readonly #follower: FollowerSync;
  readonly #changes: SlotChanges;
  readonly #scrubber: Scrubber;
  readonly #closeables: Closeable[] = [];
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
    this.#lastTickMs = host.clock.monotonicMs();
    this.#holdUntilMs = this.#lastTickMs + config.restoreHoldMs;
    this.#settledAtMs = this.#lastTickMs + config.restoreHoldMs / 4;
    this.#leases = new LeaseKeeper(host.clock, host.log, config.leaseGuard, (record) => this.#expire(record));
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
    const replicas = new SlotReplicas(
      {
        host,
        meta,
        slotCount: config.slotCount,
        sharedTexts: config.sharedTexts,
        leases: this.#leases,
        restart,
        held,
        stream: this.#stream,
        follower: this.#follower,
        changes: this.#changes,
      },
      restored,
    );
    this.#replicas = replicas;
    const { sessionLeaseMs } = config;
    this.#sessions = new SessionUpkeep({ host, meta, restart, changes: this.#changes, replicas, sessionLeaseMs });
    const flips = new FlipRepair({ host, follower: this.#follower, effects: this.#changes, members: () => meta.members });
    this.#scrubber = new Scrubber(
      () => replicas.all(),
      (replica, record) => flips.found(replica, record),
    );
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
    this.#closeables.push(this.#host.peers.serve(dispatcher(handlers, this.#host.log)));
    this.#closeables.push(
      this.#meta.onChange(({ table, members }) => {
        if (table) this.#replicas.applyTable();
        if (members) this.#replicas.applyMembers();
      }),
    );
    this.#scheduleTick();
  }

  report(): HeartbeatReport {
    const nowMs = this.#host.clock.monotonicMs();
    const slots = this.#replicas.all().map((replica) => replica.report(nowMs));
    const load = this.#replicas.all().reduce((sum, replica) => sum + replica.store.publisherCount, 0);
    return { load, slots: slots.sort((a, b) => a.slotId - b.slotId) };
  }

  slots(): readonly SlotSummary[] {
    const summaries = this.#replicas.all().map((replica) => summarize(replica, this.#stream.lag(replica)));
    return summaries.sort((a, b) => a.slotId - b.slotId);
  }

  cluster(): ClusterView {
    return this.#meta.view();
  }

  heldNames(): readonly FoldedId[] {
    return this.#held.names();
  }

  datum(dataInfoId: DataInfoId): Datum | undefined {
    return this.#replicas.of(foldDataInfoId(dataInfoId))?.store.datum(dataInfoId);
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
    this.#replicas.stop();
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
    const replica = this.#replicas.of(record.datum.group.foldedId);
    if (replica?.isLeader === true && !this.#stopped) this.#changes.expire(replica, record);
  }

  // Writes

  async #batch(from: PeerId, request: SlotBatchRequest): Promise<Uint8Array> {
    const replica = this.#replicas.get(request.slotId);
    const access = slotAnswer(replica, request, this.#meta.table.epoch);
    this.#learnEpoch(request);
    this.#sessions.heard(request.processId);
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
    this.#sessions.heard(request.processId);
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
    // A leader asks its followers for what it has lost.
    const isAsked = replica?.mayBeCopied === true || (replica?.isLeader === false && from === replica.leader);
    if (replica === undefined || !isAsked || replica.leaderEpoch !== request.leaderEpoch)
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
    this.#sessions.heard(request.processId);
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
    return holdingOf(this.#host.peers, this.#replicas.of(foldDataInfoId(dataInfoId)), dataInfoId);
  }

  async #inspect(dataInfoId: DataInfoId): Promise<Uint8Array> {
    const replica = this.#replicas.of(foldDataInfoId(dataInfoId));
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
    if (lateMs > STALL_MS) this.#sessions.forgive(lateMs);
    if (nowMs >= this.#settledAtMs) for (const name of this.#held.settle()) this.#released(name);
    if (nowMs >= this.#holdUntilMs) for (const name of this.#held.releaseAll()) this.#released(name);
    this.#sessions.removeDead();
    this.#scrubber.run();
    if (nowMs >= this.#nextAliveMs) {
      this.#nextAliveMs = nowMs + ALIVE_EVERY_MS;
      this.#restart.alive(this.#replicas.highestVersion);
      this.#restart.flush(this.#replicas.highestVersion);
    }
    if (nowMs >= this.#nextCompactMs) {
      this.#nextCompactMs = nowMs + COMPACT_EVERY_MS;
      for (const replica of this.#replicas.all()) replica.store.compact(nowMs);
    }
    if (nowMs >= this.#nextCompareMs) {
      this.#nextCompareMs = nowMs + this.#config.compareEveryMs;
      void this.#sessions.compare();
      void this.#follower.check(this.#replicas.all());
    }
    if (this.#restart.journalBytes > this.#config.snapshotEveryBytes) void this.#rotate();
    this.#changes.flushSoon();
  }

  #released(name: FoldedId): void {
    const replica = this.#replicas.of(name);
    if (replica?.isLeader === true) this.#changes.notice(replica, name);
  }

  #rotate(): Promise<void> {
    this.#rotation ??= this.#restart.rotate(this.#replicas.remembered(), this.#replicas.highestVersion).finally(() => {
      this.#rotation = undefined;
    });
    return this.#rotation;
  }

  #learnEpoch(address: SlotAddress): void {
    if (address.tableEpoch > this.#meta.table.epoch) this.#meta.refresh();
  }
}
