import { type ListenerInfo, type ProtocolAdapter, Role } from '../core/index.ts';
import type { Config } from './config-schema.ts';
import { hostInAddress, isAmongOthers, isWildcard, listenAddress, rolesOf } from './node-network.ts';

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

const MOST_PORT = 65_535;

/** Ports that cannot be opened, whatever else runs on the machine: beyond the last one, or twice the same. The offset is not in `config` yet. */
export function portProblems(config: Config): readonly string[] {
  const problems: string[] = [];
  const listeners = listenersBeforeOffset(config).filter(({ port }) => port !== 0);
  for (const [index, { path, host, port }] of listeners.entries()) {
    const shifted = port + config.portOffset;
    if (shifted > MOST_PORT)
      problems.push(`${path}: ${port} with the port offset of ${config.portOffset} is ${shifted}; allowed: up to ${MOST_PORT}`);
    const other = listeners
      .slice(0, index)
      .find((each) => each.port === port && (each.host === host || isWildcard(each.host) || isWildcard(host)));
    if (other !== undefined) problems.push(`${path}: ${port} is the port of ${other.path} as well`);
  }
  return problems;
}

function listenersBeforeOffset(config: Config) {
  const { admin, eureka, sofa } = config;
  const listeners = [{ path: 'admin.port', host: admin.host, port: admin.port }];
  if (rolesOf(config).includes(Role.Session)) {
    if (eureka.enabled) listeners.push({ path: 'eureka.port', host: eureka.host, port: eureka.port });
    if (sofa.enabled) {
      listeners.push(
        { path: 'sofa.port', host: sofa.host, port: sofa.port },
        { path: 'sofa.httpPort', host: sofa.host, port: sofa.httpPort },
      );
    }
  }
  if (isAmongOthers(config)) listeners.push({ path: 'cluster.listen', ...listenAddress({ ...config, portOffset: 0 }) });
  return listeners;
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
