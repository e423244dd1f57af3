import { EurekaRequestError } from '../../../../adapters/eureka/codec/errors.ts';
import { type InstanceInfo, readInstanceInfo, type Tree } from '../../../../adapters/eureka/codec/instance-info.ts';
import { type ViewInstance, viewInstance } from '../../../../adapters/eureka/registry-view.ts';
import { dataInfoIdOf } from '../../../../adapters/eureka/translate.ts';

export const NOW_MS = 1_700_000_001_000;

const DATA_CENTER = { '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo', name: 'MyOwn' };

/** The least that a registration needs. */
export const LEAST = {
  instanceId: 'host1:demo-service:8080',
  hostName: 'host1',
  app: 'DEMO-SERVICE',
  ipAddr: '10.0.0.1',
  dataCenterInfo: DATA_CENTER,
} as const;

/** The shape that Java clients send, with every optional key set. */
export const FULL: Tree = {
  ...LEAST,
  appGroupName: 'GROUP',
  sid: 'na',
  status: 'UP',
  overriddenStatus: 'UNKNOWN',
  port: { $: 8080, '@enabled': 'true' },
  securePort: { $: 8443, '@enabled': 'false' },
  countryId: 1,
  leaseInfo: {
    renewalIntervalInSecs: 10,
    durationInSecs: 25,
    registrationTimestamp: 0,
    lastRenewalTimestamp: 0,
    evictionTimestamp: 0,
    serviceUpTimestamp: 0,
  },
  metadata: { zone: 'z1', 'management.port': '8080' },
  homePageUrl: 'http://host1:8080/',
  statusPageUrl: 'http://host1:8080/actuator/info',
  healthCheckUrl: 'http://host1:8080/actuator/health',
  secureHealthCheckUrl: 'https://host1:8443/actuator/health',
  vipAddress: 'demo-service',
  secureVipAddress: 'demo-service-secure',
  isCoordinatingDiscoveryServer: 'false',
  lastUpdatedTimestamp: '1700000000456',
  lastDirtyTimestamp: '1700000000123',
  actionType: 'ADDED',
  asgName: 'asg-1',
};

/** Reads the least registration with some keys changed; a key of value undefined is left out. */
export function readWith(changes: Readonly<Record<string, unknown>>): InstanceInfo {
  return readInstanceInfo({ ...LEAST, ...changes }, NOW_MS);
}

/** An instance of an application in the view, with whatever else the test is about. */
export function instanceOf(app: string, instanceId: string, changes: Partial<InstanceInfo> = {}): ViewInstance {
  const info = { ...readInstanceInfo({ ...LEAST, app, instanceId, vipAddress: app.toLowerCase() }, NOW_MS), ...changes };
  return viewInstance(info, dataInfoIdOf(info), false, 0);
}

/** The refusal that `run` ends with. Anything else that is thrown, and no throw at all, fails the test. */
export function refusal(run: () => unknown): EurekaRequestError {
  try {
    run();
  } catch (caught) {
    if (caught instanceof EurekaRequestError) return caught;
    throw caught;
  }
  throw new Error('nothing was refused');
}

/** Numbers in [0, 1) that a seed repeats (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
