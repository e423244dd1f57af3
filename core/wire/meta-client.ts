import { RegistryError, RegistryErrorCode } from '../model/errors.ts';
import type { Member, PeerId } from '../model/node.ts';
import { EMPTY_SLOT_TABLE, type SlotTable } from '../model/slot-table.ts';
import type { Timer } from '../seams/clock.ts';
import type { RoleHost } from '../seams/host.ts';
import type { Closeable } from '../seams/transport.ts';
import { decodeHeartbeatAnswer, encodeHeartbeat, type HeartbeatAnswer, type SlotReport } from './heartbeat.ts';

/** What a Data node or Session tells Meta with each heartbeat. */
export interface HeartbeatReport {
  readonly load: number;
  readonly slots: readonly SlotReport[];
}

export interface MetaClientOptions {
  readonly cluster: string;
  readonly slotCount: number;
  readonly member: Member;
  /** Tried in turn until one answers. The list may grow while nodes are found. */
  readonly metas: readonly PeerId[];
  readonly heartbeatMs: number;
  readonly leaseMs: number;
  readonly host: RoleHost;
  readonly report: () => HeartbeatReport;
}

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
 * change. When Meta is gone the last of both stay in force.
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
  #metaIndex = 0;
  #answeredAtMs: number | undefined;
  #timer: Timer | undefined;
  #beating: Promise<void> | undefined;
  #beatAgain = false;
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

  /** The Meta that answered last. */
  get meta(): PeerId {
    const { metas } = this.#options;
    return metas[this.#metaIndex % Math.max(1, metas.length)] as PeerId;
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
        await new Promise<void>((resolve) => this.#options.host.clock.schedule(this.#options.heartbeatMs / 5, resolve));
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
    void this.#beat();
  }

  /** Meta says that there is something newer. */
  handleTableChanged(epochs: { readonly tableEpoch: number; readonly membersEpoch: number }): void {
    if (epochs.tableEpoch !== this.#table.epoch || epochs.membersEpoch !== this.#membersEpoch) this.refresh();
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
      this.#options.host.log.warn('Meta did not take the heartbeat; going on with the last slot table', { reason: error.message });
    });
    await this.#beating;
    this.#beating = undefined;
    if (this.#beatAgain) {
      this.#beatAgain = false;
      this.refresh();
    } else this.#scheduleNext();
  }

  async #heartbeat(leaseMs: number): Promise<void> {
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
      const answer = await host.peers.request(this.meta, request, { timeoutMs: heartbeatMs });
      this.#learn(decodeHeartbeatAnswer(answer));
    } catch (caught) {
      this.#metaIndex += 1;
      throw caught;
    }
  }

  #learn(answer: HeartbeatAnswer): void {
    this.#answeredAtMs = this.#options.host.clock.monotonicMs();
    const table = answer.table !== undefined && answer.table.epoch > this.#table.epoch;
    if (answer.table !== undefined && table) this.#table = answer.table;
    const members = answer.members !== undefined;
    if (answer.members !== undefined) {
      this.#members = answer.members;
      this.#options.host.peers.learnAddresses(answer.members);
      this.#membersEpoch = answer.membersEpoch;
    }
    const documents = answer.documentRevision !== this.#documentRevision;
    this.#documentRevision = answer.documentRevision;
    if (!table && !members && !documents) return;
    for (const listener of [...this.#listeners]) listener({ table, members, documents });
  }
}
