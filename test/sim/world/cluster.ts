import {
  type CommitResult,
  type DataServer,
  DEFAULT_CROSS_PROTOCOL,
  type Host,
  type LeaseGuardConfig,
  type Log,
  type MetaServer,
  type NodeId,
  peerId,
  processId,
  RegistryError,
  RegistryErrorCode,
  Role,
  type SessionServer,
  type StoreWrite,
  startDataServer,
  startMetaServer,
  startSessionServer,
} from '../../../core/index.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { MemorySlotCache, NO_METRICS } from '../../support/standalone.ts';
import { SIM_FORMATS } from '../formats.ts';
import { SimNetwork } from './network.ts';
import { SimEtcd } from './sim-etcd.ts';
import type { SimProcess, World } from './world.ts';

/** A durable store whose disk can be full for a while. */
class SimStore extends MemoryStore {
  isFull = false;

  override async commit(writes: readonly StoreWrite[]): Promise<CommitResult> {
    if (this.isFull) throw new RegistryError(RegistryErrorCode.StoreUnavailable, 'no space left on device');
    return super.commit(writes);
  }
}

export interface Topology {
  readonly name: string;
  /** Several Metas over an etcd; otherwise one Meta over its own disk. */
  readonly hasEtcd?: boolean;
  readonly nodes: readonly { readonly name: string; readonly roles: readonly Role[] }[];
}

const single = (prefix: string, count: number, role: Role) =>
  Array.from({ length: count }, (_, i) => ({ name: `${prefix}${i + 1}`, roles: [role] }));

export const TOPOLOGIES: readonly Topology[] = [
  { name: 'standalone', nodes: [{ name: 'n1', roles: [Role.Meta, Role.Data, Role.Session] }] },
  {
    name: '1 Meta, 2 Data, 2 Session',
    nodes: [...single('m', 1, Role.Meta), ...single('d', 2, Role.Data), ...single('s', 2, Role.Session)],
  },
  {
    name: '1 Meta, 3 Data, 3 Session',
    nodes: [...single('m', 1, Role.Meta), ...single('d', 3, Role.Data), ...single('s', 3, Role.Session)],
  },
];

/** Clusters with a Meta that can be lost. */
export const CLUSTER_TOPOLOGIES: readonly Topology[] = [
  {
    name: '3 Meta, 5 Data, 4 Session',
    hasEtcd: true,
    nodes: [...single('m', 3, Role.Meta), ...single('d', 5, Role.Data), ...single('s', 4, Role.Session)],
  },
  {
    name: '3 Meta, 3 Data, 2 Session',
    hasEtcd: true,
    nodes: [...single('m', 3, Role.Meta), ...single('d', 3, Role.Data), ...single('s', 2, Role.Session)],
  },
  {
    name: '3 nodes with all roles',
    hasEtcd: true,
    nodes: Array.from({ length: 3 }, (_, i) => ({ name: `n${i + 1}`, roles: [Role.Meta, Role.Data, Role.Session] })),
  },
];

export interface SimNode {
  readonly name: string;
  readonly roles: readonly Role[];
  readonly store: SimStore;
  cache: MemorySlotCache;
  process: SimProcess | undefined;
  /** By how much the machine's calendar is wrong. */
  wallOffsetMs: number;
  meta: MetaServer | undefined;
  data: DataServer | undefined;
  session: SessionServer | undefined;
}

export interface ClusterOptions {
  readonly topology: Topology;
  readonly slotCount: number;
  /** Taken by each Meta that starts. */
  replicas: number;
  readonly leaseGuard: LeaseGuardConfig;
  /** Where a Data node stands; absent: all in one place. */
  readonly zoneOf?: (node: string) => string;
  /** How long the first slot table waits for Data nodes that start together; absent: not at all. */
  readonly gatherMs?: number;
}

/** After this a process that stops in good order is killed. */
const MOST_STOP_MS = 3_000;

/** The real roles on simulated machines. */
export class SimCluster {
  readonly network: SimNetwork;
  readonly etcd: SimEtcd | undefined;
  readonly #world: World;
  readonly #options: ClusterOptions;
  #nodes: readonly SimNode[];
  #safeReplicas: number;
  readonly #crashListeners: ((node: SimNode) => void)[] = [];
  readonly #sessionListeners: ((node: SimNode, session: SessionServer) => void)[] = [];

  constructor(world: World, options: ClusterOptions) {
    this.#world = world;
    this.#options = options;
    this.#safeReplicas = options.replicas;
    this.network = new SimNetwork(world);
    this.etcd = options.topology.hasEtcd === true ? new SimEtcd(world, this.network) : undefined;
    this.#nodes = options.topology.nodes.map(({ name, roles }) => newNode(world, name, roles));
  }

  get nodes(): readonly SimNode[] {
    return this.#nodes;
  }

  /** Copies that every slot has had all the time: fewer than the setting where that was raised. */
  get safeReplicas(): number {
    return this.#safeReplicas;
  }

  /** Taken by each Meta with its next start. */
  setReplicas(replicas: number): void {
    this.#options.replicas = replicas;
    this.#safeReplicas = Math.min(this.#safeReplicas, replicas);
  }

  withRole(role: Role): readonly SimNode[] {
    return this.#nodes.filter((node) => node.roles.includes(role));
  }

  /** Nodes whose Session accepts clients now. */
  sessions(): readonly SimNode[] {
    return this.#nodes.filter((node) => node.process?.isAlive === true && node.session !== undefined);
  }

  onCrash(listener: (node: SimNode) => void): void {
    this.#crashListeners.push(listener);
  }

  onSession(listener: (node: SimNode, session: SessionServer) => void): void {
    this.#sessionListeners.push(listener);
  }

  startAll(): void {
    for (const node of this.#nodes) this.start(node);
  }

  start(node: SimNode): void {
    if (node.process?.isAlive === true) return;
    const process = this.#world.startProcess(node.name, () => node.wallOffsetMs);
    node.process = process;
    this.#world.tell(node.name, 'starts');
    this.#startRoles(node, process).catch((caught: unknown) => {
      if (process.isAlive) throw caught;
    });
  }

  /** The process ends without a word. What it had in memory is gone; store and restart cache stay. */
  crash(node: SimNode): void {
    if (node.process?.isAlive !== true) return;
    node.process.isAlive = false;
    node.meta = undefined;
    node.data = undefined;
    node.session = undefined;
    this.#world.tell(node.name, 'crashes');
    for (const other of this.#nodes) if (other !== node) this.network.breakLinks(node.name, other.name);
    for (const listener of this.#crashListeners) listener(node);
  }

  /** A machine that was never there before. */
  join(name: string, roles: readonly Role[]): SimNode {
    const node = newNode(this.#world, name, roles);
    this.#nodes = [...this.#nodes, node];
    this.start(node);
    return node;
  }

  /** Stops in good order and does not come back. */
  leave(node: SimNode): void {
    this.#nodes = this.#nodes.filter((other) => other !== node);
    this.#stopInOrder(node, 'leaves');
  }

  /** Stops in good order, is killed when that takes too long, and starts again. */
  restart(node: SimNode, downMs: number): void {
    const { process } = node;
    this.#stopInOrder(node, 'is restarted');
    this.#world.at(undefined, MOST_STOP_MS, () => {
      if (node.process === process) this.crash(node);
      this.#world.at(undefined, downMs, () => this.start(node));
    });
  }

  #stopInOrder(node: SimNode, how: string): void {
    const { process, meta, data, session } = node;
    if (process?.isAlive !== true) return;
    this.#world.tell(node.name, how);
    node.session = undefined;
    node.data = undefined;
    node.meta = undefined;
    for (const listener of this.#crashListeners) listener(node);
    const stop = async () => {
      await session?.stop();
      await data?.stop();
      await meta?.stop();
      process.isAlive = false;
    };
    this.#world.at(process, 0, () => void stop());
  }

  async #startRoles(node: SimNode, process: SimProcess): Promise<void> {
    const { slotCount, replicas, leaseGuard, gatherMs = 0 } = this.#options;
    const random = this.#world.stream(`${node.name}@${this.#world.nowMs}`);
    const nodeId = node.name as NodeId;
    const host: Host = {
      nodeId,
      processId: processId(nodeId, random.uuid()),
      clock: this.#world.clockOf(process),
      random,
      log: this.#logOf(node.name),
      metrics: NO_METRICS,
    };
    const at = (role: Role) => ({ ...host, peers: this.network.endpoint(process, peerId(nodeId, role)) });
    const metas = this.withRole(Role.Meta).map((meta) => peerId(meta.name as NodeId, Role.Meta));
    const common = { cluster: 'sim', slotCount, metas, address: `${node.name}:1`, heartbeatMs: 1_000, heartbeatLeaseMs: 20_000 };
    const isCurrent = () => process.isAlive;
    if (node.roles.includes(Role.Meta)) {
      const meta = await startMetaServer({ ...common, replicas, gatherMs }, at(Role.Meta), this.etcd?.store(process) ?? node.store);
      if (!isCurrent()) return;
      node.meta = meta;
    }
    if (node.roles.includes(Role.Data)) {
      const config = { ...common, sessionLeaseMs: 30_000, compareEveryMs: 6_000, restoreHoldMs: 30_000, restoreOldestMs: 600_000 };
      const zone = this.#options.zoneOf?.(node.name) ?? '';
      const data = await startDataServer({ ...config, zone, snapshotEveryBytes: 64 * 1024, leaseGuard }, at(Role.Data), node.cache);
      if (!isCurrent()) return;
      node.data = data;
    }
    if (node.roles.includes(Role.Session)) {
      const config = {
        ...common,
        dataCenter: 'dc',
        pulseMs: 1_000,
        requestTimeoutMs: 1_000,
        mergeWindowLeastMs: 10,
        mergeWindowMostMs: 1_000,
      };
      const grace = { globalReaderIdleMs: 600_000, massCloseShare: 0.3, massCloseGraceMs: 3_000, crossProtocol: DEFAULT_CROSS_PROTOCOL };
      const session = await startSessionServer({ ...config, ...grace }, at(Role.Session), SIM_FORMATS);
      if (!isCurrent()) return;
      node.session = session;
      this.#world.tell(node.name, 'accepts clients');
      for (const listener of this.#sessionListeners) listener(node, session);
    }
  }

  #logOf(who: string): Log {
    const write = (level: string) => (message: string, fields?: object) =>
      this.#world.tell(who, `${level}: ${message}${fields === undefined ? '' : ` ${fieldsOf(fields)}`}`);
    const log: Log = { debug: () => undefined, info: write('info'), warn: write('warn'), error: write('error'), with: () => log };
    return log;
  }
}

function fieldsOf(fields: object): string {
  return Object.entries(fields)
    .map(([key, value]) => `${key}=${String(value)}`)
    .join(' ');
}

function newNode(world: World, name: string, roles: readonly Role[]): SimNode {
  const node: SimNode = {
    name,
    roles,
    store: new SimStore(),
    // A process that dies in the middle of a snapshot never comes to its end.
    cache: new MemorySlotCache(() => new Promise((resolve) => world.at(node.process, 1, resolve))),
    process: undefined,
    wallOffsetMs: 0,
    meta: undefined,
    data: undefined,
    session: undefined,
  };
  return node;
}
