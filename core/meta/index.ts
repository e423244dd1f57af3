import type { Member, PeerId, ProcessId } from '../model/node.ts';
import type { SlotTable } from '../model/slot-table.ts';
import type { RoleHost } from '../seams/host.ts';
import type { RunningRole } from '../seams/lifecycle.ts';
import type { MetaStore } from '../seams/store.ts';
import { assertSlotCount } from '../slot/slot-of.ts';
import { MetaRole } from './meta-role.ts';
import type { ReplicationState } from './slot-arranger.ts';

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
  /** `host:port` for other nodes; '' (or absent) in one process. */
  readonly address?: string;
  readonly zone?: string;
  /** How long the first slot table of a new cluster waits for more Data nodes; not at all when absent. */
  readonly gatherMs?: number;
}

/** Who leads, as one Meta sees it. */
export interface MetaLeadership {
  readonly isLeader: boolean;
  /** '' when nobody is known to lead. */
  readonly leader: PeerId | '';
  /** Only of the leader: the number that fences what it writes. */
  readonly term: number | undefined;
  readonly holder: ProcessId | undefined;
}

/** Of a standby: what the leader told it last; `replication` is the leader's alone. */
export interface MetaServer extends RunningRole {
  table(): SlotTable;
  members(): readonly Member[];
  replication(): ReplicationState;
  leadership(): MetaLeadership;
}

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
