import { EUREKA_LIMITS } from '../limits.ts';
import { EurekaRequestError, UNPARSABLE } from './errors.ts';
import { type InstanceInfo, isTree, type PortWrapper, type Tree } from './instance-info.ts';

const DATA_CENTER_CLASS = 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo';
const AMAZON_CLASS = 'com.netflix.appinfo.AmazonInfo';

/**
 * Parses a JSON body with depth and number of values checked first, so that neither deep nesting nor a flood of keys reaches the parser.
 *
 * @throws EurekaRequestError 400.
 */
export function parseJsonBody(body: string, nodesMost: number = EUREKA_LIMITS.nodes): Tree {
  assertShape(body, nodesMost);
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.charCodeAt(0) === 0xfeff ? body.slice(1) : body);
  } catch (cause) {
    throw new EurekaRequestError(400, UNPARSABLE, { cause });
  }
  if (!isTree(parsed)) throw new EurekaRequestError(400, UNPARSABLE);
  return parsed;
}

/** Every value but the first of its list is behind a comma. */
function assertShape(body: string, nodesMost: number): void {
  let depth = 0;
  let nodes = 0;
  let inText = false;
  for (let i = 0; i < body.length; i += 1) {
    const code = body.charCodeAt(i);
    if (inText) {
      if (code === 0x5c) i += 1;
      else if (code === 0x22) inText = false;
    } else if (code === 0x22) inText = true;
    else if (code === 0x2c) nodes += 1;
    else if (code === 0x7b || code === 0x5b) {
      depth += 1;
      nodes += 1;
      if (depth > EUREKA_LIMITS.depth) throw new EurekaRequestError(400, UNPARSABLE);
    } else if (code === 0x7d || code === 0x5d) depth -= 1;
  }
  if (nodes > nodesMost) throw new EurekaRequestError(400, UNPARSABLE);
}

/** The canonical object of an instance: exactly the keys that the strictest client knows (Eureka protocol, canonical JSON instance). */
export function toJsonInstance(info: InstanceInfo): Tree {
  const { leaseInfo } = info;
  return {
    instanceId: info.instanceId,
    hostName: info.hostName,
    app: info.app,
    ...optional('appGroupName', info.appGroupName),
    ipAddr: info.ipAddr,
    ...optional('sid', info.sid === 'na' ? undefined : info.sid),
    status: info.status,
    overriddenStatus: info.overriddenStatus,
    port: toJsonPort(info.port),
    securePort: toJsonPort(info.securePort),
    countryId: info.countryId,
    dataCenterInfo: toJsonDataCenter(info),
    leaseInfo: {
      renewalIntervalInSecs: leaseInfo.renewalIntervalInSecs,
      durationInSecs: leaseInfo.durationInSecs,
      registrationTimestamp: leaseInfo.registrationTimestamp,
      lastRenewalTimestamp: leaseInfo.lastRenewalTimestamp,
      evictionTimestamp: leaseInfo.evictionTimestamp,
      serviceUpTimestamp: leaseInfo.serviceUpTimestamp,
    },
    metadata: Object.fromEntries(info.metadata),
    ...optional('homePageUrl', info.homePageUrl),
    ...optional('statusPageUrl', info.statusPageUrl),
    ...optional('healthCheckUrl', info.healthCheckUrl),
    ...optional('secureHealthCheckUrl', info.secureHealthCheckUrl),
    ...optional('vipAddress', info.vipAddress),
    ...optional('secureVipAddress', info.secureVipAddress),
    isCoordinatingDiscoveryServer: String(info.isCoordinatingDiscoveryServer),
    lastUpdatedTimestamp: String(info.lastUpdatedTimestamp),
    lastDirtyTimestamp: String(info.lastDirtyTimestamp),
    actionType: info.actionType,
    ...optional('asgName', info.asgName),
  };
}

/** Amazon's metadata that a compact document keeps: what a client needs to reach the instance. */
const COMPACT_AMAZON_KEYS = ['instance-id', 'public-ipv4', 'public-hostname', 'local-ipv4', 'availability-zone'] as const;

export function compactAmazonMetadata(metadata: ReadonlyMap<string, string> | undefined): ReadonlyMap<string, string> {
  const kept = new Map<string, string>();
  for (const key of COMPACT_AMAZON_KEYS) {
    const value = metadata?.get(key);
    if (value !== undefined) kept.set(key, value);
  }
  return kept;
}

/** An instance reduced to what a client needs to call it; timestamps are numbers here (Eureka protocol, compact form). */
export function toJsonCompactInstance(info: InstanceInfo): Tree {
  return {
    instanceId: info.instanceId,
    app: info.app,
    ipAddr: info.ipAddr,
    ...optional('vipAddress', info.vipAddress),
    ...optional('secureVipAddress', info.secureVipAddress),
    dataCenterInfo: toJsonDataCenter({ ...info, amazonMetadata: compactAmazonMetadata(info.amazonMetadata) }),
    hostName: info.hostName,
    status: info.status,
    lastUpdatedTimestamp: info.lastUpdatedTimestamp,
    actionType: info.actionType,
    ...optional('asgName', info.asgName),
    port: toJsonPort(info.port),
    securePort: toJsonPort(info.securePort),
  };
}

function toJsonPort(port: PortWrapper): Tree {
  return { $: port.number, '@enabled': String(port.enabled) };
}

function toJsonDataCenter(info: InstanceInfo): Tree {
  if (info.dataCenterName !== 'Amazon') return { '@class': DATA_CENTER_CLASS, name: info.dataCenterName };
  return { '@class': AMAZON_CLASS, name: 'Amazon', metadata: Object.fromEntries(info.amazonMetadata ?? []) };
}

function optional(key: string, value: string | undefined): Tree {
  return value === undefined ? {} : { [key]: value };
}
