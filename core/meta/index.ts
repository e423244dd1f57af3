import type { RoleHost } from '../seams/host.ts';
import type { MetaStore } from '../seams/store.ts';
import { assertSlotCount } from '../slot/slot-of.ts';
import { MetaRole } from './meta-role.ts';
import type { MetaConfig, MetaServer } from './meta-server.ts';

export type { MetaConfig, MetaLeadership, MetaServer } from './meta-server.ts';
export type { ReplicationState } from './slot-arranger.ts';

/**
 * Starts the Meta role over its store: membership, slot table, documents. One of several Metas leads, the others stand by; over the
 * embedded store the only one leads at once. Resolves when it answers. A store that cannot be reached is waited for in the background.
 *
 * @throws RegistryError `wrong-cluster` when the store belongs to another cluster or slot count.
 */
export async function startMetaServer(config: MetaConfig, host: RoleHost, store: MetaStore): Promise<MetaServer> {
  assertSlotCount(config.slotCount);
  const role = new MetaRole(config, host, store);
  await role.start();
  return role;
}
