import { DEFAULT_LEASE_GUARD, type LeaseGuardConfig } from '../lease/lease-guard.ts';
import type { DataInfoId, FoldedId } from '../model/data-info-id.ts';
import type { Datum } from '../model/datum.ts';
import { RegistryError, RegistryErrorCode } from '../model/errors.ts';
import type { LeaseHold } from '../model/lease-hold.ts';
import { type PeerId, Role } from '../model/node.ts';
import type { RoleHost } from '../seams/host.ts';
import type { RunningRole } from '../seams/lifecycle.ts';
import type { SlotCache } from '../seams/store.ts';
import { slotOf } from '../slot/slot-of.ts';
import { type ClusterView, MetaClient } from '../wire/meta-client.ts';
import { DataRole } from './data-role.ts';
import { HeldNames } from './held-names.ts';
import { RestartCache } from './restart-cache.ts';
import type { SlotSummary } from './slot-summary.ts';

export type { SlotSummary } from './slot-summary.ts';

export interface DataConfig {
  readonly cluster: string;
  readonly slotCount: number;
  readonly metas: readonly PeerId[];
  /** `host:port` for other nodes; '' in one process. */
  readonly address: string;
  /** Where the node stands, '' (or absent) when there is only one place: copies of a slot are kept in different zones. */
  readonly zone?: string;
  readonly heartbeatMs: number;
  readonly heartbeatLeaseMs: number;
  /** A Session that is silent this long, and not listed by Meta, is dead. */
  readonly sessionLeaseMs: number;
  /** How often the digests of what a Session owns are compared with it. */
  readonly compareEveryMs: number;
  /** Longest time a name is held after a restart. */
  readonly restoreHoldMs: number;
  /** A restart later than this after the last sign of life restores nothing. */
  readonly restoreOldestMs: number;
  /** Journal bytes after which a new snapshot is written. */
  readonly snapshotEveryBytes: number;
  readonly leaseGuard?: LeaseGuardConfig;
}

export interface DataServer extends RunningRole {
  slots(): readonly SlotSummary[];
  /** Names held after a restart. */
  heldNames(): readonly FoldedId[];
  /** What this node holds of a name, as leader or follower; undefined when it holds nothing of it. */
  datum(dataInfoId: DataInfoId): Datum | undefined;
  leaseCount(): number;
  /** Overdue leases that the guard keeps. */
  heldLeaseCount(): number;
  /** The cluster as this node was told last. */
  cluster(): ClusterView;
  /** Why overdue leases are kept, by domain; those that hold most first. */
  leaseHolds(): readonly LeaseHold[];
}

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
