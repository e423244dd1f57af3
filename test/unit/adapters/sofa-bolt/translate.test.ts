import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBoxes, encodeBoxes, SOFA_FORMAT } from '../../../../adapters/sofa-bolt/payload.ts';
import { composeAddress, sofaComposer, sofaFormatReader } from '../../../../adapters/sofa-bolt/translate.ts';
import { instanceAt, publisherOf } from '../../core/session/formats.ts';

function read(values: readonly (string | null)[], zone = 'DEFAULT_ZONE') {
  const payload = encodeBoxes(values.map((data) => ({ data })));
  return sofaFormatReader.readInstances({ ...publisherOf(SOFA_FORMAT, 'r', '', { zone }), payload });
}

const seen = (text: string) =>
  read([text]).map(({ host, ports, metadata }) => ({ host, ports: Object.fromEntries(ports), metadata: Object.fromEntries(metadata) }));

describe('SOFA data as an instance', () => {
  it.each([
    ['10.0.0.1:8080', '10.0.0.1', { http: 8080 }, {}],
    ['orders-1.internal:80', 'orders-1.internal', { http: 80 }, {}],
    ['my_host:65535', 'my_host', { http: 65_535 }, {}],
    ['[2001:db8::1]:8080', '2001:db8::1', { http: 8080 }, {}],
    ['  10.0.0.1:8080\n', '10.0.0.1', { http: 8080 }, {}],
    ['10.0.0.1:8080?version=2&colour=blue', '10.0.0.1', { http: 8080 }, { version: '2', colour: 'blue' }],
    ['http://10.0.0.1:8080', '10.0.0.1', { http: 8080 }, {}],
    ['http://10.0.0.1:8080/', '10.0.0.1', { http: 8080 }, {}],
    ['http://10.0.0.1:8080/shop/api?version=2', '10.0.0.1', { http: 8080 }, { version: '2', path: '/shop/api' }],
    ['HTTPS://10.0.0.1:8443', '10.0.0.1', { https: 8443 }, {}],
    ['rest://10.0.0.1:8341', '10.0.0.1', { http: 8341 }, {}],
    ['10.0.0.1:8443?secure=true', '10.0.0.1', { https: 8443 }, { secure: 'true' }],
    ['10.0.0.1:8443?protocol=https', '10.0.0.1', { https: 8443 }, { protocol: 'https' }],
    ['10.0.0.1:80?a=1%262&b=x+y&c=%zz&d&=e&a=3', '10.0.0.1', { http: 80 }, { a: '1&2', b: 'x+y', c: '%zz', d: '' }],
    ['10.0.0.1:80?__proto__=x', '10.0.0.1', { http: 80 }, Object.fromEntries([['__proto__', 'x']])],
  ])('%s', (text, host, ports, metadata) => {
    expect(seen(text)).toEqual([{ host, ports, metadata }]);
  });

  it.each([
    'plain text',
    '',
    '10.0.0.1',
    '10.0.0.1:0',
    '10.0.0.1:65536',
    '10.0.0.1:80 10.0.0.2:80',
    ':8080',
    'http://:8080',
    'http://user:secret@10.0.0.1:8080',
    'bolt://10.0.0.1:12200',
    'dubbo://10.0.0.1:20880/com.acme.Pay?version=1.0',
    'tri://10.0.0.1:50051',
    'ftp://10.0.0.1:21',
    '10.0.0.1:20880?protocol=dubbo',
    '10.0.0.1:12200?rpcVer=50803&serialization=hessian2&weight=100&v=4.0',
    '10.0.0.1:12200?_SERIALIZETYPE=1',
    '{"host":"10.0.0.1","port":8080}',
    `10.0.0.1:8080?x=${'y'.repeat(8_192)}`,
  ])('%s is opaque', (text) => {
    expect(seen(text)).toEqual([]);
  });

  it('is each value of a publisher that is an address', () => {
    expect(read(['10.0.0.1:80', null, 'opaque', '10.0.0.2:80']).map((instance) => instance.host)).toEqual(['10.0.0.1', '10.0.0.2']);
  });

  it('has the weight of its parameter, 1 without a good one', () => {
    const weights = ['10.0.0.1:80?weight=5', '10.0.0.1:80?weight=0', '10.0.0.1:80?weight=-1', '10.0.0.1:80?weight=x'];
    expect(read(weights).map((instance) => instance.weight)).toEqual([5, 0, 1, 1]);
  });

  it('has the zone of its publisher; the default zone is none', () => {
    expect(read(['10.0.0.1:80'], 'EAST')[0]?.zone).toBe('EAST');
    expect(read(['10.0.0.1:80'])[0]?.zone).toBe('');
  });

  it('does not come of a damaged payload', () => {
    expect(sofaFormatReader.readInstances({ ...publisherOf(SOFA_FORMAT, 'r', ''), payload: Uint8Array.of(0x56, 0xff) })).toEqual([]);
  });
});

describe('an instance as SOFA data', () => {
  it.each([
    ['an address', { http: 8080 }, {}, '10.0.0.1:8080'],
    ['its metadata, sorted', { http: 80 }, { metadata: { b: '2', a: '1' } }, '10.0.0.1:80?a=1&b=2'],
    [
      'escaped',
      { http: 80 },
      { metadata: { 'a b': 'x&y=z+ü', url: 'http://h:1/p' } },
      '10.0.0.1:80?a%20b=x%26y%3Dz%2B%C3%BC&url=http://h:1/p',
    ],
    ['a weight other than 1', { http: 80 }, { weight: 5 }, '10.0.0.1:80?weight=5'],
    ['TLS only', { https: 443 }, {}, '10.0.0.1:443?secure=true'],
    ['the plain one of two ports', { http: 80, https: 443 }, {}, '10.0.0.1:80'],
    ['IPv6', { http: 80 }, { host: '2001:db8::1' }, '[2001:db8::1]:80'],
    ['no key that is empty', { http: 80 }, { metadata: { '': 'x' } }, '10.0.0.1:80'],
    ['not of one that is out of service', { http: 80 }, { enabled: false }, undefined],
    ['not of one that is down', { http: 80 }, { healthy: false }, undefined],
    ['not of one without HTTP', { dubbo: 20_880 }, {}, undefined],
  ])('%s', (_, ports, { metadata, ...changes }: { metadata?: Record<string, string> } & object, text) => {
    const all = { ...changes, metadata: new Map(Object.entries(metadata ?? {})) };
    expect(composeAddress(instanceAt('10.0.0.1', ports as unknown as Record<string, number>, all))).toBe(text);
  });

  it('is one value, known by its address', () => {
    const [composed, ...more] = sofaComposer.compose(instanceAt('10.0.0.1', { http: 80 }), publisherOf('eureka', 'e', ''));
    expect(more).toEqual([]);
    expect(composed?.registerId).toBe('10.0.0.1:80');
    expect(decodeBoxes(composed?.payload ?? new Uint8Array())).toEqual([{ data: '10.0.0.1:80' }]);
    expect(sofaComposer.compose(instanceAt('10.0.0.1', { http: 80 }, { enabled: false }), publisherOf('eureka', 'e', ''))).toEqual([]);
  });

  it('reads back as what it was', () => {
    const texts = fc.string({ unit: 'grapheme', maxLength: 20 });
    const entries = fc.uniqueArray(fc.tuple(texts, texts), { selector: ([key]) => key, maxLength: 6 });
    fc.assert(
      fc.property(entries, (pairs) => {
        const metadata = new Map(
          pairs.filter(([key]) => !['', 'secure', 'protocol', 'weight', 'rpcVer', 'serialization', '_SERIALIZETYPE'].includes(key)),
        );
        const text = composeAddress(instanceAt('10.0.0.1', { http: 80 }, { metadata })) ?? '';
        expect(new Map(read([text])[0]?.metadata)).toEqual(metadata);
      }),
    );
  });

  it('never throws, whatever the metadata', () => {
    expect(composeAddress(instanceAt('10.0.0.1', { http: 80 }, { metadata: new Map([['\ud800', '\udc00']]) }))).toBe(
      '10.0.0.1:80?%EF%BF%BD=%EF%BF%BD',
    );
  });
});
