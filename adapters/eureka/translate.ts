import {
  acceptedAtMs,
  type Composer,
  type DataInfoId,
  DEFAULT_GROUP,
  DEFAULT_INSTANCE_ID,
  type FormatReader,
  formatDataInfoId,
  parseDataInfoId,
  type Registration,
  type ServiceInstance,
} from '../../core/index.ts';
import { type ActionType, type InstanceInfo, InstanceStatus, isTree, readInstanceInfo, type Tree } from './codec/instance-info.ts';
import { toJsonInstance } from './codec/json.ts';
import { EUREKA_LIMITS } from './limits.ts';

/** The format name of Eureka publishers. */
export const EUREKA_FORMAT = 'eureka';

/**
 * The name a Eureka application has in the core: the primary VIP where it is the application's name in its own spelling (Spring keeps it
 * there), else the application in lower case.
 */
export function dataInfoIdOf(info: InstanceInfo): DataInfoId {
  const vip = info.vipAddress?.split(',')[0]?.trim() ?? '';
  const dataId = vip !== '' && vip.toUpperCase() === info.app ? vip : info.app.toLowerCase();
  return formatDataInfoId({ dataId, instanceId: DEFAULT_INSTANCE_ID, group: DEFAULT_GROUP });
}

/** An instance as the core keeps it: its canonical JSON is the payload, and the document that readers get. */
export function toRegistration(info: InstanceInfo, clientAddress: string): Registration {
  return {
    dataInfoId: dataInfoIdOf(info),
    registerId: info.instanceId,
    format: EUREKA_FORMAT,
    payload: encodePayload(info),
    zone: zoneOf(info),
    appName: info.app.toLowerCase(),
    clientAddress,
  };
}

function encodePayload(info: InstanceInfo): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(toJsonInstance(info)));
}

/** Reads a payload back, with the fields that the registry owns. @throws when the payload is none of ours. */
export function readPayload(publisher: { readonly payload: Uint8Array }): InstanceInfo {
  const tree: unknown = JSON.parse(new TextDecoder().decode(publisher.payload));
  if (!isTree(tree)) throw new TypeError('an Eureka payload is a JSON object');
  const lease = isTree(tree['leaseInfo']) ? tree['leaseInfo'] : {};
  const read = readInstanceInfo(tree, Number(tree['lastUpdatedTimestamp']));
  const timestamp = (key: string) => Number(lease[key] ?? 0);
  return {
    ...read,
    leaseInfo: {
      ...read.leaseInfo,
      registrationTimestamp: timestamp('registrationTimestamp'),
      lastRenewalTimestamp: timestamp('lastRenewalTimestamp'),
      evictionTimestamp: timestamp('evictionTimestamp'),
      serviceUpTimestamp: timestamp('serviceUpTimestamp'),
    },
    actionType: readAction(tree),
  };
}

function readAction(tree: Tree): ActionType {
  return tree['actionType'] === 'MODIFIED' ? 'MODIFIED' : 'ADDED';
}

function zoneOf(info: InstanceInfo): string {
  return info.metadata.get('zone') ?? info.amazonMetadata?.get('availability-zone') ?? '';
}

/** Eureka instances as neutral ones (Eureka protocol, mapping to a generic model). A damaged payload is no instance. */
export const eurekaFormatReader: FormatReader = {
  format: EUREKA_FORMAT,
  readInstances(publisher) {
    try {
      const instance = toServiceInstance(readPayload(publisher));
      return instance === undefined ? [] : [instance];
    } catch {
      return [];
    }
  },
};

export function toServiceInstance(info: InstanceInfo): ServiceInstance | undefined {
  const ports = new Map<string, number>();
  if (info.port.enabled && info.port.number > 0) ports.set('http', info.port.number);
  if (info.securePort.enabled && info.securePort.number > 0) ports.set('https', info.securePort.number);
  if (ports.size === 0) return undefined;
  const weight = Number(info.metadata.get('weight') ?? 1);
  return {
    instanceId: info.instanceId,
    host: isAddress(info.ipAddr) ? info.ipAddr : info.hostName,
    ports,
    weight: Number.isFinite(weight) && weight >= 0 ? weight : 1,
    healthy: info.status === InstanceStatus.Up || info.status === InstanceStatus.OutOfService,
    enabled: info.status !== InstanceStatus.OutOfService,
    metadata: info.metadata,
    zone: zoneOf(info),
    origin: EUREKA_FORMAT,
  };
}

function isAddress(text: string): boolean {
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(text) || (text.includes(':') && /^[0-9a-fA-F:.]+$/.test(text));
}

/**
 * Instances of other ecosystems, rendered so that the strictest Eureka client accepts them (Eureka protocol, core instance to Eureka).
 * Eureka has no namespaces: only those of the default one are shown.
 */
export const eurekaComposer: Composer = {
  format: EUREKA_FORMAT,
  compose(instance, source) {
    const { dataId, instanceId: namespace } = parseDataInfoId(source.dataInfoId);
    const info =
      namespace === DEFAULT_INSTANCE_ID ? fromServiceInstance(instance, dataId, acceptedAtMs(source.registerVersion)) : undefined;
    return info === undefined ? [] : [{ registerId: info.instanceId, payload: encodePayload(info) }];
  },
};

/** undefined: it has no HTTP port. `dataId` is the name in its publisher's spelling, which load balancers look up ignoring case. */
export function fromServiceInstance(instance: ServiceInstance, dataId: string, changedAtMs: number): InstanceInfo | undefined {
  const http = instance.ports.get('http');
  const https = instance.ports.get('https');
  const port = http ?? https;
  if (port === undefined) return undefined;
  return {
    instanceId: `${instance.host}:${dataId}:${port}`,
    hostName: instance.host,
    app: dataId.toUpperCase(),
    appGroupName: undefined,
    ipAddr: instance.host,
    sid: undefined,
    status: statusOf(instance),
    overriddenStatus: InstanceStatus.Unknown,
    port: { number: http ?? 80, enabled: http !== undefined },
    securePort: { number: https ?? 443, enabled: https !== undefined },
    countryId: 1,
    dataCenterName: 'MyOwn',
    amazonMetadata: undefined,
    leaseInfo: {
      renewalIntervalInSecs: 30,
      durationInSecs: 90,
      registrationTimestamp: changedAtMs,
      lastRenewalTimestamp: changedAtMs,
      evictionTimestamp: 0,
      serviceUpTimestamp: changedAtMs,
    },
    metadata: metadataOf(instance),
    homePageUrl: http === undefined ? undefined : `http://${urlHost(instance.host)}:${http}${pathOf(instance)}`,
    statusPageUrl: undefined,
    healthCheckUrl: undefined,
    secureHealthCheckUrl: undefined,
    vipAddress: dataId,
    secureVipAddress: dataId,
    isCoordinatingDiscoveryServer: false,
    lastUpdatedTimestamp: changedAtMs,
    lastDirtyTimestamp: changedAtMs,
    actionType: 'ADDED',
    asgName: undefined,
  };
}

/** Keys with `@` mean types and attributes to Jackson. */
function metadataOf({ metadata, zone, weight }: ServiceInstance): ReadonlyMap<string, string> {
  const own = new Map([...metadata].filter(([key]) => key !== '' && !key.startsWith('@')).slice(0, EUREKA_LIMITS.metadataEntries - 2));
  if (zone !== '' && !own.has('zone')) own.set('zone', zone);
  if (weight !== 1 && !own.has('weight')) own.set('weight', String(weight));
  return own;
}

function statusOf(instance: ServiceInstance): InstanceStatus {
  if (!instance.enabled) return InstanceStatus.OutOfService;
  return instance.healthy ? InstanceStatus.Up : InstanceStatus.Down;
}

/** Free text of the publisher: taken only where it is a path. */
function pathOf({ metadata }: ServiceInstance): string {
  const path = metadata.get('path') ?? '';
  return /^\/[^\s?#]*$/.test(path) ? path : '/';
}

function urlHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
