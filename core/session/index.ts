import type { DataInfoId, FoldedId } from '../model/data-info-id.ts';
import { type ClientAddress, type PeerId, Role } from '../model/node.ts';
import type { RoleHost } from '../seams/host.ts';
import type { RunningRole } from '../seams/lifecycle.ts';
import type { Formats } from '../seams/protocol-adapter.ts';
import type { SessionGateway } from '../seams/session-gateway.ts';
import { type ClusterView, MetaClient } from '../wire/meta-client.ts';
import type { NameExplanation } from './explain.ts';
import { SessionRole } from './session-role.ts';
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

/**
 * Starts the Session role: clients' publishers and subscribers, writes to slot leaders, pushes. Resolves when Meta has accepted
 * it and a slot table is there.
 *
 * @throws RegistryError `wrong-cluster`, `stopped`.
 */
export async function startSessionServer(config: SessionConfig, host: RoleHost, formats: Formats): Promise<SessionServer> {
  let role: SessionRole | undefined;
  const meta = new MetaClient({
    cluster: config.cluster,
    slotCount: config.slotCount,
    member: {
      peer: host.peers.self,
      role: Role.Session,
      processId: host.processId,
      address: config.address,
      zone: config.zone ?? '',
      ...(config.clientAddresses === undefined ? {} : { clientAddresses: config.clientAddresses }),
    },
    metas: config.metas,
    heartbeatMs: config.heartbeatMs,
    leaseMs: config.heartbeatLeaseMs,
    host,
    report: () => ({ load: role?.stats().connections ?? 0, slots: [] }),
  });
  role = new SessionRole(config, host, meta, formats);
  role.serve();
  await meta.start();
  await role.whenRoutable();
  return role;
}
