import { EUREKA_LIMITS } from '../limits.ts';
import { EurekaRequestError, UNPARSABLE } from './errors.ts';

export const InstanceStatus = {
  Up: 'UP',
  Down: 'DOWN',
  Starting: 'STARTING',
  OutOfService: 'OUT_OF_SERVICE',
  Unknown: 'UNKNOWN',
} as const;
export type InstanceStatus = (typeof InstanceStatus)[keyof typeof InstanceStatus];

export type ActionType = 'ADDED' | 'MODIFIED' | 'DELETED';

export interface PortWrapper {
  readonly number: number;
  readonly enabled: boolean;
}

export interface LeaseInfo {
  readonly renewalIntervalInSecs: number;
  readonly durationInSecs: number;
  readonly registrationTimestamp: number;
  readonly lastRenewalTimestamp: number;
  readonly evictionTimestamp: number;
  readonly serviceUpTimestamp: number;
}

/** One Eureka instance as the gateway keeps and emits it. Optional texts are undefined when the client set none. */
export interface InstanceInfo {
  readonly instanceId: string;
  readonly hostName: string;
  /** Upper case. */
  readonly app: string;
  readonly appGroupName: string | undefined;
  readonly ipAddr: string;
  readonly sid: string | undefined;
  /** The effective status, after overrides. */
  readonly status: InstanceStatus;
  readonly overriddenStatus: InstanceStatus;
  readonly port: PortWrapper;
  readonly securePort: PortWrapper;
  readonly countryId: number;
  readonly dataCenterName: 'MyOwn' | 'Netflix' | 'Amazon';
  /** AmazonInfo's metadata; undefined elsewhere. */
  readonly amazonMetadata: ReadonlyMap<string, string> | undefined;
  readonly leaseInfo: LeaseInfo;
  readonly metadata: ReadonlyMap<string, string>;
  readonly homePageUrl: string | undefined;
  readonly statusPageUrl: string | undefined;
  readonly healthCheckUrl: string | undefined;
  readonly secureHealthCheckUrl: string | undefined;
  readonly vipAddress: string | undefined;
  readonly secureVipAddress: string | undefined;
  readonly isCoordinatingDiscoveryServer: boolean;
  readonly lastUpdatedTimestamp: number;
  /** The instance's version, set by its client and never touched. */
  readonly lastDirtyTimestamp: number;
  readonly actionType: ActionType;
  readonly asgName: string | undefined;
}

/** A parsed body, whatever its encoding: objects, arrays, texts, numbers, booleans, null. */
export type Tree = { readonly [key: string]: unknown };

const STATUSES: ReadonlySet<string> = new Set(Object.values(InstanceStatus));
const DEFAULT_RENEWAL_SECONDS = 30;
const DEFAULT_DURATION_SECONDS = 90;

/** Upper-cased first; anything that is no status is UNKNOWN. */
export function toStatus(value: string): InstanceStatus {
  const upper = value.toUpperCase();
  return STATUSES.has(upper) ? (upper as InstanceStatus) : InstanceStatus.Unknown;
}

export function isStatus(value: string): value is InstanceStatus {
  return STATUSES.has(value);
}

/**
 * Reads what a client sent, leniently: unknown keys are ignored, numbers may be texts, null is absence (Eureka protocol, input leniency).
 *
 * @throws EurekaRequestError 400 with the texts and in the order of the real server.
 */
export function readInstanceInfo(tree: Tree, nowMs: number): InstanceInfo {
  const hostName = text(tree, 'hostName') ?? '';
  const dataCenter = readDataCenter(tree['dataCenterInfo']);
  const metadata = readMetadata(tree['metadata']);
  const instanceId = resolveInstanceId(tree, hostName, dataCenter?.amazonMetadata, metadata);
  const ipAddr = text(tree, 'ipAddr') ?? '';
  const app = text(tree, 'app') ?? '';
  const checks: readonly [boolean, string][] = [
    [instanceId === '', 'Missing instanceId'],
    [hostName === '', 'Missing hostname'],
    [ipAddr === '', 'Missing ip address'],
    [app === '', 'Missing appName'],
    [dataCenter === undefined, 'Missing dataCenterInfo'],
    [dataCenter !== undefined && dataCenter.name === undefined, 'Missing dataCenterInfo Name'],
  ];
  for (const [isWrong, message] of checks) if (isWrong) throw new EurekaRequestError(400, message);
  for (const name of [instanceId, hostName, ipAddr, app]) assertName(name);
  const securePort = readPort(tree['securePort'], { number: 443, enabled: false });
  return {
    instanceId,
    hostName,
    app: app.toUpperCase(),
    appGroupName: text(tree, 'appGroupName')?.toUpperCase(),
    ipAddr,
    sid: text(tree, 'sid'),
    status: toStatus(text(tree, 'status') ?? InstanceStatus.Up),
    overriddenStatus: toStatus(text(tree, 'overriddenStatus') ?? text(tree, 'overriddenstatus') ?? InstanceStatus.Unknown),
    port: readPort(tree['port'], { number: 0, enabled: false }),
    securePort,
    countryId: wholeNumber(tree['countryId'], 1),
    dataCenterName: dataCenter?.name ?? 'MyOwn',
    amazonMetadata: dataCenter?.name === 'Amazon' ? withInstanceId(dataCenter.amazonMetadata, instanceId) : undefined,
    leaseInfo: readLease(tree['leaseInfo']),
    metadata,
    homePageUrl: text(tree, 'homePageUrl'),
    statusPageUrl: text(tree, 'statusPageUrl'),
    healthCheckUrl: text(tree, 'healthCheckUrl'),
    secureHealthCheckUrl: text(tree, 'secureHealthCheckUrl'),
    vipAddress: text(tree, 'vipAddress'),
    secureVipAddress: text(tree, 'secureVipAddress'),
    isCoordinatingDiscoveryServer: flag(tree['isCoordinatingDiscoveryServer'], false),
    lastUpdatedTimestamp: nowMs,
    lastDirtyTimestamp: readDirtyTimestamp(tree['lastDirtyTimestamp'], nowMs),
    actionType: 'ADDED',
    asgName: text(tree, 'asgName'),
  };
}

/** A timestamp of a request. @throws EurekaRequestError 400 when it is no whole number that a double can hold. */
export function parseTimestamp(value: string): number {
  const parsed = /^-?\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
  if (!Number.isSafeInteger(parsed)) throw new EurekaRequestError(400, 'lastDirtyTimestamp must be a whole number of milliseconds');
  return parsed;
}

function readDirtyTimestamp(value: unknown, nowMs: number): number {
  if (value === undefined || value === null || value === '') return nowMs;
  const parsed = typeof value === 'number' ? value : Number(value);
  return Number.isSafeInteger(parsed) && parsed >= 0 ? parsed : nowMs;
}

/** `instanceId`, else what very old Spring clients put into metadata, else the AWS id, else the host name. */
function resolveInstanceId(
  tree: Tree,
  hostName: string,
  amazon: ReadonlyMap<string, string> | undefined,
  metadata: ReadonlyMap<string, string>,
): string {
  const own = text(tree, 'instanceId');
  if (own !== undefined && own.trim() !== '') return own;
  const fromMetadata = metadata.get('instanceId');
  if (fromMetadata !== undefined && fromMetadata !== '')
    return fromMetadata.startsWith(hostName) ? fromMetadata : `${hostName}:${fromMetadata}`;
  const fromAmazon = amazon?.get('instance-id');
  return fromAmazon !== undefined && fromAmazon !== '' ? fromAmazon : hostName.trim();
}

function readDataCenter(value: unknown):
  | {
      readonly name: InstanceInfo['dataCenterName'] | undefined;
      readonly amazonMetadata: ReadonlyMap<string, string>;
    }
  | undefined {
  if (!isTree(value)) return undefined;
  const name = text(value, 'name');
  if (name !== undefined && name !== 'MyOwn' && name !== 'Netflix' && name !== 'Amazon') throw new EurekaRequestError(400, UNPARSABLE);
  return { name, amazonMetadata: readMetadata(value['metadata']) };
}

function withInstanceId(metadata: ReadonlyMap<string, string> | undefined, instanceId: string): ReadonlyMap<string, string> {
  if ((metadata?.get('instance-id') ?? '') !== '') return metadata as ReadonlyMap<string, string>;
  return new Map([...(metadata ?? []), ['instance-id', instanceId]]);
}

/** Scalars become texts, nested values their JSON; Java's markers for empty maps are no entries. */
export function readMetadata(value: unknown): ReadonlyMap<string, string> {
  const metadata = new Map<string, string>();
  if (!isTree(value)) return metadata;
  for (const [key, entry] of Object.entries(value)) {
    if (entry === null || entry === undefined) continue;
    if (key === '@class' && typeof entry === 'string' && entry.startsWith('java.util.')) continue;
    if (metadata.size >= EUREKA_LIMITS.metadataEntries)
      throw new EurekaRequestError(400, `metadata has at most ${EUREKA_LIMITS.metadataEntries} entries`);
    metadata.set(key, typeof entry === 'object' ? JSON.stringify(entry) : String(entry));
  }
  return metadata;
}

function readPort(value: unknown, absent: PortWrapper): PortWrapper {
  if (value === undefined || value === null) return absent;
  if (!isTree(value)) return { number: wholeNumber(value, absent.number), enabled: true };
  return { number: wholeNumber(value['$'], absent.number), enabled: flag(value['@enabled'], !absent.enabled && absent.number === 0) };
}

function readLease(value: unknown): LeaseInfo {
  const tree = isTree(value) ? value : {};
  const seconds = (key: string, absent: number) => {
    const asked = wholeNumber(tree[key], absent);
    return asked > 0 ? Math.min(asked, EUREKA_LIMITS.leaseSeconds) : absent;
  };
  return {
    renewalIntervalInSecs: seconds('renewalIntervalInSecs', DEFAULT_RENEWAL_SECONDS),
    durationInSecs: seconds('durationInSecs', DEFAULT_DURATION_SECONDS),
    registrationTimestamp: 0,
    lastRenewalTimestamp: 0,
    evictionTimestamp: 0,
    serviceUpTimestamp: 0,
  };
}

function text(tree: Tree, key: string): string | undefined {
  const value = tree[key];
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}

function wholeNumber(value: unknown, absent: number): number {
  const parsed = typeof value === 'number' ? value : typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN;
  return Number.isSafeInteger(parsed) ? parsed : absent;
}

function flag(value: unknown, absent: boolean): boolean {
  if (typeof value === 'boolean') return value;
  return typeof value === 'string' ? value.toLowerCase() === 'true' : absent;
}

function assertName(name: string): void {
  if (name.length > EUREKA_LIMITS.nameLength)
    throw new EurekaRequestError(400, `names have at most ${EUREKA_LIMITS.nameLength} characters`);
  if (/[\u0000-\u001f\u007f]/.test(name)) throw new EurekaRequestError(400, 'names have no control characters');
}

export function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
