import { RegistryError } from '../model/errors.ts';
import { type Member, type PeerId, Role } from '../model/node.ts';
import type { SlotTable } from '../model/slot-table.ts';
import type { Timer } from '../seams/clock.ts';
import type { RoleHost } from '../seams/host.ts';
import type { RunningRole } from '../seams/lifecycle.ts';
import type { MetaStore } from '../seams/store.ts';
import type { Closeable } from '../seams/transport.ts';
import { assertSlotCount } from '../slot/slot-of.ts';
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
import {
  decodeHeartbeat,
  encodeHeartbeatAnswer,
  encodeTableChanged,
  type HeartbeatAnswer,
  type HeartbeatRequest,
} from '../wire/heartbeat.ts';
import { assertSameCluster, openCluster, StoredSessions, StoredSlotTable } from './cluster-record.ts';
import { DocumentStore } from './documents.ts';
import { Membership } from './membership.ts';
import { type ReplicationState, SlotArranger } from './slot-arranger.ts';

export type { ReplicationState } from './slot-arranger.ts';

export interface MetaConfig {
  /** Name of the cluster; members of another one are refused by it. */
  readonly cluster: string;
  /** Fixed at the first start. */
  readonly slotCount: number;
  /** Copies of each slot, leader included. */
  readonly replicas: number;
  /** How often members heartbeat; the unit of "missed beats". */
  readonly heartbeatMs: number;
}

export interface MetaServer extends RunningRole {
  table(): SlotTable;
  members(): readonly Member[];
  replication(): ReplicationState;
}

/** Meta's own watch: evicts, arranges and notices its own stalls. */
const TICK_MS = 1_000;
const STALL_MS = 500;

/**
 * Starts the Meta role over its store: membership, slot table, documents. Resolves when it answers heartbeats.
 *
 * @throws RegistryError `wrong-cluster` when the store belongs to another cluster or slot count, `store-unavailable`.
 */
export async function startMetaServer(config: MetaConfig, host: RoleHost, store: MetaStore): Promise<MetaServer> {
  assertSlotCount(config.slotCount);
  await openCluster(store, config);
  const stored = new StoredSlotTable(store);
  const sessions = new StoredSessions(store);
  const server = new MetaRole(config, host, store, stored, await stored.load(), sessions, await sessions.load());
  server.start(await store.revision());
  return server;
}

class MetaRole implements MetaServer {
  readonly #config: MetaConfig;
  readonly #host: RoleHost;
  readonly #stored: StoredSlotTable;
  readonly #storedSessions: StoredSessions;
  readonly #documents: DocumentStore;
  readonly #membership: Membership;
  readonly #arranger: SlotArranger;
  #table: SlotTable;
  #documentRevision = 0;
  #arranging: Promise<void> | undefined;
  #arrangeAgain = false;
  /** Data nodes that came back as another incarnation: their memory is empty, so what they led is reassigned. */
  readonly #restarted = new Set<PeerId>();
  /** Members of before that a new Meta waits for, a few heartbeats long, before it arranges slots and tells who is there. */
  readonly #awaited = new Set<PeerId>();
  #wasSettled = false;
  #timer: Timer | undefined;
  #startedAtMs = 0;
  #lastTickMs = 0;
  #serving: Closeable | undefined;
  #stopped = false;

  constructor(
    config: MetaConfig,
    host: RoleHost,
    store: MetaStore,
    stored: StoredSlotTable,
    table: SlotTable,
    storedSessions: StoredSessions,
    sessions: readonly PeerId[],
  ) {
    this.#config = config;
    this.#host = host;
    this.#stored = stored;
    this.#storedSessions = storedSessions;
    this.#documents = new DocumentStore(store);
    this.#membership = new Membership(config.heartbeatMs, Math.floor(host.clock.wallMs()));
    this.#arranger = new SlotArranger(config.slotCount, config.replicas, this.#membership);
    this.#table = table;
    // The nodes of the stored table start anew as far as this Meta knows: the first heartbeat of each is a restart.
    for (const slot of table.slots) {
      this.#restarted.add(slot.leader);
      for (const peer of [slot.leader, ...slot.followers]) this.#awaited.add(peer);
    }
    for (const peer of sessions) this.#awaited.add(peer);
  }

  start(revision: number): void {
    this.#documentRevision = revision;
    const handlers = new Map<MessageKind, MessageHandler>([
      [MessageKind.Heartbeat, (_from, frame) => this.#heartbeat(decodeHeartbeat(frame))],
      [MessageKind.DocumentGet, async (_from, frame) => encodeDocumentGetAnswer(await this.#documents.get(decodeDocumentGet(frame)))],
      [MessageKind.DocumentList, (_from, frame) => this.#listDocuments(frame)],
      [MessageKind.DocumentWrite, (_from, frame) => this.#writeDocument(frame)],
    ]);
    this.#serving = this.#host.peers.serve(dispatcher(handlers));
    this.#startedAtMs = this.#host.clock.monotonicMs();
    this.#lastTickMs = this.#startedAtMs;
    this.#scheduleTick();
  }

  table(): SlotTable {
    return this.#table;
  }

  members(): readonly Member[] {
    return this.#membership.members();
  }

  replication(): ReplicationState {
    return this.#arranger.replication(this.#table);
  }

  async drain(): Promise<void> {
    await this.#arranging;
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#timer?.cancel();
    this.#serving?.close();
    await this.#arranging;
  }

  async #heartbeat(request: HeartbeatRequest): Promise<Uint8Array> {
    assertSameCluster(this.#config, request);
    const wasSettled = this.#isSettled();
    const { joined, restarted, left } = this.#membership.beat(request, this.#host.clock.monotonicMs());
    this.#awaited.delete(request.member.peer);
    this.#arranger.noteWeights(request);
    const { member } = request;
    if (joined || left) {
      this.#host.log.info(left ? 'member left' : restarted ? 'member restarted' : 'member joined', { peer: member.peer });
      // Also one that was given up and comes back before the table could be changed: it must not lead with empty hands.
      if (this.#holdsItsSlots(request)) this.#restarted.delete(member.peer);
      else if (member.role === Role.Data) this.#restarted.add(member.peer);
      if (member.role === Role.Data || !wasSettled) await this.#arrange();
      if (member.role === Role.Session) await this.#saveSessions();
      this.#announce(member.peer);
    } else if (member.role === Role.Data && this.#table.slots.length === 0) await this.#arrange();
    return encodeHeartbeatAnswer(this.#answer(request));
  }

  #answer(request: HeartbeatRequest): HeartbeatAnswer {
    const membersEpoch = this.#membership.epoch;
    return {
      tableEpoch: this.#table.epoch,
      membersEpoch,
      documentRevision: this.#documentRevision,
      table: request.tableEpoch === this.#table.epoch ? undefined : this.#table,
      members: request.membersEpoch === membersEpoch || !this.#isSettled() ? undefined : this.#membership.members(),
    };
  }

  async #listDocuments(frame: Uint8Array): Promise<Uint8Array> {
    const { prefix, after } = decodeDocumentList(frame);
    return encodeDocumentListAnswer(await this.#documents.list(prefix, after));
  }

  async #writeDocument(frame: Uint8Array): Promise<Uint8Array> {
    const request = decodeDocumentWrite(frame);
    const answer = await this.#documents.write(request);
    if (request.value !== undefined || answer.existed) {
      this.#documentRevision = Math.max(this.#documentRevision, answer.revision);
      const notice = encodeDocumentsChanged({ revision: answer.revision, keys: [request.key] });
      for (const member of this.#membership.members()) if (member.role === Role.Session) this.#host.peers.send(member.peer, notice);
    }
    return encodeDocumentWriteAnswer(answer);
  }

  #scheduleTick(): void {
    if (this.#stopped) return;
    this.#timer = this.#host.clock.schedule(TICK_MS, () => {
      void this.#tick().finally(() => this.#scheduleTick());
    });
  }

  async #tick(): Promise<void> {
    const nowMs = this.#host.clock.monotonicMs();
    const lateMs = nowMs - this.#lastTickMs - TICK_MS;
    this.#lastTickMs = nowMs;
    if (lateMs > STALL_MS) this.#membership.forgive(lateMs);
    const gone = this.#membership.evict(nowMs);
    for (const member of gone) this.#host.log.warn('member lost', { peer: member.peer });
    await this.#arrange();
    if (gone.length > 0) await this.#saveSessions();
    const settles = !this.#wasSettled && this.#isSettled();
    this.#wasSettled ||= settles;
    if (gone.length > 0 || settles) this.#announce(undefined);
  }

  /** One arrangement at a time; a change during one starts another. */
  async #arrange(): Promise<void> {
    if (this.#arranging !== undefined) {
      this.#arrangeAgain = true;
      await this.#arranging;
      return;
    }
    this.#arranging = this.#arrangeUntilSettled().finally(() => {
      this.#arranging = undefined;
    });
    await this.#arranging;
  }

  async #arrangeUntilSettled(): Promise<void> {
    do {
      this.#arrangeAgain = false;
      try {
        await this.#arrangeOnce();
      } catch (caught) {
        this.#host.log.error('the slot table could not be changed; the last one stays in force', {
          reason: RegistryError.from(caught).message,
        });
        return;
      }
    } while (this.#arrangeAgain && !this.#stopped);
  }

  async #arrangeOnce(): Promise<void> {
    const dataNodes = this.#membership
      .members()
      .filter((member) => member.role === Role.Data)
      .map((member) => member.peer);
    if (dataNodes.length === 0 || !this.#isSettled()) return;
    const back = dataNodes.filter((peer) => this.#restarted.has(peer));
    const next = this.#arranger.arrange(this.#table, new Set(back));
    if (next === this.#table) {
      for (const peer of back) this.#restarted.delete(peer);
      return;
    }
    await this.#stored.save(next);
    for (const peer of back) this.#restarted.delete(peer);
    this.#table = next;
    this.#host.log.info('slot table changed', { epoch: next.epoch, dataNodes: dataNodes.length });
    this.#announce(undefined);
  }

  /** A Meta that just started must not take silence for absence: it waits for the members of before, three heartbeats at most. */
  #isSettled(): boolean {
    return this.#awaited.size === 0 || this.#host.clock.monotonicMs() - this.#startedAtMs >= 3 * this.#config.heartbeatMs;
  }

  async #saveSessions(): Promise<void> {
    const sessions = this.#membership.members().filter((member) => member.role === Role.Session);
    try {
      await this.#storedSessions.save(sessions.map((member) => member.peer));
    } catch (caught) {
      // It only matters to the next start of this Meta, and the next change tries again.
      this.#host.log.warn('the list of Sessions could not be stored', { reason: RegistryError.from(caught).message });
    }
  }

  /** A node that serves its slots at their present epochs has lived on while Meta was away. */
  #holdsItsSlots(request: HeartbeatRequest): boolean {
    return request.slots.some((slot) => slot.serving && this.#table.slots[slot.slotId]?.leaderEpoch === slot.leaderEpoch);
  }

  #announce(except: PeerId | undefined): void {
    const frame = encodeTableChanged({ tableEpoch: this.#table.epoch, membersEpoch: this.#membership.epoch });
    for (const member of this.#membership.members()) if (member.peer !== except) this.#host.peers.send(member.peer, frame);
  }
}
