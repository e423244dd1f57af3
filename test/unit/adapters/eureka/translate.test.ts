import { describe, expect, it } from 'vitest';
import { InstanceStatus } from '../../../../adapters/eureka/codec/instance-info.ts';
import { toXmlInstance } from '../../../../adapters/eureka/codec/xml.ts';
import { EUREKA_LIMITS } from '../../../../adapters/eureka/limits.ts';
import { EUREKA_FORMAT, eurekaComposer, eurekaFormatReader, readPayload, toRegistration } from '../../../../adapters/eureka/translate.ts';
import type { DataInfoId, ServiceInstance } from '../../../../core/index.ts';
import { instanceAt, publisherOf } from '../../core/session/formats.ts';
import { readWith } from './fixtures.ts';

const MAY_2026 = 1_780_000_000_000;
const source = publisherOf('sofa-bolt', 'r', '', { registerVersion: { version: 3, stamp: MAY_2026 * 1_024 + 7 } });

function read(changes: Readonly<Record<string, unknown>>): ServiceInstance | undefined {
  const { payload } = toRegistration(readWith({ port: { $: 8080, '@enabled': 'true' }, ...changes }), '');
  const [instance, ...more] = eurekaFormatReader.readInstances({ ...publisherOf(EUREKA_FORMAT, 'e', ''), payload });
  expect(more).toEqual([]);
  return instance;
}

function compose(instance: ServiceInstance, dataId = 'Orders') {
  const dataInfoId = `${dataId}#@#DEFAULT_INSTANCE_ID#@#DEFAULT_GROUP` as DataInfoId;
  const [composition] = eurekaComposer.compose(instance, { ...source, dataInfoId });
  return composition === undefined ? undefined : { ...readPayload(composition), registerId: composition.registerId };
}

describe('an Eureka instance for other ecosystems', () => {
  it.each([
    ['UP', true, true],
    ['OUT_OF_SERVICE', true, false],
    ['DOWN', false, true],
    ['STARTING', false, true],
    ['UNKNOWN', false, true],
  ])('%s: healthy %s, enabled %s', (status, healthy, enabled) => {
    expect(read({ status })).toMatchObject({ healthy, enabled });
  });

  it.each([
    ['the IP', { ipAddr: '10.0.0.1', hostName: 'host1' }, { host: '10.0.0.1' }],
    ['an IPv6', { ipAddr: '2001:db8::1', hostName: 'host1' }, { host: '2001:db8::1' }],
    ['the host name where the IP is none', { ipAddr: 'unknown', hostName: 'host1' }, { host: 'host1' }],
    ['its id', { instanceId: 'i-1' }, { instanceId: 'i-1' }],
    ['the zone of its metadata', { metadata: { zone: 'z1' } }, { zone: 'z1', metadata: new Map([['zone', 'z1']]) }],
    ['the weight of its metadata', { metadata: { weight: '7' } }, { weight: 7 }],
    ['weight 1 for nonsense', { metadata: { weight: 'much' } }, { weight: 1 }],
    [
      'both ports',
      { securePort: { $: 8443, '@enabled': 'true' } },
      {
        ports: new Map([
          ['http', 8080],
          ['https', 8443],
        ]),
      },
    ],
    [
      'the secure port',
      { port: { $: 80, '@enabled': 'false' }, securePort: { $: 8443, '@enabled': 'true' } },
      { ports: new Map([['https', 8443]]) },
    ],
  ])('%s', (_, changes, expected) => {
    expect(read(changes)).toMatchObject(expected);
  });

  it('is none without a port', () => {
    expect(read({ port: { $: 0, '@enabled': 'true' } })).toBeUndefined();
    expect(read({ port: { $: 80, '@enabled': 'false' } })).toBeUndefined();
  });

  it('is none when its payload is damaged', () => {
    expect(eurekaFormatReader.readInstances(publisherOf(EUREKA_FORMAT, 'e', 'nonsense'))).toEqual([]);
  });
});

describe('an instance of another ecosystem for Eureka readers', () => {
  it('has all that the strictest client reads', () => {
    expect(compose(instanceAt('10.0.0.1', { http: 8080 }, { metadata: new Map([['version', '2']]) }))).toMatchObject({
      registerId: '10.0.0.1:Orders:8080',
      instanceId: '10.0.0.1:Orders:8080',
      app: 'ORDERS',
      vipAddress: 'Orders',
      secureVipAddress: 'Orders',
      hostName: '10.0.0.1',
      ipAddr: '10.0.0.1',
      port: { number: 8080, enabled: true },
      securePort: { number: 443, enabled: false },
      status: InstanceStatus.Up,
      overriddenStatus: InstanceStatus.Unknown,
      dataCenterName: 'MyOwn',
      countryId: 1,
      isCoordinatingDiscoveryServer: false,
      homePageUrl: 'http://10.0.0.1:8080/',
      metadata: new Map([['version', '2']]),
      actionType: 'ADDED',
    });
  });

  it('has the times of its registration, so that every Session shows the same', () => {
    const info = compose(instanceAt('10.0.0.1', { http: 8080 }));
    expect([info?.lastDirtyTimestamp, info?.leaseInfo.registrationTimestamp, info?.leaseInfo.serviceUpTimestamp]).toEqual([
      MAY_2026,
      MAY_2026,
      MAY_2026,
    ]);
    expect(info?.leaseInfo).toMatchObject({ renewalIntervalInSecs: 30, durationInSecs: 90, evictionTimestamp: 0 });
  });

  it.each([
    [
      'TLS only',
      { https: 8443 },
      {},
      { port: { number: 80, enabled: false }, securePort: { number: 8443, enabled: true }, homePageUrl: undefined },
    ],
    ['IPv6', { http: 80 }, { host: '2001:db8::1' }, { hostName: '2001:db8::1', homePageUrl: 'http://[2001:db8::1]:80/' }],
    ['a path', { http: 80 }, { metadata: new Map([['path', '/api']]) }, { homePageUrl: 'http://10.0.0.1:80/api' }],
    ['no path that is none', { http: 80 }, { metadata: new Map([['path', 'x/api']]) }, { homePageUrl: 'http://10.0.0.1:80/' }],
    ['its zone', { http: 80 }, { zone: 'EAST' }, { metadata: new Map([['zone', 'EAST']]) }],
    ['its weight', { http: 80 }, { weight: 5 }, { metadata: new Map([['weight', '5']]) }],
    ['out of service', { http: 80 }, { enabled: false }, { status: InstanceStatus.OutOfService }],
    ['down', { http: 80 }, { healthy: false }, { status: InstanceStatus.Down }],
    [
      'no keys that mean types to Jackson',
      { http: 80 },
      {
        metadata: new Map([
          ['@class', 'java.util.Map'],
          ['', 'x'],
        ]),
      },
      { metadata: new Map() },
    ],
  ])('%s', (_, ports, changes: Partial<ServiceInstance>, expected) => {
    expect(compose(instanceAt('10.0.0.1', ports as unknown as Record<string, number>, changes))).toMatchObject(expected);
  });

  it('is none without HTTP, and outside the default namespace', () => {
    expect(compose(instanceAt('10.0.0.1', { dubbo: 20_880 }))).toBeUndefined();
    const elsewhere = { ...source, dataInfoId: 'orders#@#tenant-1#@#DEFAULT_GROUP' as DataInfoId };
    expect(eurekaComposer.compose(instanceAt('10.0.0.1', { http: 80 }), elsewhere)).toEqual([]);
  });

  it('is readable whatever its metadata is', () => {
    const metadata = new Map(Array.from({ length: 3_000 }, (_, i) => [`key ${i} <\u0001>`, '\ud800 & "x"']));
    const info = compose(instanceAt('10.0.0.1', { http: 80 }, { metadata, zone: 'z', weight: 2 }));
    expect(info?.metadata.size).toBe(EUREKA_LIMITS.metadataEntries);
    expect(toXmlInstance(info as NonNullable<typeof info>)).not.toMatch(/[\u0000-\u0008]|\ud800/);
  });
});
