import { RegistryError, RegistryErrorCode } from '../model/errors.ts';
import { type Member, nodeOf, type PeerId, peerId, Role } from '../model/node.ts';
import type { SlotTable } from '../model/slot-table.ts';
import type { Timer } from '../seams/clock.ts';
import type { RoleHost } from '../seams/host.ts';
import type { MetaStore } from '../seams/store.ts';
import type { Closeable } from '../seams/transport.ts';
import { dispatcher, type MessageHandler } from '../wire/dispatch.ts';
import {
  decodeDocumentGet,
  decodeDocumentList,
  decodeDocumentWrite,
  encodeDocumentGetAnswer,
  encodeDocumentListAnswer,
  encodeDocumentsChanged,
  encodeDocumentWriteAnswer,
} from '../wire/documents.ts';
import { MessageKind } from '../wire/frame.ts';
import { decodeHeartbeat, encodeHeartbeatAnswer, type HeartbeatRequest } from '../wire/heartbeat.ts';
import { decodeSessionLoads, encodeSessionLoadsAnswer } from '../wire/session-loads.ts';
import { assertSameCluster, openCluster, StoredMembers, StoredSlotTable } from './cluster-record.ts';
import { DOCUMENTS_PREFIX, DocumentStore } from './documents.ts';
import { LeaderTerm } from './leader-term.ts';
import { fenceOf, Leadership } from './leadership.ts';
import type { MetaConfig, MetaLeadership, MetaServer } from './meta-server.ts';
import type { ReplicationState } from './slot-arranger.ts';
import { Standby } from './standby.ts';

/** A leader that was not heard by the store for this many heartbeats leads no more. */
const LEASE_BEATS = 5;
/** A leader that nobody reached leaves it to the others for this many heartbeats. */
const STEP_DOWN_BEATS = 10;
const NO_REPLICATION: ReplicationState = { replicas: 0, dataNodes: 0, possible: 0, incompleteSlots: 0, movingSlots: 0 };

/** The Meta role: leader or standby, as the store decides. Documents are read at any Meta and written at the leader. */
export class MetaRole implements MetaServer {
  readonly #config: MetaConfig;
  readonly #host: RoleHost;
  readonly #store: MetaStore;
  readonly #documents: DocumentStore;
  readonly #leadership: Leadership;
  readonly #standby: Standby;
  readonly #self: Member;
  /** While this Meta leads and has read what the term before left. */
  #office: LeaderTerm | undefined;
  #isOpen = false;
  #hasMissedDocuments = false;
  #lastMembersEpoch = 0;
  #timer: Timer | undefined;
  readonly #closeables: Closeable[] = [];
  #entering: Promise<void> | undefined;
  #isStopped = false;

  constructor(config: MetaConfig, host: RoleHost, store: MetaStore) {
    this.#config = config;
    this.#host = host;
    this.#store = store;
    this.#documents = new DocumentStore(store);
    const { address = '', zone = '' } = config;
    this.#self = { peer: host.peers.self, role: Role.Meta, processId: host.processId, address, zone };
    this.#standby = new Standby(config, host, this.#self, new StoredMembers(store));
    this.#leadership = new Leadership(host, store, config.heartbeatMs, LEASE_BEATS * config.heartbeatMs, {
      won: (term) => this.#won(term),
      lost: (reason) => this.#lost(reason),
    });
  }

  /** Resolves when this Meta answers, as leader or standby. @throws RegistryError `wrong-cluster`. */
  async start(): Promise<void> {
    await this.#open();
    const handlers = new Map<MessageKind, MessageHandler>([
      [MessageKind.Heartbeat, (_from, frame) => this.#heartbeat(decodeHeartbeat(frame))],
      [MessageKind.SessionLoads, (_from, frame) => this.#sessionLoads(frame)],
      [MessageKind.DocumentGet, async (_from, frame) => encodeDocumentGetAnswer(await this.#documents.get(decodeDocumentGet(frame)))],
      [MessageKind.DocumentList, (_from, frame) => this.#listDocuments(frame)],
      [MessageKind.DocumentWrite, (_from, frame) => this.#writeDocument(frame)],
    ]);
    this.#closeables.push(this.#host.peers.serve(dispatcher(handlers, this.#host.log)));
    const documents = {
      changed: (keys: readonly string[], revision: number) => this.#documentsChanged(keys, revision),
      missed: () => void this.#documentsMissed(),
    };
    this.#closeables.push(this.#store.watch(DOCUMENTS_PREFIX, documents));
    await this.#leadership.start();
    await this.#entering;
    this.#scheduleTick();
  }

  table(): SlotTable {
    return this.#office?.table ?? this.#standby.table;
  }

  members(): readonly Member[] {
    return this.#office?.members() ?? this.#standby.members;
  }

  replication(): ReplicationState {
    return this.#office?.replication() ?? NO_REPLICATION;
  }

  leadership(): MetaLeadership {
    const { term, holder } = this.#leadership;
    return { isLeader: term !== undefined && this.#office !== undefined, leader: this.#leader(), term, holder };
  }

  async drain(): Promise<void> {}

  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#timer?.cancel();
    const leader = this.#leader();
    for (const closeable of this.#closeables) closeable.close();
    await this.#entering;
    await this.#office?.end();
    this.#office = undefined;
    await this.#leadership.stop();
    if (leader !== '' && leader !== this.#self.peer) await this.#standby.report(leader, 0);
  }

  /** @throws RegistryError `wrong-cluster`; a store that cannot be reached now is asked again before this Meta leads. */
  async #open(): Promise<void> {
    if (this.#isOpen) return;
    try {
      await openCluster(this.#store, this.#config);
      this.#isOpen = true;
    } catch (caught) {
      const error = RegistryError.from(caught);
      if (error.code !== RegistryErrorCode.StoreUnavailable) throw error;
      this.#host.log.warn('the store cannot be reached yet', { reason: error.message });
    }
  }

  // Leadership

  #won(term: number): void {
    this.#host.log.info('this Meta leads', { term });
    this.#entering = this.#enterOffice(term).finally(() => {
      this.#entering = undefined;
    });
  }

  #lost(reason: string): void {
    this.#host.log.warn('this Meta leads no more', { reason });
    const office = this.#office;
    this.#office = undefined;
    if (office === undefined) return;
    this.#lastMembersEpoch = office.membersEpoch;
    this.#standby.take(office.table, office.members());
    void office.end();
  }

  /** Reads what the term before left. When the store fails in between, the next tick tries again while the term lasts. */
  async #enterOffice(term: number): Promise<void> {
    try {
      await this.#open();
      if (!this.#isOpen) return;
      const storedTable = new StoredSlotTable(this.#store);
      const storedMembers = new StoredMembers(this.#store);
      const table = await storedTable.load();
      const members = await storedMembers.load();
      const documentRevision = await this.#store.revision();
      if (this.#leadership.term !== term || this.#isStopped) return;
      this.#host.peers.learnAddresses(members);
      this.#office = new LeaderTerm({
        config: this.#config,
        host: this.#host,
        term,
        self: this.#self,
        storedTable,
        table,
        storedMembers,
        members,
        documentRevision,
        lastMembersEpoch: this.#lastMembersEpoch,
        deposed: () => this.#leadership.deposed(),
      });
      this.#office.begin();
    } catch (caught) {
      this.#host.log.error('this Meta cannot take up office', { reason: RegistryError.from(caught).message });
    }
  }

  #scheduleTick(): void {
    if (this.#isStopped) return;
    this.#timer = this.#host.clock.schedule(this.#config.heartbeatMs, () => {
      void this.#tick().finally(() => this.#scheduleTick());
    });
  }

  async #tick(): Promise<void> {
    const { term } = this.#leadership;
    if (term !== undefined) {
      if (this.#office === undefined && this.#entering === undefined) this.#won(term);
      if (this.#hasMissedDocuments) await this.#documentsMissed();
      if (this.#office?.isUnheard() === true) {
        await this.#leadership.stepDown('no member reaches this Meta', STEP_DOWN_BEATS * this.#config.heartbeatMs);
      }
      return;
    }
    const leader = this.#leader();
    if (leader !== '' && leader !== this.#self.peer) await this.#standby.report(leader);
  }

  #leader(): PeerId | '' {
    const { holder } = this.#leadership;
    return holder === undefined ? '' : peerId(nodeOf(holder), Role.Meta);
  }

  /** The office, while nobody else can hold it. @throws RegistryError `not-leader`. */
  #officeOrRefuse(): { readonly office: LeaderTerm; readonly term: number } {
    const { term } = this.#leadership;
    const office = this.#office;
    if (term !== undefined && office !== undefined) return { office, term };
    const leader = this.#leader();
    const hint = leader === '' || leader === this.#self.peer ? 'nobody leads now' : `${leader} leads`;
    throw new RegistryError(RegistryErrorCode.NotLeader, hint);
  }

  // Messages

  async #heartbeat(request: HeartbeatRequest): Promise<Uint8Array> {
    assertSameCluster(this.#config, request);
    // Reading the term may end it.
    const isLeader = this.#leadership.term !== undefined;
    if (isLeader && this.#office !== undefined) return encodeHeartbeatAnswer(await this.#office.heartbeat(request));
    const leader = this.#leader();
    return encodeHeartbeatAnswer(this.#standby.answer(leader === this.#self.peer ? '' : leader));
  }

  #sessionLoads(frame: Uint8Array): Uint8Array {
    decodeSessionLoads(frame);
    return encodeSessionLoadsAnswer(this.#officeOrRefuse().office.sessionLoads());
  }

  async #listDocuments(frame: Uint8Array): Promise<Uint8Array> {
    const { prefix, after } = decodeDocumentList(frame);
    return encodeDocumentListAnswer(await this.#documents.list(prefix, after));
  }

  async #writeDocument(frame: Uint8Array): Promise<Uint8Array> {
    const request = decodeDocumentWrite(frame);
    const { term } = this.#officeOrRefuse();
    return encodeDocumentWriteAnswer(await this.#documents.write(request, fenceOf(term)));
  }

  #documentsChanged(storedKeys: readonly string[], revision: number): void {
    const office = this.#office;
    if (office === undefined) return;
    office.documentsWritten(revision);
    const keys = storedKeys.map((key) => key.slice(DOCUMENTS_PREFIX.length));
    const notice = encodeDocumentsChanged({ revision, keys });
    for (const { peer, role } of office.members()) if (role === Role.Session) this.#host.peers.send(peer, notice);
  }

  /** Sessions see in the next heartbeat that there is more than they were told of, and read again. */
  async #documentsMissed(): Promise<void> {
    this.#hasMissedDocuments = false;
    try {
      this.#office?.documentsWritten(await this.#store.revision());
    } catch (caught) {
      this.#host.log.debug('the store does not tell its revision', { reason: RegistryError.from(caught).message });
      this.#hasMissedDocuments = true;
    }
  }
}
