import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UNPARSABLE } from '../../../../../adapters/eureka/codec/errors.ts';
import { type InstanceInfo, readInstanceInfo, type Tree } from '../../../../../adapters/eureka/codec/instance-info.ts';
import { parseJsonBody, toJsonInstance } from '../../../../../adapters/eureka/codec/json.ts';
import { EUREKA_LIMITS } from '../../../../../adapters/eureka/limits.ts';
import { FULL, LEAST, NOW_MS, readWith, refusal } from '../fixtures.ts';

/** Written, parsed and read again, as another gateway would. */
function roundTrip(info: InstanceInfo): InstanceInfo {
  return readInstanceInfo(parseJsonBody(JSON.stringify(toJsonInstance(info))), info.lastUpdatedTimestamp);
}

const ALWAYS = [
  'instanceId',
  'hostName',
  'app',
  'ipAddr',
  'status',
  'overriddenStatus',
  'port',
  'securePort',
  'countryId',
  'dataCenterInfo',
  'leaseInfo',
  'metadata',
  'isCoordinatingDiscoveryServer',
  'lastUpdatedTimestamp',
  'lastDirtyTimestamp',
  'actionType',
];

describe('an instance in JSON', () => {
  it('has exactly the keys and types that the strictest readers want', () => {
    const { sid: _none, ...expected } = { ...FULL, lastUpdatedTimestamp: String(NOW_MS), lastDirtyTimestamp: '1700000000123' } as Tree;
    expect(toJsonInstance(readInstanceInfo(FULL, NOW_MS))).toStrictEqual(expected);
  });

  it('leaves out what the client did not set, and never has null', () => {
    const written = toJsonInstance(readWith({ status: null, vipAddress: null }));
    expect(Object.keys(written).sort()).toEqual([...ALWAYS].sort());
    expect(JSON.stringify(written)).not.toContain('null');
  });

  it('has a number for the port and a text for its flag, whatever came in', () => {
    for (const port of [8080, '8080', { $: '8080', '@enabled': true }, { $: 8080 }])
      expect(toJsonInstance(readWith({ port }))['port']).toStrictEqual({ $: 8080, '@enabled': 'true' });
  });

  it('has {} for no metadata', () => {
    expect(toJsonInstance(readWith({ metadata: { '@class': 'java.util.Collections$EmptyMap' } }))['metadata']).toStrictEqual({});
  });

  it('has a text for the coordinating flag, from a boolean or a text', () => {
    const written = (flag: unknown) => toJsonInstance(readWith({ isCoordinatingDiscoveryServer: flag }))['isCoordinatingDiscoveryServer'];
    expect([true, 'true', 'TRUE', false, 'no', null].map(written)).toEqual(['true', 'true', 'true', 'false', 'false', 'false']);
  });

  it('drops the sid that means none, and keeps another', () => {
    expect('sid' in toJsonInstance(readWith({ sid: 'na' }))).toBe(false);
    expect(toJsonInstance(readWith({ sid: 's1' }))['sid']).toBe('s1');
  });

  it.each([
    [
      'of their own',
      { name: 'MyOwn', metadata: { a: 'b' }, more: 1 },
      { '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo', name: 'MyOwn' },
    ],
    [
      'of Netflix',
      { '@class': 'com.acme.X', name: 'Netflix' },
      { '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo', name: 'Netflix' },
    ],
    [
      'of AWS under the wrong class',
      { '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo', name: 'Amazon' },
      { '@class': 'com.netflix.appinfo.AmazonInfo', name: 'Amazon', metadata: { 'instance-id': LEAST.instanceId } },
    ],
  ])('writes the data centre %s as its name says', (_name, dataCenterInfo, expected) => {
    expect(toJsonInstance(readWith({ dataCenterInfo }))['dataCenterInfo']).toStrictEqual(expected);
  });
});

describe('an instance that is written and read again', () => {
  it.each([
    ['with everything set', { ...FULL, sid: 's1' }],
    ['with the least set', {}],
    ['of AWS', { dataCenterInfo: { name: 'Amazon', metadata: { 'instance-id': 'i-1', 'availability-zone': 'us-east-1a' } } }],
    ['with markup', { metadata: { '<a href="x">': '</metadata>&amp;\'"' }, homePageUrl: 'http://h/?a=<b>&c="d"' }],
    ['with letters of all kinds', { instanceId: '中é😀', hostName: 'münchen', metadata: { ключ: '値 😀\u2028\u2029' } }],
    ['with control characters in metadata', { metadata: { 'a\u0000\u001f': '\b\f\n\r\t\u007f' } }],
    ['with members of objects as metadata', { metadata: JSON.parse('{"__proto__":"p","constructor":"c","hasOwnProperty":"h"}') as Tree }],
    ['with the greatest timestamp', { lastDirtyTimestamp: Number.MAX_SAFE_INTEGER }],
    ['with a port that is a bare number', { port: 8080, securePort: '8443' }],
  ])('is the same: %s', (_name, changes) => {
    const info = readWith(changes);
    expect(roundTrip(info)).toEqual(info);
  });

  it('is the same for any metadata', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), { maxKeys: 20 }), (metadata) => {
        const info = readWith({ metadata });
        expect(roundTrip(info)).toEqual(info);
      }),
      { seed: 41, numRuns: 300 },
    );
  });

  it('does not let a name of its metadata reach the prototype', () => {
    const info = readWith({ metadata: JSON.parse('{"__proto__":{"polluted":"yes"}}') as Tree });
    const written = toJsonInstance(info)['metadata'] as Tree;
    expect(Object.keys(written)).toEqual(['__proto__']);
    expect(written['polluted']).toBeUndefined();
    expect(({} as Tree)['polluted']).toBeUndefined();
  });
});

describe('a JSON body', () => {
  it('is read with a byte order mark before it', () => {
    expect(parseJsonBody('\ufeff{"instance":{}}')).toEqual({ instance: {} });
  });

  it('takes the last of two equal keys', () => {
    expect(parseJsonBody('{"a":1,"a":2}')).toEqual({ a: 2 });
  });

  it.each([
    ['nothing', ''],
    ['blanks', '  \n'],
    ['half a document', '{"instance":{'],
    ['a word', 'instance'],
    ['null', 'null'],
    ['a list', '[{}]'],
    ['a text', '"x"'],
    ['a number', '1'],
    ['text after the document', '{} x'],
    ['XML', '<instance/>'],
    ['a trailing comma', '{"a":1,}'],
    ['two byte order marks', '\ufeff\ufeff{}'],
  ])('is refused: %s', (_name, body) => {
    const refused = refusal(() => parseJsonBody(body));
    expect([refused.status, refused.message]).toEqual([400, UNPARSABLE]);
  });

  const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
  it('may be nested as deeply as the limit', () => {
    expect(parseJsonBody(nested(EUREKA_LIMITS.depth))).toHaveProperty('a.a.a');
  });

  it.each([
    ['objects', nested(EUREKA_LIMITS.depth + 1)],
    ['lists', `{"a":${'['.repeat(EUREKA_LIMITS.depth)}${']'.repeat(EUREKA_LIMITS.depth)}}`],
    ['half a million lists', '['.repeat(500_000)],
    ['a text with a quote that is escaped before the nesting', `{"\\"":${'['.repeat(EUREKA_LIMITS.depth)}`],
  ])('is refused when it is nested too deeply: %s', (_name, body) => {
    expect(refusal(() => parseJsonBody(body)).status).toBe(400);
  });

  it('may hold brackets in texts without end', () => {
    const text = `${'[{'.repeat(1_000)}\\"${'[{'.repeat(1_000)}`;
    expect(parseJsonBody(JSON.stringify({ [text]: text }))).toEqual({ [text]: text });
  });
});
