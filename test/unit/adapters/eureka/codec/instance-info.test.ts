import { describe, expect, it } from 'vitest';
import {
  isStatus,
  parseTimestamp,
  readInstanceInfo,
  readMetadata,
  type Tree,
  toStatus,
} from '../../../../../adapters/eureka/codec/instance-info.ts';
import { EUREKA_LIMITS } from '../../../../../adapters/eureka/limits.ts';
import { FULL, LEAST, NOW_MS, readWith, refusal } from '../fixtures.ts';

describe('what a registration is read as', () => {
  it('keeps all that Java clients send', () => {
    expect(readInstanceInfo(FULL, NOW_MS)).toEqual({
      instanceId: 'host1:demo-service:8080',
      hostName: 'host1',
      app: 'DEMO-SERVICE',
      appGroupName: 'GROUP',
      ipAddr: '10.0.0.1',
      sid: 'na',
      status: 'UP',
      overriddenStatus: 'UNKNOWN',
      port: { number: 8080, enabled: true },
      securePort: { number: 8443, enabled: false },
      countryId: 1,
      dataCenterName: 'MyOwn',
      amazonMetadata: undefined,
      leaseInfo: {
        renewalIntervalInSecs: 10,
        durationInSecs: 25,
        registrationTimestamp: 0,
        lastRenewalTimestamp: 0,
        evictionTimestamp: 0,
        serviceUpTimestamp: 0,
      },
      metadata: new Map([
        ['zone', 'z1'],
        ['management.port', '8080'],
      ]),
      homePageUrl: 'http://host1:8080/',
      statusPageUrl: 'http://host1:8080/actuator/info',
      healthCheckUrl: 'http://host1:8080/actuator/health',
      secureHealthCheckUrl: 'https://host1:8443/actuator/health',
      vipAddress: 'demo-service',
      secureVipAddress: 'demo-service-secure',
      isCoordinatingDiscoveryServer: false,
      lastUpdatedTimestamp: NOW_MS,
      lastDirtyTimestamp: 1_700_000_000_123,
      actionType: 'ADDED',
      asgName: 'asg-1',
    });
  });

  it('fills in what the least registration leaves out', () => {
    const info = readWith({});
    expect(info).toMatchObject({
      status: 'UP',
      overriddenStatus: 'UNKNOWN',
      port: { number: 0, enabled: false },
      securePort: { number: 443, enabled: false },
      countryId: 1,
      leaseInfo: { renewalIntervalInSecs: 30, durationInSecs: 90 },
      isCoordinatingDiscoveryServer: false,
      lastDirtyTimestamp: NOW_MS,
      lastUpdatedTimestamp: NOW_MS,
    });
    expect(info.metadata.size).toBe(0);
    expect(info.vipAddress).toBeUndefined();
    expect(info.appGroupName).toBeUndefined();
  });

  it('takes null for absence everywhere', () => {
    const nulls = Object.fromEntries(Object.keys(FULL).map((key) => [key, null]));
    expect(readInstanceInfo({ ...nulls, ...LEAST }, NOW_MS)).toEqual(readWith({}));
  });

  it('ignores what the server owns', () => {
    const info = readInstanceInfo(
      { ...FULL, actionType: 'DELETED', lastUpdatedTimestamp: 5, leaseInfo: { evictionTimestamp: 9, serviceUpTimestamp: 8 } },
      NOW_MS,
    );
    expect(info.actionType).toBe('ADDED');
    expect(info.lastUpdatedTimestamp).toBe(NOW_MS);
    expect(info.leaseInfo).toMatchObject({ evictionTimestamp: 0, serviceUpTimestamp: 0 });
  });

  it('ignores unknown keys at every level, so that one strange client does not stop strict readers', () => {
    const strange = { 'x-y': 1, deep: { deeper: [{}] } };
    const info = readInstanceInfo(
      {
        ...FULL,
        ...strange,
        leaseInfo: { ...(FULL['leaseInfo'] as Tree), ...strange },
        port: { $: 8080, '@enabled': 'true', ...strange },
        dataCenterInfo: { ...LEAST.dataCenterInfo, ...strange },
      },
      NOW_MS,
    );
    expect(info).toEqual(readInstanceInfo(FULL, NOW_MS));
  });

  it('writes names of applications and groups in upper case without a locale', () => {
    expect(readWith({ app: 'istanbul-Service', appGroupName: 'billing' })).toMatchObject({
      app: 'ISTANBUL-SERVICE',
      appGroupName: 'BILLING',
    });
  });
});

describe('the status in a registration', () => {
  it.each([
    ['in upper case', 'DOWN', 'DOWN'],
    ['in lower case', 'out_of_service', 'OUT_OF_SERVICE'],
    ['that does not exist', 'SLEEPING', 'UNKNOWN'],
    ['that is empty', '', 'UNKNOWN'],
    ['that is a number', 1, 'UNKNOWN'],
    ['that is null', null, 'UP'],
    ['that is an object', {}, 'UP'],
  ])('%s', (_name, status, expected) => {
    expect(readWith({ status }).status).toBe(expected);
  });

  it.each([
    ['in camel case', { overriddenStatus: 'DOWN' }, 'DOWN'],
    ['in the spelling of XML and Steeltoe', { overriddenstatus: 'OUT_OF_SERVICE' }, 'OUT_OF_SERVICE'],
    ['in both, camel case wins', { overriddenStatus: 'UP', overriddenstatus: 'DOWN' }, 'UP'],
    ['in camel case as null, so the other counts', { overriddenStatus: null, overriddenstatus: 'DOWN' }, 'DOWN'],
    ['that is empty', { overriddenStatus: '' }, 'UNKNOWN'],
  ])('and an override %s', (_name, changes, expected) => {
    expect(readWith(changes).overriddenStatus).toBe(expected);
  });

  it('is one of five words in upper case', () => {
    for (const word of ['UP', 'DOWN', 'STARTING', 'OUT_OF_SERVICE', 'UNKNOWN']) {
      expect(isStatus(word)).toBe(true);
      expect(isStatus(word.toLowerCase())).toBe(false);
      expect(toStatus(word.toLowerCase())).toBe(word);
    }
    expect(isStatus('')).toBe(false);
    expect(toStatus('constructor')).toBe('UNKNOWN');
  });
});

describe('a port', () => {
  it.each([
    ['as Java writes it', { $: 8080, '@enabled': 'true' }, { number: 8080, enabled: true }],
    ['with texts and a boolean', { $: '8080', '@enabled': true }, { number: 8080, enabled: true }],
    ['that is disabled', { $: 8080, '@enabled': 'false' }, { number: 8080, enabled: false }],
    ['with a flag in another case', { $: 8080, '@enabled': 'TRUE' }, { number: 8080, enabled: true }],
    ['without a flag', { $: 8080 }, { number: 8080, enabled: true }],
    ['that is a bare number', 8080, { number: 8080, enabled: true }],
    ['that is a bare text', '8080', { number: 8080, enabled: true }],
    ['that is null', null, { number: 0, enabled: false }],
    ['with a number that is none', { $: 'http', '@enabled': 'true' }, { number: 0, enabled: true }],
    ['with a fraction', { $: 80.5, '@enabled': 'true' }, { number: 0, enabled: true }],
    ['with an empty text', { $: '', '@enabled': 'true' }, { number: 0, enabled: true }],
  ])('%s', (_name, port, expected) => {
    expect(readWith({ port }).port).toEqual(expected);
  });

  it.each([
    ['that is absent is 443 and disabled', undefined, { number: 443, enabled: false }],
    ['without a flag is disabled', { $: 8443 }, { number: 8443, enabled: false }],
    ['without a number is 443', { '@enabled': 'true' }, { number: 443, enabled: true }],
  ])('for TLS %s', (_name, securePort, expected) => {
    expect(readWith({ securePort }).securePort).toEqual(expected);
  });
});

describe('a lease', () => {
  it.each([
    ['with numbers', { renewalIntervalInSecs: 5, durationInSecs: 15 }, 5, 15],
    ['with texts', { renewalIntervalInSecs: '5', durationInSecs: '15' }, 5, 15],
    ['of zeros, as fargo sends it', { renewalIntervalInSecs: 0, durationInSecs: 0 }, 30, 90],
    ['of negative numbers', { renewalIntervalInSecs: -1, durationInSecs: -5 }, 30, 90],
    ['of words', { renewalIntervalInSecs: 'soon', durationInSecs: null }, 30, 90],
    ['beyond the longest', { durationInSecs: 2 ** 40 }, 30, EUREKA_LIMITS.leaseSeconds],
    ['of exactly the longest', { durationInSecs: EUREKA_LIMITS.leaseSeconds }, 30, EUREKA_LIMITS.leaseSeconds],
    ['that is a list', [1, 2], 30, 90],
    ['that is a text', 'x', 30, 90],
  ])('%s', (_name, leaseInfo, renewalIntervalInSecs, durationInSecs) => {
    expect(readWith({ leaseInfo }).leaseInfo).toMatchObject({ renewalIntervalInSecs, durationInSecs });
  });
});

describe('metadata', () => {
  it.each([
    ['texts', { a: 'x', b: '' }, { a: 'x', b: '' }],
    ['numbers and booleans', { n: 1, f: 1.5, b: true }, { n: '1', f: '1.5', b: 'true' }],
    ['null, which is no entry', { a: null, b: 'x' }, { b: 'x' }],
    ['nested values, as their JSON', { o: { k: [1] }, l: [] }, { o: '{"k":[1]}', l: '[]' }],
    ["Java's mark of an empty map", { '@class': 'java.util.Collections$EmptyMap' }, {}],
    ["Java's mark of another map", { '@class': 'java.util.HashMap', a: 'x' }, { a: 'x' }],
    ['a class of their own', { '@class': 'com.acme.Thing' }, { '@class': 'com.acme.Thing' }],
    ['names of object members', { constructor: 'c', toString: 't' }, { constructor: 'c', toString: 't' }],
  ])('of %s', (_name, metadata, expected) => {
    expect(Object.fromEntries(readWith({ metadata }).metadata)).toEqual(expected);
  });

  it.each([undefined, null, [], ['x'], 'x', 5])('that is %j is empty', (metadata) => {
    expect(readMetadata(metadata).size).toBe(0);
  });

  it('keeps the order of its entries', () => {
    expect([...readWith({ metadata: { z: '1', a: '2', m: '3' } }).metadata.keys()]).toEqual(['z', 'a', 'm']);
  });

  it('has as many entries as the limit and not one more', () => {
    const entries = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, 'v']));
    expect(readMetadata(entries(EUREKA_LIMITS.metadataEntries)).size).toBe(EUREKA_LIMITS.metadataEntries);
    const refused = refusal(() => readMetadata(entries(EUREKA_LIMITS.metadataEntries + 1)));
    expect(refused.status).toBe(400);
    expect(refused.message).toContain(String(EUREKA_LIMITS.metadataEntries));
  });
});

describe('the id of an instance', () => {
  const amazon = { name: 'Amazon', metadata: { 'instance-id': 'i-0abc' } };
  it.each([
    ['is its own', { instanceId: 'own', metadata: { instanceId: 'm' }, dataCenterInfo: amazon }, 'own'],
    ['keeps its case and its signs', { instanceId: 'Test#1.[3.?]!/x' }, 'Test#1.[3.?]!/x'],
    ['is made of host and metadata for old Spring clients', { instanceId: undefined, metadata: { instanceId: '8080' } }, 'host1:8080'],
    ['does not get the host twice', { instanceId: undefined, metadata: { instanceId: 'host1:x' } }, 'host1:x'],
    ['is that of AWS', { instanceId: undefined, dataCenterInfo: amazon }, 'i-0abc'],
    ['of metadata beats that of AWS', { instanceId: null, metadata: { instanceId: '1' }, dataCenterInfo: amazon }, 'host1:1'],
    ['is the host name where nothing else is', { instanceId: undefined }, 'host1'],
    ['is the host name where it is empty', { instanceId: '' }, 'host1'],
    ['is the host name where it is blank', { instanceId: ' \t ' }, 'host1'],
  ])('%s', (_name, changes, expected) => {
    expect(readWith(changes).instanceId).toBe(expected);
  });
});

describe('the data centre', () => {
  it.each([
    ['of their own', { name: 'MyOwn' }, 'MyOwn'],
    ['of an unknown class, which is never looked at', { '@class': 'com.acme.Evil', name: 'MyOwn' }, 'MyOwn'],
    ['Netflix', { name: 'Netflix' }, 'Netflix'],
    ['of their own with metadata, as fargo sends it', { name: 'MyOwn', metadata: {} }, 'MyOwn'],
  ])('%s has no metadata', (_name, dataCenterInfo, expected) => {
    const info = readWith({ dataCenterInfo });
    expect(info.dataCenterName).toBe(expected);
    expect(info.amazonMetadata).toBeUndefined();
  });

  it('of AWS has metadata and an instance id, whatever class and metadata the client sent', () => {
    const read = (dataCenterInfo: unknown) => Object.fromEntries(readWith({ dataCenterInfo }).amazonMetadata ?? []);
    expect(read({ name: 'Amazon', metadata: { 'instance-id': 'i-1', 'local-ipv4': '10.0.0.1' } })).toEqual({
      'instance-id': 'i-1',
      'local-ipv4': '10.0.0.1',
    });
    expect(read({ '@class': LEAST.dataCenterInfo['@class'], name: 'Amazon' })).toEqual({ 'instance-id': LEAST.instanceId });
    expect(read({ name: 'Amazon', metadata: { 'instance-id': '' } })).toEqual({ 'instance-id': LEAST.instanceId });
  });
});

describe('a registration is refused', () => {
  const blank = { instanceId: '', hostName: '', ipAddr: '', app: '', dataCenterInfo: undefined };
  const rows: readonly [string, Readonly<Record<string, unknown>>, string][] = [
    ['without any name for it', blank, 'Missing instanceId'],
    ['without a host name', { ...blank, instanceId: 'i' }, 'Missing hostname'],
    ['without an address', { ...blank, instanceId: 'i', hostName: 'h' }, 'Missing ip address'],
    ['without an application', { ...blank, instanceId: 'i', hostName: 'h', ipAddr: '1' }, 'Missing appName'],
    ['without a data centre', { dataCenterInfo: undefined }, 'Missing dataCenterInfo'],
    ['with null for a data centre', { dataCenterInfo: null }, 'Missing dataCenterInfo'],
    ['with a list for a data centre', { dataCenterInfo: [] }, 'Missing dataCenterInfo'],
    ['without the name of its data centre', { dataCenterInfo: {} }, 'Missing dataCenterInfo Name'],
    ['with a data centre that nobody knows', { dataCenterInfo: { name: 'Azure' } }, '{"error": "cannot parse request body"}'],
    ['with an object for a host name', { hostName: {} }, 'Missing hostname'],
  ];
  it.each(rows)('%s, in the words of the real server', (_name, changes, message) => {
    const refused = refusal(() => readWith(changes));
    expect([refused.status, refused.message]).toEqual([400, message]);
  });

  it.each(['instanceId', 'hostName', 'ipAddr', 'app'])('with a control character or too many characters in %s', (key) => {
    for (const bad of ['a\u0000b', 'a\nb', 'a\u007fb', 'a\u001f']) {
      expect(refusal(() => readWith({ [key]: bad })).message).toMatch(/control characters/);
    }
    const longest = 'X'.repeat(EUREKA_LIMITS.nameLength);
    expect(readWith({ [key]: longest })).toMatchObject({ [key]: longest });
    expect(refusal(() => readWith({ [key]: `${longest}X` })).message).toContain(String(EUREKA_LIMITS.nameLength));
  });
});

describe('a dirty timestamp', () => {
  it.each([
    ['a number', 1_700_000_000_123, 1_700_000_000_123],
    ['a text', '1700000000123', 1_700_000_000_123],
    ['zero', 0, 0],
    ['the greatest that a double holds exactly', Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
    ['absent', undefined, NOW_MS],
    ['null', null, NOW_MS],
    ['an empty text', '', NOW_MS],
    ['a word', 'yesterday', NOW_MS],
    ['negative', -1, NOW_MS],
    ['a fraction', 1.5, NOW_MS],
    ['more than a double holds exactly', '9007199254740993', NOW_MS],
    ['an object', {}, NOW_MS],
  ])('in a body: %s', (_name, lastDirtyTimestamp, expected) => {
    expect(readWith({ lastDirtyTimestamp }).lastDirtyTimestamp).toBe(expected);
  });

  it.each([
    ['0', 0],
    ['1700000000123', 1_700_000_000_123],
    ['-5', -5],
    [String(Number.MAX_SAFE_INTEGER), Number.MAX_SAFE_INTEGER],
  ])('in a query: %s', (value, expected) => {
    expect(parseTimestamp(value)).toBe(expected);
  });

  it.each(['', ' ', 'abc', '1.5', '1e3', '0x10', '+5', '12 ', '--1', '9007199254740992', '9223372036854775808', '9'.repeat(400)])(
    'in a query is refused: %j',
    (value) => {
      expect(refusal(() => parseTimestamp(value)).status).toBe(400);
    },
  );
});
