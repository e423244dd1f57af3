import type { Member, PeerId, ProcessId } from '../model/node.ts';
import type { SlotTable } from '../model/slot-table.ts';
import type { RunningRole } from '../seams/lifecycle.ts';
import type { ReplicationState } from './slot-arranger.ts';

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
