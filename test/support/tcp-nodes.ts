import { readFileSync } from 'node:fs';
import { createNodeClock, type LinkTls, type Log, type NodeId, processId, Role, TcpNetwork } from '../../core/index.ts';
import { SILENT_LOG } from './standalone.ts';

export interface TcpNodeOptions {
  readonly cluster?: string;
  readonly secret?: string;
  readonly tls?: LinkTls;
  readonly roles?: readonly Role[];
  readonly incarnation?: string;
  readonly versions?: { readonly oldest: number; readonly newest: number };
  readonly port?: number;
  readonly log?: Log;
}

const pem = (name: string) => readFileSync(new URL(`../vectors/tls/${name}.pem`, import.meta.url), 'utf8');

/** A node's certificate and the authority that signed it; made for tests, worth nothing. */
export const TEST_TLS: LinkTls = { ca: pem('ca'), cert: pem('node-cert'), key: pem('node-key') };
/** Signed by nobody the cluster knows. */
export const STRANGER_TLS: LinkTls = { ca: pem('ca'), cert: pem('stranger-cert'), key: pem('stranger-key') };

/** A node of a test cluster, listening on a free port of loopback. */
export function openNode(nodeId: NodeId, options: TcpNodeOptions = {}): Promise<TcpNetwork> {
  return TcpNetwork.open({
    nodeId,
    processId: processId(nodeId, options.incarnation ?? 'p'),
    roles: options.roles ?? [Role.Data],
    cluster: options.cluster ?? 'test',
    secret: options.secret ?? 'a secret for tests',
    listen: { host: '127.0.0.1', port: options.port ?? 0 },
    advertisedHost: '',
    tls: options.tls,
    clock: createNodeClock(),
    log: options.log ?? SILENT_LOG,
    ...(options.versions === undefined ? {} : { versions: options.versions }),
  });
}
