import type { DataInfoId, FoldedId } from '../model/data-info-id.ts';
import type { ClientAddress, PeerId } from '../model/node.ts';
import type { RunningRole } from '../seams/lifecycle.ts';
import type { SessionGateway } from '../seams/session-gateway.ts';
import type { ClusterView } from '../wire/meta-client.ts';
import type { NameExplanation } from './explain.ts';
import type { CrossProtocolConfig } from './visibility.ts';

export interface SessionConfig {
  readonly cluster: string;
  readonly dataCenter: string;
  readonly slotCount: number;
  readonly metas: readonly PeerId[];
  /** `host:port` for other nodes; '' in one process. */
  readonly address: string;
  /** Where the node stands, '' (or absent) when there is only one place. */
  readonly zone?: string;
  /** Where its clients connect, by listener. */
  readonly clientAddresses?: readonly ClientAddress[];
  readonly heartbeatMs: number;
  readonly heartbeatLeaseMs: number;
  readonly pulseMs: number;
  readonly requestTimeoutMs: number;
  /** The adaptive window in which changes of one name are merged: from the least, doubling to the most. */
  readonly mergeWindowLeastMs: number;
  readonly mergeWindowMostMs: number;
  /** How long the copy of everything is kept after its last reader. */
  readonly globalReaderIdleMs: number;
  /** Share of connections that must break within a second before withdrawals wait for the grace. */
  readonly massCloseShare: number;
  readonly massCloseGraceMs: number;
  /** What readers of one protocol are shown of the others. */
  readonly crossProtocol: CrossProtocolConfig;
}

export interface SessionStats {
  readonly connections: number;
  readonly connectionPublishers: number;
  readonly leaseCopies: number;
  readonly pushGroups: number;
  readonly pendingWrites: number;
  readonly globalRecords: number;
}

export interface SessionServer extends RunningRole {
  readonly gateway: SessionGateway;
  /** True when every slot has a leader in the table this Session holds. */
  isReady(): boolean;
  heldNames(): readonly FoldedId[];
  stats(): SessionStats;
  /** What a name holds, and what readers of each format are shown of it and why. @throws RegistryError `unavailable`. */
  explain(dataInfoId: DataInfoId): Promise<NameExplanation>;
  /** The cluster as this node was told last. */
  cluster(): ClusterView;
}
