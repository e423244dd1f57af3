import { type ListenerInfo, type ProtocolAdapter, Role } from '../core/index.ts';
import type { Config } from './config-schema.ts';
import { hostInAddress, isAmongOthers, listenAddress, rolesOf } from './node-network.ts';

/** Every listener of a configuration. */
export function listListeners(config: Config, adapters: readonly ProtocolAdapter[]): readonly ListenerInfo[] {
  const admin: ListenerInfo = {
    protocol: 'admin',
    purpose: 'health, metrics',
    host: config.admin.host,
    port: config.admin.port,
    setting: 'admin.port',
    clientSetting: `http://localhost:${config.admin.port}/readyz?verbose`,
  };
  const cluster = isAmongOthers(config) ? [clusterListener(config)] : [];
  const isSession = rolesOf(config).includes(Role.Session);
  return [...(isSession ? adapters.flatMap((adapter) => adapter.listeners) : []), admin, ...cluster];
}

function clusterListener(config: Config): ListenerInfo {
  const { host, port } = listenAddress(config);
  const told = config.cluster.advertisedHost === '' ? host : config.cluster.advertisedHost;
  return {
    protocol: 'cluster',
    purpose: 'other nodes',
    host,
    port,
    setting: 'cluster.listen',
    clientSetting: rolesOf(config).includes(Role.Meta) ? `other nodes: --join ${hostInAddress(told)}:${port}` : 'nothing: nodes find it',
  };
}

/** The listeners as an aligned table: protocol, address, port, what to put into a client. */
export function listenerTable(listeners: readonly ListenerInfo[]): string {
  const rows = [
    ['protocol', 'address', 'port', 'purpose', 'put into your client'],
    ...listeners.map((listener) => [listener.protocol, listener.host, String(listener.port), listener.purpose, listener.clientSetting]),
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
