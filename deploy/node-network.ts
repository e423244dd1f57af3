import { readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { type LinkTls, parseAddress, RegistryError, RegistryErrorCode, Role } from '../core/index.ts';
import { DEFAULT_LISTEN, type MetaStoreConfig } from './cluster-config.ts';
import type { Config } from './config-schema.ts';

/** Shorter secrets can be guessed from a recorded handshake. */
const SECRET_LEAST_LENGTH = 16;
const ALL_ROLES = [Role.Meta, Role.Data, Role.Session] as const;

/** What a node needs to take part in a cluster, read from its settings. */
export interface NodeNetwork {
  readonly listen: { readonly host: string; readonly port: number };
  /** Host told to others; empty: the one it listens on. */
  readonly advertisedHost: string;
  readonly secret: string;
  readonly tls: LinkTls | undefined;
}

/** In the order in which they start, each once. */
export function rolesOf(config: Config): readonly Role[] {
  const named = new Set(config.roles.split(','));
  return ALL_ROLES.filter((role) => named.has(role));
}

export function joinAddresses(config: Config): readonly string[] {
  return config.join.split(',').filter((address) => address !== '');
}

/** False for a gateway that is alone: it opens no port for others. */
export function isAmongOthers(config: Config): boolean {
  return config.join !== '' || config.cluster.listen !== '' || rolesOf(config).length < ALL_ROLES.length;
}

/** Address of the cluster listener with the port offset applied. @throws RegistryError `invalid-argument`. */
export function listenAddress(config: Config): { readonly host: string; readonly port: number } {
  const { host, port } = parseAddress(config.cluster.listen === '' ? DEFAULT_LISTEN : config.cluster.listen);
  return { host, port: port === 0 ? 0 : port + config.portOffset };
}

/** Rules between settings, each broken one as a sentence with its path. */
export function clusterProblems(config: Config): readonly string[] {
  const problems: string[] = [];
  const { cluster } = config;
  for (const [path, address] of [['cluster.listen', cluster.listen], ...joinAddresses(config).map((address) => ['join', address])]) {
    try {
      if (address !== '' && address !== undefined) parseAddress(address);
    } catch (caught) {
      problems.push(`${path}: ${sentence(caught)}`);
    }
  }
  if (problems.length > 0 || !isAmongOthers(config)) return problems;
  if (!rolesOf(config).includes(Role.Meta) && config.join === '') {
    problems.push('join: a node without the role meta needs the address of a Meta node, --join host:port');
  }
  const { host, port } = listenAddress(config);
  const own = [host, cluster.advertisedHost].map((each) => `${hostInAddress(each)}:${port}`);
  if (rolesOf(config).includes(Role.Meta) && config.meta.etcd === '' && joinAddresses(config).some((address) => !own.includes(address))) {
    problems.push('meta.etcd: several Metas need a store they share, --meta.etcd http://host:2379');
  }
  const files = Object.values(cluster.tls).filter((path) => path !== '').length;
  if (files !== 0 && files !== 3) problems.push('cluster.tls: ca, cert and key belong together');
  if (!isLoopback(host) && cluster.secretFile === '' && files === 0) {
    problems.push(`cluster.secretFile: a node that listens on ${host} needs --cluster.secret-file or --cluster.tls.ca, cert and key`);
  }
  if (isWildcard(host) && cluster.advertisedHost === '') {
    problems.push(`cluster.advertisedHost: ${host} is no address for others; name the host by which they reach this node`);
  }
  if (problems.length > 0) return problems;
  try {
    readNodeNetwork(config);
    readEtcdTls(config.meta);
  } catch (caught) {
    problems.push(sentence(caught));
  }
  return problems;
}

/** Reads secret and certificates. @throws RegistryError `invalid-argument` with a sentence that names the file. */
export function readNodeNetwork(config: Config): NodeNetwork {
  const { tls, secretFile, advertisedHost } = config.cluster;
  const secret = secretFile === '' ? '' : readText(secretFile, 'cluster.secretFile').trim();
  if (secretFile !== '' && secret.length < SECRET_LEAST_LENGTH) {
    throw new RegistryError(
      RegistryErrorCode.InvalidArgument,
      `the cluster secret in ${secretFile} has fewer than ${SECRET_LEAST_LENGTH} characters`,
    );
  }
  const hasTls = tls.ca !== '';
  return {
    listen: listenAddress(config),
    advertisedHost,
    secret,
    tls: hasTls
      ? {
          ca: readText(tls.ca, 'cluster.tls.ca'),
          cert: readText(tls.cert, 'cluster.tls.cert'),
          key: readText(tls.key, 'cluster.tls.key'),
        }
      : undefined,
  };
}

/** @throws RegistryError `invalid-argument` with a sentence that names the file. */
export function readEtcdTls({ etcdTls }: MetaStoreConfig): { readonly ca?: string; readonly cert?: string; readonly key?: string } {
  const read = (name: 'ca' | 'cert' | 'key') => (etcdTls[name] === '' ? {} : { [name]: readText(etcdTls[name], `meta.etcdTls.${name}`) });
  return { ...read('ca'), ...read('cert'), ...read('key') };
}

/** `host` as part of an address. */
export function hostInAddress(host: string): string {
  return isIPv6(host) ? `[${host}]` : host;
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

function readText(path: string, setting: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new RegistryError(RegistryErrorCode.InvalidArgument, `${setting}: ${path} cannot be read: ${sentence(cause)}`, { cause });
  }
}

function sentence(caught: unknown): string {
  if (caught instanceof RegistryError) return caught.message.slice(caught.code.length + 2);
  return caught instanceof Error ? caught.message : String(caught);
}
