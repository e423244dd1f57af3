import { Role } from '../model/node.ts';
import type { RoleHost } from '../seams/host.ts';
import type { Formats } from '../seams/protocol-adapter.ts';
import { MetaClient } from '../wire/meta-client.ts';
import { SessionRole } from './session-role.ts';
import type { SessionConfig, SessionServer } from './session-server.ts';

export type { SessionConfig, SessionServer, SessionStats } from './session-server.ts';

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
