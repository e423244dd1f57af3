import { setImmediate } from 'node:timers/promises';
import {
  type CrossProtocolConfig,
  createNodeClock,
  createNodeRandom,
  type DataServer,
  DEFAULT_CROSS_PROTOCOL,
  type Formats,
  type Host,
  InProcessNetwork,
  type LeaseGuardConfig,
  type Log,
  type MetaServer,
  type MetaStore,
  type Metrics,
  type NodeId,
  peerId,
  processId,
  Role,
  type SessionServer,
  type SlotCache,
  startDataServer,
  startMetaServer,
  startSessionServer,
} from '../../core/index.ts';
import { MemoryStore } from './memory-store.ts';

const nothing = () => undefined;
export const SILENT_LOG: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing, with: () => SILENT_LOG };
export const NO_METRICS: Metrics = {
  counter: () => ({ add: nothing }),
  gauge: () => ({ set: nothing }),
  observe: nothing,
  duration: () => ({ recordMs: nothing }),
};

/** A SlotCache in memory that outlives the roles that use it. `turn` is what happens between two pieces of a snapshot. */
export class MemorySlotCache implements SlotCache {
  readonly #turn: () => Promise<void>;
  #snapshot: readonly Uint8Array[] = [];
  #journal: Uint8Array[] = [];

  constructor(turn: () => Promise<void> = setImmediate) {
    this.#turn = turn;
  }

  async load() {
    return { snapshot: [...this.#snapshot], journal: [...this.#journal] };
  }

  append(record: Uint8Array): void {
    this.#journal.push(record.slice());
  }

  async rotate(pieces: Iterable<Uint8Array>): Promise<void> {
    const before = this.#journal.length;
    const snapshot: Uint8Array[] = [];
    for (const piece of pieces) {
      snapshot.push(piece.slice());
      await this.#turn();
    }
    this.#snapshot = snapshot;
    this.#journal = this.#journal.slice(before);
  }

  /** As if the disk was replaced. */
  clear(): void {
    this.#snapshot = [];
    this.#journal = [];
  }

  journalBytes(): number {
    return this.#journal.reduce((sum, record) => sum + record.length, 0);
  }

  async close(): Promise<void> {}
}

export interface StandaloneOptions {
  readonly store?: MetaStore;
  readonly cache?: SlotCache;
  readonly formats?: Formats;
  readonly crossProtocol?: CrossProtocolConfig;
  readonly leaseGuard?: LeaseGuardConfig;
  readonly slotCount?: number;
  readonly log?: Log;
  readonly restoreHoldMs?: number;
}

export interface Standalone {
  readonly host: Host;
  readonly meta: MetaServer;
  readonly data: DataServer;
  readonly session: SessionServer;
  stop(): Promise<void>;
}

/** All three roles in this process on real time: for tests of adapters and of the roles together. */
export async function startStandalone(options: StandaloneOptions = {}): Promise<Standalone> {
  const clock = createNodeClock();
  const network = new InProcessNetwork(clock);
  const nodeId = 'n1' as NodeId;
  const random = createNodeRandom();
  const log = options.log ?? SILENT_LOG;
  const host = { nodeId, processId: processId(nodeId, random.uuid()), clock, random, log, metrics: NO_METRICS };
  const at = (role: Role) => ({ ...host, peers: network.endpoint(peerId(nodeId, role)) });
  const slotCount = options.slotCount ?? 256;
  const common = {
    cluster: 'test',
    slotCount,
    metas: [peerId(nodeId, Role.Meta)],
    address: '',
    heartbeatMs: 1_000,
    heartbeatLeaseMs: 20_000,
  };
  const meta = await startMetaServer({ ...common, replicas: 2 }, at(Role.Meta), options.store ?? new MemoryStore());
  const dataConfig = {
    ...common,
    sessionLeaseMs: 30_000,
    compareEveryMs: 6_000,
    restoreHoldMs: options.restoreHoldMs ?? 60_000,
    restoreOldestMs: 600_000,
    snapshotEveryBytes: 64 * 1024 * 1024,
    ...(options.leaseGuard === undefined ? {} : { leaseGuard: options.leaseGuard }),
  };
  const data = await startDataServer(dataConfig, at(Role.Data), options.cache ?? new MemorySlotCache());
  const sessionConfig = {
    ...common,
    dataCenter: 'DefaultDataCenter',
    pulseMs: 1_000,
    requestTimeoutMs: 1_000,
    mergeWindowLeastMs: 10,
    mergeWindowMostMs: 1_000,
    globalReaderIdleMs: 600_000,
    massCloseShare: 0.3,
    massCloseGraceMs: 3_000,
    crossProtocol: options.crossProtocol ?? DEFAULT_CROSS_PROTOCOL,
  };
  const session = await startSessionServer(sessionConfig, at(Role.Session), options.formats ?? { readers: [], composers: [] });
  const stop = async () => {
    await session.stop();
    await data.stop();
    await meta.stop();
  };
  return { host, meta, data, session, stop };
}
