import { DEFAULT_LEASE_GUARD } from '../lease/lease-guard.ts';
import { RegistryError, RegistryErrorCode } from '../model/errors.ts';
import { Role } from '../model/node.ts';
import type { RoleHost } from '../seams/host.ts';
import type { SlotCache } from '../seams/store.ts';
import { slotOf } from '../slot/slot-of.ts';
import { MetaClient } from '../wire/meta-client.ts';
import { DataRole } from './data-role.ts';
import type { DataConfig, DataServer } from './data-server.ts';
import { HeldNames } from './held-names.ts';
import { RestartCache } from './restart-cache.ts';

export type { DataConfig, DataServer } from './data-server.ts';
export type { SlotSummary } from './slot-summary.ts';

/**
 * Starts the Data role: datums of the slots Meta assigns to it, leader or follower per slot. Resolves when Meta has accepted it.
 *
 * @throws RegistryError `wrong-cluster`, `stopped`.
 */
export async function startDataServer(config: DataConfig, host: RoleHost, cache: SlotCache): Promise<DataServer> {
  const restart = new RestartCache(cache, host.clock, host.log);
  const restored = await restart.load(config.restoreOldestMs);
  if (host.peers.self !== `${host.nodeId}/${Role.Data}`) {
    throw new RegistryError(RegistryErrorCode.InvalidArgument, 'the Data role needs the endpoint of its node');
  }
  const held = new HeldNames(restored.connections, (foldedId) => slotOf(foldedId, config.slotCount));
  let role: DataRole | undefined;
  const meta = new MetaClient({
    cluster: config.cluster,
    slotCount: config.slotCount,
    member: { peer: host.peers.self, role: Role.Data, processId: host.processId, address: config.address, zone: config.zone ?? '' },
    metas: config.metas,
    heartbeatMs: config.heartbeatMs,
    leaseMs: config.heartbeatLeaseMs,
    host,
    report: () => role?.report() ?? { load: 0, slots: [] },
  });
  role = new DataRole({ ...config, leaseGuard: config.leaseGuard ?? DEFAULT_LEASE_GUARD }, host, meta, restart, restored, held);
  role.serve();
  await meta.start();
  return role;
}
