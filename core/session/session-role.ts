import { type DataInfoId, type FoldedId, foldDataInfoId } from '../model/data-info-id.ts';
import type { DatumGroup } from '../model/datum.ts';
import type { DatumVersion } from '../model/datum-version.ts';
import { RegistryError, RegistryErrorCode } from '../model/errors.ts';
import { type ClientAddress, type PeerId, Role } from '../model/node.ts';
import { SlotStatus } from '../model/slot-table.ts';
import type { RoleHost } from '../seams/host.ts';
import type { Formats } from '../seams/protocol-adapter.ts';
import type { ClientInfo, GlobalChange, ServiceView, SessionAddress, SessionGateway } from '../seams/session-gateway.ts';
import type { Closeable } from '../seams/transport.ts';
import { type DatumHolding, decodeDatumHoldings, encodeDatumHoldingsAnswer } from '../wire/datum-inspect.ts';
import { dispatcher, type MessageHandler } from '../wire/dispatch.ts';
import { decodeDocumentsChanged } from '../wire/documents.ts';
import { MessageKind } from '../wire/frame.ts';
import { decodeTableChanged } from '../wire/heartbeat.ts';
import type { ClusterView, MetaClient } from '../wire/meta-client.ts';
import { decodeCompareDatums, decodeCompareRoots, encodeCompareDatumsAnswer, encodeCompareRootsAnswer } from '../wire/slot-compare.ts';
import { decodeSlotFetchAnswer, decodeSlotNotice, encodeSlotFetch, type NoticedChange } from '../wire/slot-read.ts';
import { ClientConnections } from './client-connections.ts';
import { answerCompareDatums, answerCompareRoots } from './compare-answers.ts';
import { ConnectionPublishers } from './connection-publishers.ts';
import { Documents } from './documents.ts';
import { explainName, type NameExplanation } from './explain.ts';
import { GlobalReader } from './global-reader.ts';
import { InterestKeeper } from './interest-keeper.ts';
import { Joins } from './joins.ts';
import { LeaseCopies } from './lease-copies.ts';
import { LeasePublishers } from './lease-publishers.ts';
import { PublisherStore } from './publisher-store.ts';
import { PushRegistry } from './push/push-registry.ts';
import { PushSwitch } from './push-switch.ts';
import { RecentWithdrawals } from './recent-withdrawals.ts';
import { buildView } from './service-view.ts';
import { SessionLoads } from './session-loads.ts';
import type { SessionConfig, SessionServer, SessionStats } from './session-server.ts';
import { SlotRouter } from './slot-router.ts';
import { SlotWriter } from './slot-writer.ts';
import { StampClock } from './stamp-clock.ts';
import { SessionTrace } from './trace.ts';
import { ViewStore } from './view-store.ts';
import { Visibility } from './visibility.ts';

const QUERY_TRIES = 20;
const QUERY_RETRY_MS = 50;

/** The Session role: wires its parts together and answers the messages of leaders and Meta. */
export class SessionRole implements SessionServer {
  readonly gateway: SessionGateway;
  readonly #config: SessionConfig;
  readonly #host: RoleHost;
  readonly #meta: MetaClient;
  readonly #router: SlotRouter;
  readonly #writer: SlotWriter;
  readonly #store = new PublisherStore();
  readonly #copies: LeaseCopies;
  readonly #withdrawals: RecentWithdrawals;
  readonly #interests: InterestKeeper;
  readonly #views: ViewStore;
  readonly #pushes: PushRegistry;
  readonly #reader: GlobalReader;
  readonly #documents: Documents;
  readonly #loads: SessionLoads;
  readonly #connections: ClientConnections;
  readonly #joins: Joins;
  readonly #trace: SessionTrace;
  readonly #closeables: Closeable[] = [];
  #pushSwitch: PushSwitch | undefined;
  /** Greatest version known of each slot, for the rest of this turn. */
  #highestBySlot: ReadonlyMap<number, DatumVersion> | undefined;
  #stopped = false;

  constructor(config: SessionConfig, host: RoleHost, meta: MetaClient, formats: Formats) {
    this.#config = config;
    this.#host = host;
    this.#meta = meta;
    const timeoutMs = config.requestTimeoutMs;
    const stamps = new StampClock(host.clock);
    this.#router = new SlotRouter(meta, config.slotCount);
    this.#writer = new SlotWriter(host, this.#router, timeoutMs);
    this.#joins = new Joins(formats, new Visibility(config.crossProtocol));
    this.#trace = new SessionTrace(host.clock, host.metrics);
    this.#withdrawals = new RecentWithdrawals(host.clock);
    this.#copies = new LeaseCopies(host.clock, (dataInfoId) => this.#router.slotOf(foldDataInfoId(dataInfoId)));
    this.#pushes = new PushRegistry(host);
    this.#views = new ViewStore(
      host,
      this.#router,
      timeoutMs,
      { least: config.mergeWindowLeastMs, most: config.mergeWindowMostMs },
      this.#joins,
      {
        ready: (foldedId, cause) => this.#contentReady(foldedId, cause),
      },
    );
    this.#interests = new InterestKeeper(host, this.#router, meta, timeoutMs, {
      changed: (changes) => this.#views.changed(changes),
      wholeAnnounced: (slotId, leaderEpoch, sequence) => this.#reader.announced(slotId, leaderEpoch, sequence),
      stampSeen: (stamp) => stamps.lift(stamp),
      knownVersion: (foldedId) => this.#knownVersion(foldedId),
    });
    this.#reader = new GlobalReader({
      host,
      router: this.#router,
      joins: this.#joins,
      timeoutMs,
      idleMs: config.globalReaderIdleMs,
      setWhole: (isWhole) => this.#interests.setWhole(isWhole),
      restartSlot: (slotId) => this.#interests.restartWhole(slotId),
      published: (publisher) => this.#copies.published(publisher),
      withdrawn: (dataInfoId, registerId, version) => this.#copies.withdrawn(dataInfoId, registerId, version),
    });
    this.#documents = new Documents(host, meta);
    this.#loads = new SessionLoads(host, meta);
    this.#connections = new ClientConnections({
      host,
      publishers: new ConnectionPublishers(host, this.#router, this.#writer, stamps, this.#store, this.#withdrawals),
      interests: this.#interests,
      views: this.#views,
      pushes: this.#pushes,
      trace: this.#trace,
      isPushStopped: (address) => this.#pushSwitch?.isStopped(address) === true,
      massCloseShare: config.massCloseShare,
      massCloseGraceMs: config.massCloseGraceMs,
    });
    const leases = new LeasePublishers(host, this.#router, this.#writer, stamps, this.#copies, this.#withdrawals, this.#reader);
    this.gateway = {
      dataCenter: config.dataCenter,
      connect: (client: ClientInfo) => this.#connections.connect(client),
      leases,
      documents: this.#documents,
      query: (dataInfoId: DataInfoId, format: string) => this.#query(dataInfoId, format),
      readEverything: (format: string, changed: (changes: readonly GlobalChange[]) => void) => this.#reader.open(format, changed),
      sessions: (listener: string) => this.#sessions(listener),
      otherLoads: (listener: string) => this.#otherLoads(listener),
      heldNames: () => this.#views.heldNames(),
      leaseHolds: () => this.#interests.leaseHolds(),
    };
  }

  serve(): void {
    const handlers = new Map<MessageKind, MessageHandler>([
      [MessageKind.SlotNotice, (_from, frame) => void this.#interests.notice(decodeSlotNotice(frame))],
      [MessageKind.SlotLog, (_from, frame) => this.#reader.takeLog(frame)],
      [MessageKind.CompareRoots, (_from, frame) => this.#compareRoots(frame)],
      [MessageKind.CompareDatums, (_from, frame) => this.#compareDatums(frame)],
      [MessageKind.DatumHoldings, (_from, frame) => encodeDatumHoldingsAnswer(this.#holding(decodeDatumHoldings(frame)))],
      [MessageKind.TableChanged, (from, frame) => void this.#meta.handleTableChanged(from, decodeTableChanged(frame))],
      [MessageKind.DocumentsChanged, (_from, frame) => void this.#documents.changed(decodeDocumentsChanged(frame))],
    ]);
    this.#closeables.push(this.#host.peers.serve(dispatcher(handlers, this.#host.log)));
    this.#closeables.push(
      this.#meta.onChange(({ table, documents }) => {
        if (documents) this.#documents.revisionSeen(this.#meta.documentRevision);
        if (!table) return;
        this.#interests.tableChanged();
        this.#writer.kick();
      }),
    );
    this.#schedulePulse();
  }

  /** Resolves when the slot table is there and the push switch is known, so that no client is accepted before it can be served. */
  async whenRoutable(): Promise<void> {
    this.#pushSwitch = new PushSwitch(this.#documents, () => this.#pushes.advanceAll());
    await this.#pushSwitch.ready;
    while (!this.isReady() && !this.#stopped) {
      await new Promise<void>((resolve) => {
        const watch = this.#meta.onChange(() => {
          watch.close();
          timer.cancel();
          resolve();
        });
        const timer = this.#host.clock.schedule(this.#config.heartbeatMs, () => {
          watch.close();
          this.#meta.refresh();
          resolve();
        });
      });
    }
  }

  isReady(): boolean {
    return this.#meta.table.slots.length === this.#config.slotCount;
  }

  cluster(): ClusterView {
    return this.#meta.view();
  }

  heldNames(): readonly FoldedId[] {
    return this.#views.heldNames();
  }

  stats(): SessionStats {
    return {
      connections: this.#connections.count,
      connectionPublishers: this.#store.count,
      leaseCopies: this.#copies.size,
      pushGroups: this.#pushes.groupCount,
      pendingWrites: this.#writer.pendingCount,
      globalRecords: this.#reader.recordCount,
    };
  }

  async drain(): Promise<void> {
    this.#connections.stop();
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#connections.stop();
    this.#writer.stop();
    this.#interests.stop();
    this.#views.stop();
    this.#pushes.stop();
    this.#copies.stop();
    this.#documents.stop();
    await this.#meta.stop();
    for (const closeable of this.#closeables) closeable.close();
  }

  #contentReady(foldedId: FoldedId, cause: NoticedChange | undefined): void {
    if (cause !== undefined) this.#trace.noticed(cause);
    this.#pushes.advance(foldedId);
  }

  #compareRoots(frame: Uint8Array): Uint8Array {
    return encodeCompareRootsAnswer(answerCompareRoots(decodeCompareRoots(frame), this.#host.processId, this.#store));
  }

  #compareDatums(frame: Uint8Array): Uint8Array {
    const request = decodeCompareDatums(frame);
    const kept = { publishers: this.#store, copies: this.#copies, withdrawals: this.#withdrawals };
    const highest = this.#highestVersion(request.slotId);
    return encodeCompareDatumsAnswer(answerCompareDatums(request, this.#host.processId, kept, highest));
  }

  #holding(dataInfoId: DataInfoId): DatumHolding {
    const foldedId = foldDataInfoId(dataInfoId);
    const publishers = this.#store.publishers(this.#router.slotOf(foldedId), dataInfoId).length;
    const held = { version: this.#views.knownVersion(foldedId), publishers, sent: this.#pushes.sentVersion(foldedId) };
    return { peer: this.#host.peers.self, part: 'session', ...held, problem: '' };
  }

  #knownVersion(foldedId: FoldedId): DatumVersion {
    const sent = this.#pushes.sentVersion(foldedId);
    const known = this.#views.knownVersion(foldedId);
    return sent > known ? sent : known;
  }

  /** A new leader asks for all its slots in one turn: all names are gone through once for them, not once per slot. */
  #highestVersion(slotId: number): DatumVersion {
    if (this.#highestBySlot === undefined) {
      const highest = new Map<number, DatumVersion>();
      for (const name of new Set([...this.#pushes.names(), ...this.#views.names()])) {
        const slot = this.#router.slotOf(name);
        const version = this.#knownVersion(name);
        if (version > (highest.get(slot) ?? 0n)) highest.set(slot, version);
      }
      this.#highestBySlot = highest;
      this.#host.clock.soon(() => {
        this.#highestBySlot = undefined;
      });
    }
    return this.#highestBySlot.get(slotId) ?? 0n;
  }

  async #query(dataInfoId: DataInfoId, format: string): Promise<ServiceView> {
    const group = await this.#readGroup(dataInfoId, (read) => !read.held);
    return buildView(group, dataInfoId, format, this.#joins);
  }

  async explain(dataInfoId: DataInfoId): Promise<NameExplanation> {
    const group = await this.#readGroup(dataInfoId, () => true);
    return explainName(group, dataInfoId, this.#router.slotOf(group.foldedId), this.#joins);
  }

  /** Asks the slot leader until it answers with what is good enough. @throws RegistryError `unavailable`. */
  async #readGroup(dataInfoId: DataInfoId, isGood: (group: DatumGroup) => boolean): Promise<DatumGroup> {
    const foldedId = foldDataInfoId(dataInfoId);
    for (let attempt = 0; attempt < QUERY_TRIES && !this.#stopped; attempt += 1) {
      const slot = this.#router.slot(this.#router.slotOf(foldedId));
      if (slot !== undefined) {
        try {
          const request = encodeSlotFetch({ ...this.#router.address(slot), foldedIds: [foldedId] });
          const answer = decodeSlotFetchAnswer(
            await this.#host.peers.request(slot.leader, request, { timeoutMs: this.#config.requestTimeoutMs }),
          );
          const [group] = answer.groups;
          if (answer.status === SlotStatus.Accept && group !== undefined && isGood(group)) return group;
          if (answer.status !== SlotStatus.Migrating) this.#router.refresh();
        } catch (caught) {
          this.#host.log.debug('a query is tried again', { dataInfoId, reason: RegistryError.from(caught).message });
          this.#router.refresh();
        }
      }
      await new Promise<void>((resolve) => this.#host.clock.schedule(QUERY_RETRY_MS, resolve));
    }
    throw new RegistryError(RegistryErrorCode.Unavailable, `${dataInfoId} cannot be read now`);
  }

  #sessions(listener: string): readonly SessionAddress[] {
    const self = { address: addressOf(listener, this.#config.clientAddresses), isSelf: true };
    const others = this.#otherSessions(listener).map(({ address }) => ({ address, isSelf: false }));
    return [self, ...others.sort((a, b) => (a.address < b.address ? -1 : 1))];
  }

  /** Those that clients can reach. */
  #otherSessions(listener: string): readonly { readonly peer: PeerId; readonly address: string }[] {
    return this.#meta.members
      .filter((member) => member.role === Role.Session && member.peer !== this.#host.peers.self)
      .map(({ peer, clientAddresses }) => ({ peer, address: addressOf(listener, clientAddresses) }))
      .filter(({ address }) => address !== '');
  }

  async #otherLoads(listener: string): Promise<ReadonlyMap<string, number>> {
    const byAddress = new Map<string, number>();
    const others = this.#otherSessions(listener);
    if (others.length === 0) return byAddress;
    const byPeer = await this.#loads.read();
    for (const { peer, address } of others) {
      const connections = byPeer.get(peer);
      if (connections !== undefined) byAddress.set(address, connections);
    }
    return byAddress;
  }

  #schedulePulse(): void {
    this.#host.clock.schedule(this.#config.pulseMs, () => {
      if (this.#stopped) return;
      void this.#interests.pulse().finally(() => this.#schedulePulse());
    });
  }
}

function addressOf(listener: string, addresses: readonly ClientAddress[] | undefined): string {
  return addresses?.find((each) => each.listener === listener)?.address ?? '';
}
