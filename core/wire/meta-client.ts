import { RegistryError, RegistryErrorCode } from '../model/errors.ts';
import { type Member, type PeerId, Role } from '../model/node.ts';
import { EMPTY_SLOT_TABLE, type SlotTable } from '../model/slot-table.ts';
import type { Timer } from '../seams/clock.ts';
import type { RoleHost } from '../seams/host.ts';
import type { Closeable, RequestOptions } from '../seams/transport.ts';
import { errorIn } from './frame.ts';
import { decodeHeartbeatAnswer, encodeHeartbeat, type HeartbeatAnswer, type SlotReport } from './heartbeat.ts';
import { decodeTableGetAnswer, encodeTableGet } from './table-get.ts';

/** What a Data node or Session tells Meta with each heartbeat. */
export interface HeartbeatReport {
  readonly load: number;
  readonly slots: readonly SlotReport[];
}

export interface MetaClientOptions {
  readonly cluster: string;
  readonly slotCount: number;
  readonly member: Member;
  /** Those known at start, tried in turn until one answers; Meta tells of others. The list may grow while nodes are found. */
  readonly metas: readonly PeerId[];
  readonly heartbeatMs: number;
  readonly leaseMs: number;
  readonly host: RoleHost;
  readonly report: () => HeartbeatReport;
}

/** Least pause after a heartbeat that failed, in heartbeats. */
const RETRY_SHARE = 0.2;
/** While a leader is being followed. */
const FOLLOW_PAUSE_MS = 100;

/** What a node knows of its cluster. */
export interface ClusterView {
  /** The Meta that is asked first. */
  readonly meta: PeerId;
  /** Milliseconds since Meta answered last; undefined before the first answer. */
  readonly metaSilentMs: number | undefined;
  readonly table: SlotTable;
  readonly members: readonly Member[];
}

export interface MetaChange {
  readonly table: boolean;
  readonly members: boolean;
  readonly documents: boolean;
}

/**
 * A node's view of Meta: it heartbeats, keeps the newest slot table and member list, and tells who listens when they
 * change. When Meta is gone the last of both stay in force, until somebody who reaches it names a newer table.
 */
export class MetaClient {
  readonly #options: MetaClientOptions;
  readonly #listeners = new Set<(change: MetaChange) => void>();
  readonly #broken = new Set<PeerId>();
  readonly #linkWatches: readonly Closeable[];
  #table: SlotTable = EMPTY_SLOT_TABLE;
  #members: readonly Member[] = [];
  #membersEpoch = 0;
  #documentRevision = 0;
  /** Metas that Meta told of. */
  #toldMetas: readonly PeerId[] = [];
  #meta: PeerId | undefined;
  #answeredAtMs: number | undefined;
  #timer: Timer | undefined;
  #beating: Promise<void> | undefined;
  #beatAgain = false;
  /** The Data node that named the newest table, and its epoch. */
  #newest: { readonly holder: PeerId; readonly tableEpoch: number } | undefined;
  /** While nobody leads, whoever misses a newer table must not ask without a pause. */
  #notBeforeMs = 0;
  #stopped = false;

  constructor(options: MetaClientOptions) {
    this.#options = options;
    const { peers } = options.host;
    this.#linkWatches = [
      peers.onLinkBroken((peer) => {
        this.#broken.add(peer);
        // Evidence is worth most while it is fresh.
        if (this.#table.epoch > 0) this.refresh();
      }),
      peers.onLinkRestored((peer) => this.linkWorks(peer)),
    ];
  }

  get table(): SlotTable {
    return this.#table;
  }

  get members(): readonly Member[] {
    return this.#members;
  }

  /** The cluster as Meta told it last. */
  view(): ClusterView {
    const nowMs = this.#options.host.clock.monotonicMs();
    const metaSilentMs = this.#answeredAtMs === undefined ? undefined : Math.round(nowMs - this.#answeredAtMs);
    return { meta: this.meta, metaSilentMs, table: this.#table, members: this.#members };
  }

  get documentRevision(): number {
    return this.#documentRevision;
  }

  /** The Meta that leads, as far as this node knows; otherwise one to ask who does. */
  get meta(): PeerId {
    return this.#meta ?? (this.#metas()[0] as PeerId);
  }

  /**
   * A request to the Meta that leads. When another one leads by now it is followed, within the time allowed.
   *
   * @throws RegistryError what Meta answered, `unavailable` when nobody leads, `timeout`.
   */
  async request(message: Uint8Array, { timeoutMs }: RequestOptions): Promise<Uint8Array> {
    const { clock, peers } = this.#options.host;
    const untilMs = clock.monotonicMs() + timeoutMs;
    for (;;) {
      const answer = await peers.request(this.meta, message, { timeoutMs: Math.max(1, untilMs - clock.monotonicMs()) });
      const error = errorIn(answer);
      if (error?.code !== RegistryErrorCode.NotLeader) return answer;
      if (clock.monotonicMs() + FOLLOW_PAUSE_MS >= untilMs) throw new RegistryError(RegistryErrorCode.Unavailable, error.message);
      this.refresh();
      await new Promise<void>((resolve) => clock.schedule(FOLLOW_PAUSE_MS, resolve));
    }
  }

  /** Resolves with the first heartbeat that Meta accepted. @throws RegistryError `wrong-cluster`, `stopped`. */
  async start(): Promise<void> {
    for (;;) {
      if (this.#stopped) throw new RegistryError(RegistryErrorCode.Stopped, 'stopped before Meta answered');
      try {
        await this.#heartbeat(this.#options.leaseMs);
        break;
      } catch (caught) {
        const error = RegistryError.from(caught);
        if (error.code === RegistryErrorCode.WrongCluster) throw error;
        await new Promise<void>((resolve) => this.#options.host.clock.schedule(this.#options.heartbeatMs * RETRY_SHARE, resolve));
      }
    }
    this.#scheduleNext();
  }

  /** Heartbeats now instead of at the next second; several calls at once make one. */
  refresh(): void {
    if (this.#stopped) return;
    if (this.#beating !== undefined) {
      this.#beatAgain = true;
      return;
    }
    this.#timer?.cancel();
    const waitMs = this.#notBeforeMs - this.#options.host.clock.monotonicMs();
    if (waitMs > 0) this.#timer = this.#options.host.clock.schedule(waitMs, () => void this.#beat());
    else void this.#beat();
  }

  /** Meta says that there is something newer, perhaps because it has just come to lead. */
  handleTableChanged(from: PeerId, epochs: { readonly tableEpoch: number; readonly membersEpoch: number }): void {
    if (epochs.membersEpoch > this.#membersEpoch) this.#meta = from;
    if (epochs.tableEpoch !== this.#table.epoch || epochs.membersEpoch !== this.#membersEpoch) this.refresh();
  }

  /** A Data node names the table that it holds. If it is newer Meta is asked, and when Meta does not answer, that node. */
  tableNamed(holder: PeerId, tableEpoch: number): void {
    if (tableEpoch <= this.#table.epoch) return;
    this.#newest = { holder, tableEpoch };
    this.refresh();
  }

  /** A link that works again is no evidence any more. */
  linkWorks(peer: PeerId): void {
    this.#broken.delete(peer);
  }

  onChange(listener: (change: MetaChange) => void): Closeable {
    this.#listeners.add(listener);
    return { close: () => this.#listeners.delete(listener) };
  }

  /** Says goodbye with a lease of 0, so that the others need not wait for it to run out. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#timer?.cancel();
    for (const watch of this.#linkWatches) watch.close();
    await this.#beating;
    try {
      await this.#heartbeat(0);
    } catch (caught) {
      this.#options.host.log.debug('Meta did not hear the goodbye', { reason: RegistryError.from(caught).message });
    }
  }

  #scheduleNext(): void {
    if (this.#stopped) return;
    this.#timer = this.#options.host.clock.schedule(this.#options.heartbeatMs, () => void this.#beat());
  }

  async #beat(): Promise<void> {
    if (this.#stopped) return;
    this.#beating = this.#heartbeat(this.#options.leaseMs).catch((caught: unknown) => {
      const error = RegistryError.from(caught);
      const { clock } = this.#options.host;
      this.#notBeforeMs = clock.monotonicMs() + this.#options.heartbeatMs * RETRY_SHARE;
      this.#options.host.log.warn('Meta did not take the heartbeat; going on with the last slot table', { reason: error.message });
      return this.#askHolder();
    });
    await this.#beating;
    this.#beating = undefined;
    if (this.#beatAgain) {
      this.#beatAgain = false;
      this.refresh();
    } else this.#scheduleNext();
  }

  /** Not for a first table: whether a node that has just started may lead what it led before only Meta knows. */
  async #askHolder(): Promise<void> {
    const newest = this.#newest;
    if (newest === undefined || newest.tableEpoch <= this.#table.epoch || this.#table.epoch === 0 || this.#stopped) return;
    const { host, heartbeatMs } = this.#options;
    try {
      const answer = await host.peers.request(newest.holder, encodeTableGet(), { timeoutMs: heartbeatMs });
      const table = this.#takeTable(decodeTableGetAnswer(answer));
      if (table) this.#tell({ table, members: false, documents: false });
    } catch (caught) {
      host.log.debug('a newer slot table could not be had', { holder: newest.holder, reason: RegistryError.from(caught).message });
    }
  }

  async #heartbeat(leaseMs: number): Promise<void> {
    let asked = this.meta;
    // One that leads no more names the one that does; there are few.
    for (let hops = this.#metas().length; ; hops -= 1) {
      const answer = await this.#ask(asked, leaseMs);
      if (answer.leader === asked) {
        this.#meta = asked;
        this.#learn(answer);
        return;
      }
      this.#learnMetas(answer.members ?? []);
      if (answer.leader === '' || hops <= 0) {
        this.#meta = this.#after(asked);
        throw new RegistryError(RegistryErrorCode.Unavailable, `${asked} knows of no Meta that leads`);
      }
      asked = answer.leader;
    }
  }

  async #ask(meta: PeerId, leaseMs: number): Promise<HeartbeatAnswer> {
    const { host, cluster, slotCount, member, report, heartbeatMs } = this.#options;
    const { load, slots } = report();
    const request = encodeHeartbeat({
      cluster,
      slotCount,
      member,
      leaseMs,
      tableEpoch: this.#table.epoch,
      membersEpoch: this.#membersEpoch,
      load,
      slots,
      broken: [...this.#broken].sort(),
    });
    try {
      return decodeHeartbeatAnswer(await host.peers.request(meta, request, { timeoutMs: heartbeatMs }));
    } catch (caught) {
      this.#meta = this.#after(meta);
      throw caught;
    }
  }

  #metas(): readonly PeerId[] {
    return [...new Set([...this.#options.metas, ...this.#toldMetas])];
  }

  /** The next one to try after `meta` failed. */
  #after(meta: PeerId): PeerId | undefined {
    const metas = this.#metas();
    return metas[(metas.indexOf(meta) + 1) % Math.max(1, metas.length)];
  }

  #learnMetas(members: readonly Member[]): void {
    const metas = members.filter((member) => member.role === Role.Meta);
    if (metas.length > 0) this.#toldMetas = metas.map((member) => member.peer);
    const others = this.#members.filter((member) => member.role !== Role.Meta);
    this.#options.host.peers.learnAddresses([...others, ...metas]);
  }

  #learn(answer: HeartbeatAnswer): void {
    this.#answeredAtMs = this.#options.host.clock.monotonicMs();
    const table = answer.table !== undefined && this.#takeTable(answer.table);
    // Epochs grow over all terms: a list of an older term may arrive late.
    const members = answer.members !== undefined && answer.membersEpoch > this.#membersEpoch;
    if (answer.members !== undefined && members) {
      this.#members = answer.members;
      this.#membersEpoch = answer.membersEpoch;
      this.#learnMetas(answer.members);
    }
    const documents = answer.documentRevision !== this.#documentRevision;
    this.#documentRevision = answer.documentRevision;
    if (table || members || documents) this.#tell({ table, members, documents });
  }

  /** Whether it is newer than what this node held. */
  #takeTable(table: SlotTable): boolean {
    const isNewer = table.epoch > this.#table.epoch;
    if (isNewer) this.#table = table;
    return isNewer;
  }

  #tell(change: MetaChange): void {
    for (const listener of [...this.#listeners]) listener(change);
  }
}
