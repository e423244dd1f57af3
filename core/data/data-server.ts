import type { LeaseGuardConfig } from '../lease/lease-guard.ts';
import type { DataInfoId, FoldedId } from '../model/data-info-id.ts';
import type { Datum } from '../model/datum.ts';
import type { LeaseHold } from '../model/lease-hold.ts';
import type { PeerId } from '../model/node.ts';
import type { SharedTexts } from '../model/stored-publisher.ts';
import type { RunningRole } from '../seams/lifecycle.ts';
import type { ClusterView } from '../wire/meta-client.ts';
import type { SlotSummary } from './slot-summary.ts';

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
  /** `all` where a Session of this process keeps the same publishers; `names` when it is absent. */
  readonly sharedTexts?: SharedTexts;
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
