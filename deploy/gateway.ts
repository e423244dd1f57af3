import { createEurekaAdapter } from '../adapters/eureka/index.ts';
import { createSofaAdapter } from '../adapters/sofa-bolt/index.ts';
import {
  createNodeClock,
  createNodeRandom,
  type Host,
  type Log,
  mergeFormats,
  NodeMetrics,
  type ProtocolAdapter,
  processId,
  type RunningRole,
} from '../core/index.ts';
import { startAdminServer } from './admin.ts';
import { openAdminToken } from './admin-guard.ts';
import type { Config } from './config-schema.ts';
import { readNodeId } from './node-identity.ts';
import { rolesOf } from './node-network.ts';
import { type NodeParts, startRoles } from './roles.ts';

/** All that runs in one process. */
export interface Gateway {
  readonly adapters: readonly ProtocolAdapter[];
  stop(): Promise<void>;
}

export function createAdapters(config: Config, version: string): readonly ProtocolAdapter[] {
  const adapters: ProtocolAdapter[] = [];
  if (config.eureka.enabled) adapters.push(createEurekaAdapter(config.eureka, version));
  if (config.sofa.enabled) adapters.push(createSofaAdapter(config.sofa));
  return adapters;
}

/**
 * Brings a node up: the admin port, its roles, and where a Session runs the listeners of all protocols last, so that no client is
 * accepted before it can be served. When a step fails, what was started is stopped again, and nothing is left half open.
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
    const parts = createParts(config, log);
    const adapters = createAdapters(config, version);
    const { token, path, isNew } = openAdminToken(config.dataDir, parts.host.random);
    if (isNew) log.info('a token for the admin port was made', { path });
    started.push(await startAdminServer(config.admin, parts, token));
    const listeners = adapters.flatMap((adapter) => adapter.listeners);
    await startRoles(config, parts, started, listeners, mergeFormats(adapters));
    observeRoles(parts);
    const { session } = parts;
    if (session !== undefined) for (const adapter of adapters) started.push(await adapter.start(session.gateway, parts.host));
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

function createParts(config: Config, log: Log): NodeParts {
  const random = createNodeRandom();
  const metrics = new NodeMetrics();
  const nodeId = readNodeId(config.dataDir, random);
  const host: Host = { nodeId, processId: processId(nodeId, random.uuid()), clock: createNodeClock(), random, log, metrics };
  return {
    host,
    metrics,
    roles: rolesOf(config),
    slotCount: config.slots,
    network: undefined,
    peers: undefined,
    discovery: undefined,
    store: undefined,
    meta: undefined,
    data: undefined,
    session: undefined,
  };
}

type Gauge = readonly [name: string, help: string, read: () => number];

function observeRoles({ metrics, meta, data, session }: NodeParts): void {
  const ofMeta: readonly Gauge[] =
    meta === undefined
      ? []
      : [
          ['incomplete_slots', 'Slots that are not served or lack a whole copy', () => meta.replication().incompleteSlots],
          ['moving_slots', 'Slots with a copy on its way to another node', () => meta.replication().movingSlots],
        ];
  const ofData: readonly Gauge[] =
    data === undefined
      ? []
      : [
          ['lease_publishers', 'Publishers that live by heartbeats, in the slots led here', () => data.leaseCount()],
          ['held_leases', 'Overdue leases kept because too many fell silent together', () => data.heldLeaseCount()],
          ['lease_holds', 'Services, Sessions, zones and network segments whose overdue leases are kept', () => data.leaseHolds().length],
          ['held_names', 'Names held after a restart until their publishers are back', () => data.heldNames().length],
        ];
  const ofSession: readonly Gauge[] =
    session === undefined
      ? []
      : [
          ['connections', 'Client connections of this Session', () => session.stats().connections],
          [
            'connection_publishers',
            'Publishers that live by a client connection of this Session',
            () => session.stats().connectionPublishers,
          ],
          ['pending_writes', 'Changes that no slot leader has answered yet', () => session.stats().pendingWrites],
          ['push_groups', 'Groups of subscribers that are pushed together', () => session.stats().pushGroups],
        ];
  for (const [name, help, read] of [...ofMeta, ...ofData, ...ofSession]) metrics.observe({ name, help }, read);
}
