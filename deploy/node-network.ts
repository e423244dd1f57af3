import { isIPv6 } from 'node:net';
import { type LinkTls, parseAddress, RegistryError, RegistryErrorCode, Role } from '../core/index.ts';
import { type ClusterConfig, DEFAULT_LISTEN, type MetaStoreConfig } from './cluster-config.ts';
import type { Config } from './config-schema.ts';
import { readText, readTlsFiles, type TlsTexts } from './tls-files.ts';

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
  return addressesIn(config.join);
}

function addressesIn(list: string): readonly string[] {
  return list.split(',').filter((address) => address !== '');
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

/** Formats of settings with addresses, `host:port`, for the schema. None at all is right, too. */
export const ADDRESS_FORMATS = {
  address: (text: string) => text === '' || isAddress(text),
  addresses: (text: string) => addressesIn(text).every(isAddress),
} as const;

function isAddress(text: string): boolean {
  return problemOf(() => parseAddress(text)) === undefined;
}

/** Rules between settings, each broken one as a sentence with its path, and what is wrong with the files they name. */
export function clusterProblems(config: Config): readonly string[] {
  return [...membershipProblems(config), ...fileProblems(config)];
}

function membershipProblems(config: Config): readonly string[] {
  const problems: string[] = [];
  const { cluster } = config;
  if (!rolesOf(config).includes(Role.Meta) && config.join === '') {
    problems.push('join: a node without the role meta needs the address of a Meta node, --join host:port');
  }
  const { host, port } = listenAddress(config);
  const own = [host, cluster.advertisedHost].map((each) => `${hostInAddress(each)}:${port}`);
  if (rolesOf(config).includes(Role.Meta) && config.meta.etcd === '' && joinAddresses(config).some((address) => !own.includes(address))) {
    problems.push('meta.etcd: several Metas need a store they share, --meta.etcd http://host:2379');
  }
  if (!isLoopback(host) && cluster.secretFile === '' && tlsFiles(config).length === 0) {
    problems.push(`cluster.secretFile: a node that listens on ${host} needs --cluster.secret-file or --cluster.tls.ca, cert and key`);
  }
  if (isWildcard(host) && cluster.advertisedHost === '') {
    problems.push(`cluster.advertisedHost: ${host} is no address for others; name the host by which they reach this node`);
  }
  return problems;
}

function fileProblems(config: Config): readonly string[] {
  const { tls, secretFile } = config.cluster;
  const isPart = tlsFiles(config).length % 3 !== 0;
  const reads = [() => readSecret(secretFile), () => (isPart ? undefined : readTls(tls)), () => readEtcdTls(config.meta)];
  const problems = reads.map(problemOf).filter((problem) => problem !== undefined);
  return isPart ? ['cluster.tls: ca, cert and key belong together', ...problems] : problems;
}

function tlsFiles({ cluster }: Config): readonly string[] {
  return Object.values(cluster.tls).filter((path) => path !== '');
}

/** What a check throws, as a sentence. */
function problemOf(check: () => unknown): string | undefined {
  try {
    check();
    return undefined;
  } catch (caught) {
    return sentence(caught);
  }
}

/** Reads secret and certificates. @throws RegistryError `invalid-argument` with a sentence that names the file. */
export function readNodeNetwork(config: Config): NodeNetwork {
  const { tls, secretFile, advertisedHost } = config.cluster;
  return { listen: listenAddress(config), advertisedHost, secret: readSecret(secretFile), tls: readTls(tls) };
}

function readSecret(path: string): string {
  if (path === '') return '';
  const secret = readText(path, 'cluster.secretFile').trim();
  if (secret.length >= SECRET_LEAST_LENGTH) return secret;
  const reason = `cluster.secretFile: the secret in ${path} has ${secret.length} characters; allowed: at least ${SECRET_LEAST_LENGTH}`;
  throw new RegistryError(RegistryErrorCode.InvalidArgument, reason);
}

function readTls(files: ClusterConfig['tls']): LinkTls | undefined {
  const { ca, cert, key } = readTlsFiles(files, 'cluster.tls');
  return ca === undefined || cert === undefined || key === undefined ? undefined : { ca, cert, key };
}

/** @throws RegistryError `invalid-argument` with a sentence that names the file. */
export function readEtcdTls({ etcdTls }: MetaStoreConfig): TlsTexts {
  return readTlsFiles(etcdTls, 'meta.etcdTls');
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

function sentence(caught: unknown): string {
  if (caught instanceof RegistryError) return caught.sentence;
  return caught instanceof Error ? caught.message : String(caught);
}
