import { join } from 'node:path';
import {
  type ClientAddress,
  type DataServer,
  DEFAULT_LEASE_GUARD,
  type Formats,
  type Host,
  InProcessNetwork,
  type ListenerInfo,
  type MetaServer,
  type MetaStore,
  type NodeMetrics,
  openEmbeddedStore,
  openEtcdStore,
  openSlotCache,
  type PeerId,
  type PeerTransport,
  peerId,
  Role,
  type RunningRole,
  type SessionServer,
  startDataServer,
  startMetaServer,
  startSessionServer,
  TcpNetwork,
} from '../core/index.ts';
import type { Config } from './config-schema.ts';
import { MetaDiscovery } from './meta-discovery.ts';
import { hostInAddress, isAmongOthers, isWildcard, joinAddresses, readEtcdTls, readNodeNetwork } from './node-network.ts';

const HEARTBEAT_MS = 1_000;
const HEARTBEAT_LEASE_MS = 20_000;
/** Data nodes of a new cluster are started together: the first slot table waits this long for the others. */
const GATHER_MS = 1_500;

/** What runs in this process so far; a role that is not configured, or has not started yet, is undefined. */
export interface NodeParts {
  readonly host: Host;
  readonly metrics: NodeMetrics;
  readonly roles: readonly Role[];
  readonly slotCount: number;
  /** undefined for a gateway that is alone. */
  network: TcpNetwork | undefined;
  /** For the admin port, in the name of one of the roles. */
  peers: PeerTransport | undefined;
  discovery: MetaDiscovery | undefined;
  store: MetaStore | undefined;
  meta: MetaServer | undefined;
  data: DataServer | undefined;
  session: SessionServer | undefined;
}

interface RoleStart {
  readonly config: Config;
  readonly parts: NodeParts;
  readonly started: RunningRole[];
  /** The endpoint of a role of this node. */
  readonly endpoint: (self: PeerId) => PeerTransport;
}

/**
 * Opens the network between nodes and the roles of this one: Meta first, then, as soon as a Meta answers, Data and Session. What was
 * started is added to `started`, in order.
 *
 * @throws RegistryError with a sentence for the user.
 */
export async function startRoles(
  config: Config,
  parts: NodeParts,
  started: RunningRole[],
  listeners: readonly ListenerInfo[],
  formats: Formats,
): Promise<void> {
  const endpoint = await openNetwork(config, parts, started);
  const start: RoleStart = { config, parts, started, endpoint };
  const { roles, host } = parts;
  const [speaker = Role.Data] = roles;
  parts.peers = endpoint(peerId(host.nodeId, speaker));
  const own = roles.includes(Role.Meta) ? peerId(host.nodeId, Role.Meta) : undefined;
  if (own !== undefined) await startMeta(start);
  const metas = await findMetas(start, own);
  const common = {
    cluster: config.cluster.name,
    slotCount: config.slots,
    metas,
    address: parts.network?.address ?? '',
    zone: config.cluster.zone,
    heartbeatMs: HEARTBEAT_MS,
    heartbeatLeaseMs: HEARTBEAT_LEASE_MS,
  };
  if (roles.includes(Role.Data)) await startData(start, common);
  if (roles.includes(Role.Session)) await startSession(start, common, clientAddresses(config, listeners), formats);
}

type Common = Pick<
  Parameters<typeof startDataServer>[0],
  'cluster' | 'slotCount' | 'metas' | 'address' | 'zone' | 'heartbeatMs' | 'heartbeatLeaseMs'
>;

async function openNetwork(config: Config, parts: NodeParts, started: RunningRole[]): Promise<(self: PeerId) => PeerTransport> {
  const { host, roles } = parts;
  if (!isAmongOthers(config)) {
    const local = new InProcessNetwork(host.clock);
    return (self) => local.endpoint(self);
  }
  const network = await TcpNetwork.open({
    nodeId: host.nodeId,
    processId: host.processId,
    roles,
    cluster: config.cluster.name,
    ...readNodeNetwork(config),
    clock: host.clock,
    log: host.log,
  });
  parts.network = network;
  started.push({ drain: async () => undefined, stop: () => network.close() });
  return (self) => network.endpoint(self);
}

async function findMetas({ config, parts, started }: RoleStart, own: PeerId | undefined): Promise<readonly PeerId[]> {
  const { network, host } = parts;
  if (network === undefined) return own === undefined ? [] : [own];
  const discovery = new MetaDiscovery(network, own, joinAddresses(config), host.clock, host.log);
  parts.discovery = discovery;
  started.push({ drain: async () => undefined, stop: async () => discovery.stop() });
  await discovery.start();
  return discovery.metas;
}

function roleHost({ parts, endpoint }: RoleStart, role: Role) {
  const { host } = parts;
  return { ...host, log: host.log.with({ role }), peers: endpoint(peerId(host.nodeId, role)) };
}

async function startMeta(start: RoleStart): Promise<void> {
  const { config, parts, started } = start;
  const store = await openStore(config, parts.host);
  parts.store = store;
  started.push({ drain: async () => undefined, stop: () => store.close() });
  const meta = {
    cluster: config.cluster.name,
    slotCount: config.slots,
    replicas: config.replicas,
    heartbeatMs: HEARTBEAT_MS,
    address: parts.network?.address ?? '',
    zone: config.cluster.zone,
    // With all roles in one process the first Data node is this one.
    gatherMs: parts.roles.includes(Role.Data) ? 0 : GATHER_MS,
  };
  parts.meta = await startMetaServer(meta, roleHost(start, Role.Meta), store);
  started.push(parts.meta);
}

function openStore(config: Config, { clock, log, random, nodeId }: Host): Promise<MetaStore> {
  const { etcd } = config.meta;
  if (etcd === '') return openEmbeddedStore({ folder: join(config.dataDir, 'meta'), clock, log });
  const endpoints = etcd.split(',');
  return openEtcdStore({ endpoints, tls: readEtcdTls(config.meta), cluster: config.cluster.name, client: nodeId, clock, random, log });
}

async function startData(start: RoleStart, common: Common): Promise<void> {
  const { config, parts, started } = start;
  const cache = openSlotCache({ folder: join(config.dataDir, 'restart'), log: parts.host.log });
  started.push({ drain: async () => undefined, stop: () => cache.close() });
  parts.data = await startDataServer(
    {
      ...common,
      sessionLeaseMs: 30_000,
      compareEveryMs: 6_000,
      restoreHoldMs: config.registry.restoreHoldMs,
      restoreOldestMs: config.registry.restoreOldestMs,
      snapshotEveryBytes: 64 * 1024 * 1024,
      sharedTexts: parts.roles.includes(Role.Session) ? 'all' : 'names',
      leaseGuard: config.registry.leaseGuard ? DEFAULT_LEASE_GUARD : { ...DEFAULT_LEASE_GUARD, share: 1 },
    },
    roleHost(start, Role.Data),
    cache,
  );
  started.push(parts.data);
}

async function startSession(start: RoleStart, common: Common, clients: readonly ClientAddress[], formats: Formats): Promise<void> {
  const { config, parts, started } = start;
  parts.session = await startSessionServer(
    {
      ...common,
      clientAddresses: clients,
      dataCenter: config.dataCenter,
      pulseMs: 1_000,
      requestTimeoutMs: 1_000,
      mergeWindowLeastMs: 10,
      mergeWindowMostMs: 500,
      globalReaderIdleMs: 600_000,
      massCloseShare: 0.3,
      massCloseGraceMs: 3_000,
      crossProtocol: { services: config.registry.crossProtocol, names: config.registry.crossProtocolNames },
    },
    roleHost(start, Role.Session),
    formats,
  );
  started.push(parts.session);
}

/** Where clients reach this Session, told to the others. A listener on all addresses is known by the host that other nodes use. */
function clientAddresses(config: Config, listeners: readonly ListenerInfo[]): readonly ClientAddress[] {
  if (!isAmongOthers(config)) return [];
  const ofNode = config.cluster.advertisedHost;
  const hostOf = ({ host, setting }: ListenerInfo) => {
    if (setting.startsWith('sofa.') && config.sofa.advertisedHost !== '') return config.sofa.advertisedHost;
    if (ofNode !== '') return ofNode;
    return isWildcard(host) ? readNodeNetwork(config).listen.host : host;
  };
  return listeners
    .filter((listener) => listener.port !== 0)
    .map((listener) => ({ listener: listener.setting, address: `${hostInAddress(hostOf(listener))}:${listener.port}` }));
}
