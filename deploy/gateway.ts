import { join } from 'node:path';
import { createEurekaAdapter } from '../adapters/eureka/index.ts';
import { createSofaAdapter } from '../adapters/sofa-bolt/index.ts';
import {
  createNodeClock,
  createNodeRandom,
  type DataServer,
  DEFAULT_LEASE_GUARD,
  type Host,
  InProcessNetwork,
  type Log,
  type MetaServer,
  type MetaStore,
  mergeFormats,
  NodeMetrics,
  openEmbeddedStore,
  openSlotCache,
  type ProtocolAdapter,
  peerId,
  processId,
  Role,
  type RunningRole,
  type SessionServer,
  startDataServer,
  startMetaServer,
  startSessionServer,
} from '../core/index.ts';
import { startAdminServer } from './admin.ts';
import { openAdminToken } from './admin-guard.ts';
import type { Config } from './config-schema.ts';
import { readNodeId } from './node-identity.ts';

const HEARTBEAT_MS = 1_000;
const HEARTBEAT_LEASE_MS = 20_000;

/** All that runs in one process. */
export interface Gateway {
  readonly adapters: readonly ProtocolAdapter[];
  stop(): Promise<void>;
}

export interface GatewayParts {
  readonly store: MetaStore;
  readonly meta: MetaServer;
  readonly data: DataServer;
  readonly session: SessionServer;
  readonly metrics: NodeMetrics;
  readonly host: Host;
}

export function createAdapters(config: Config, version: string): readonly ProtocolAdapter[] {
  const adapters: ProtocolAdapter[] = [];
  if (config.eureka.enabled) adapters.push(createEurekaAdapter(config.eureka, version));
  if (config.sofa.enabled) adapters.push(createSofaAdapter(config.sofa));
  return adapters;
}

/**
 * Brings a standalone gateway up: store, Meta, Data, Session, then the listeners, so that no client is accepted before it can be
 * served. When a step fails, what was started is stopped again, and nothing is left half open.
 *
 * @throws RegistryError with a sentence for the user.
 */
export async function startGateway(config: Config, version: string, log: Log): Promise<Gateway> {
  const started: RunningRole[] = [];
  const stop = async () => {
    for (const role of started) await role.drain();
    // Users first, durable state last.
    for (const role of started.reverse()) await role.stop();
  };
  try {
    const parts = await startRoles(config, version, log, started);
    const adapters = createAdapters(config, version);
    const { token, path, isNew } = openAdminToken(config.dataDir, parts.host.random);
    if (isNew) log.info('a token for the admin port was made', { path });
    started.push(await startAdminServer(config.admin, parts, token));
    for (const adapter of adapters) started.push(await adapter.start(parts.session.gateway, parts.host));
    let stopping: Promise<void> | undefined;
    return {
      adapters,
      stop: () => {
        stopping ??= stop();
        return stopping;
      },
    };
  } catch (caught) {
    await stop();
    throw caught;
  }
}

async function startRoles(config: Config, version: string, log: Log, started: RunningRole[]): Promise<GatewayParts> {
  const clock = createNodeClock();
  const random = createNodeRandom();
  const metrics = new NodeMetrics();
  const nodeId = readNodeId(config.dataDir, random);
  const host: Host = { nodeId, processId: processId(nodeId, random.uuid()), clock, random, log, metrics };
  const network = new InProcessNetwork(clock);
  const at = (role: Role) => ({ ...host, log: log.with({ role }), peers: network.endpoint(peerId(nodeId, role)) });

  const store = await openEmbeddedStore({ folder: join(config.dataDir, 'meta'), clock, log });
  started.push({ drain: async () => undefined, stop: () => store.close() });
  const common = {
    cluster: config.cluster,
    slotCount: config.slots,
    metas: [peerId(nodeId, Role.Meta)],
    address: '',
    heartbeatMs: HEARTBEAT_MS,
    heartbeatLeaseMs: HEARTBEAT_LEASE_MS,
  };
  const meta = await startMetaServer({ ...common, replicas: 2 }, at(Role.Meta), store);
  started.push(meta);
  const cache = openSlotCache({ folder: join(config.dataDir, 'restart'), log });
  started.push({ drain: async () => undefined, stop: () => cache.close() });
  const data = await startDataServer(
    {
      ...common,
      sessionLeaseMs: 30_000,
      compareEveryMs: 6_000,
      restoreHoldMs: config.registry.restoreHoldMs,
      restoreOldestMs: config.registry.restoreOldestMs,
      snapshotEveryBytes: 64 * 1024 * 1024,
      leaseGuard: config.registry.leaseGuard ? DEFAULT_LEASE_GUARD : { ...DEFAULT_LEASE_GUARD, share: 1 },
    },
    at(Role.Data),
    cache,
  );
  started.push(data);
  const session = await startSessionServer(
    {
      ...common,
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
    at(Role.Session),
    mergeFormats(createAdapters(config, version)),
  );
  started.push(session);
  observeRoles(metrics, data, session);
  return { host, store, meta, data, session, metrics };
}

function observeRoles(metrics: NodeMetrics, data: DataServer, session: SessionServer): void {
  const gauges: readonly [string, string, () => number][] = [
    ['connections', 'Client connections of this Session', () => session.stats().connections],
    ['connection_publishers', 'Publishers that live by a client connection of this Session', () => session.stats().connectionPublishers],
    ['lease_publishers', 'Publishers that live by heartbeats, in the slots led here', () => data.leaseCount()],
    ['held_leases', 'Overdue leases kept because too many fell silent together', () => data.heldLeaseCount()],
    ['held_names', 'Names held after a restart until their publishers are back', () => data.heldNames().length],
    ['pending_writes', 'Changes that no slot leader has answered yet', () => session.stats().pendingWrites],
    ['push_groups', 'Groups of subscribers that are pushed together', () => session.stats().pushGroups],
  ];
  for (const [name, help, read] of gauges) metrics.observe({ name, help }, read);
}
