import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type InstanceInfo, readInstanceInfo, type Tree } from '../../../../../adapters/eureka/codec/instance-info.ts';
import { escapeXml, escapeXmlName, parseXmlBody, toXmlInstance, unescapeXmlName } from '../../../../../adapters/eureka/codec/xml.ts';
import { EUREKA_LIMITS } from '../../../../../adapters/eureka/limits.ts';
import { FULL, NOW_MS, readWith, refusal } from '../fixtures.ts';

function read(xml: string, nowMs = NOW_MS): InstanceInfo {
  return readInstanceInfo(parseXmlBody(xml)['instance'] as Tree, nowMs);
}

function roundTrip(info: InstanceInfo): InstanceInfo {
  return read(toXmlInstance(info), info.lastUpdatedTimestamp);
}

/** The least registration in XML, with more elements in it. */
function least(more = ''): string {
  return `<instance><instanceId>i1</instanceId><hostName>host1</hostName><app>demo</app><ipAddr>10.0.0.1</ipAddr><dataCenterInfo><name>MyOwn</name></dataCenterInfo>${more}</instance>`;
}

describe('an instance in XML', () => {
  it('is written element by element as XStream does', () => {
    expect(toXmlInstance(readInstanceInfo(FULL, NOW_MS))).toBe(
      [
        '<instance>',
        '<instanceId>host1:demo-service:8080</instanceId>',
        '<hostName>host1</hostName>',
        '<app>DEMO-SERVICE</app>',
        '<ipAddr>10.0.0.1</ipAddr>',
        '<status>UP</status>',
        '<overriddenstatus>UNKNOWN</overriddenstatus>',
        '<port enabled="true">8080</port>',
        '<securePort enabled="false">8443</securePort>',
        '<countryId>1</countryId>',
        '<dataCenterInfo class="com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo"><name>MyOwn</name></dataCenterInfo>',
        '<leaseInfo><renewalIntervalInSecs>10</renewalIntervalInSecs><durationInSecs>25</durationInSecs>',
        '<registrationTimestamp>0</registrationTimestamp><lastRenewalTimestamp>0</lastRenewalTimestamp>',
        '<evictionTimestamp>0</evictionTimestamp><serviceUpTimestamp>0</serviceUpTimestamp></leaseInfo>',
        '<metadata><zone>z1</zone><management.port>8080</management.port></metadata>',
        '<appGroupName>GROUP</appGroupName>',
        '<homePageUrl>http://host1:8080/</homePageUrl>',
        '<statusPageUrl>http://host1:8080/actuator/info</statusPageUrl>',
        '<healthCheckUrl>http://host1:8080/actuator/health</healthCheckUrl>',
        '<secureHealthCheckUrl>https://host1:8443/actuator/health</secureHealthCheckUrl>',
        '<vipAddress>demo-service</vipAddress>',
        '<secureVipAddress>demo-service-secure</secureVipAddress>',
        '<isCoordinatingDiscoveryServer>false</isCoordinatingDiscoveryServer>',
        `<lastUpdatedTimestamp>${NOW_MS}</lastUpdatedTimestamp>`,
        '<lastDirtyTimestamp>1700000000123</lastDirtyTimestamp>',
        '<actionType>ADDED</actionType>',
        '<asgName>asg-1</asgName>',
        '</instance>',
      ].join(''),
    );
  });

  it('has the element of an empty map for no metadata, and no empty elements', () => {
    const xml = toXmlInstance(readWith({}));
    expect(xml).toContain('<metadata class="java.util.Collections$EmptyMap"/>');
    expect(xml).not.toMatch(/<(\w+)[^>]*><\/\1>/);
  });

  it('has the class of AWS and its metadata for AWS', () => {
    const info = readWith({ dataCenterInfo: { name: 'Amazon', metadata: { 'instance-id': 'i-1' } } });
    expect(toXmlInstance(info)).toContain(
      '<dataCenterInfo class="com.netflix.appinfo.AmazonInfo"><name>Amazon</name><metadata><instance-id>i-1</instance-id></metadata></dataCenterInfo>',
    );
  });
});

describe('names of metadata in XML', () => {
  const rows: readonly [string, string][] = [
    ['weird key $_1', 'weird_.0020key_.0020_-__1'],
    ['1a', '_.0031a'],
    ['-x', '_.002dx'],
    ['.x', '_.002ex'],
    ['a/b', 'a_.002fb'],
    ['@class', '_.0040class'],
    ['a_b$c', 'a__b_-c'],
    ['é', 'é'],
    ['中', '中'],
    ['a.b-c', 'a.b-c'],
    ['a:b', 'a_.003ab'],
    ['😀', '_.d83d_.de00'],
    ['_.0041', '__.0041'],
    ['<x>', '_.003cx_.003e'],
  ];
  it.each(rows)('%s is written %s and read back', (key, name) => {
    expect(escapeXmlName(key)).toBe(name);
    expect(unescapeXmlName(name)).toBe(key);
  });

  it('lose what XML cannot hold', () => {
    expect(escapeXmlName('a\u0000\ud800\uffffb')).toBe('ab');
  });

  it('come back whatever they are', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme-ascii', minLength: 1 }), (key) => {
        const name = escapeXmlName(key);
        expect(name).toMatch(/^[A-Za-z_][A-Za-z0-9_.-]*$/);
        expect(unescapeXmlName(name)).toBe(key);
      }),
      { seed: 42, numRuns: 1_000 },
    );
  });
});

describe('texts in XML', () => {
  it.each([
    ['markup', '<a href="x">&</a>', '&lt;a href=&quot;x&quot;&gt;&amp;&lt;/a&gt;'],
    ['the end of CDATA', ']]>', ']]&gt;'],
    ['what is escaped already', '&amp;', '&amp;amp;'],
    ['control characters, which XML cannot hold', 'a\u0000\u0001\u000b\u001fb', 'ab'],
    ['tab and line feed', 'a\t\nb', 'a\t\nb'],
    ['lone surrogates', 'a\ud800b\udc00c', 'abc'],
    ['a pair of surrogates', '😀', '😀'],
    ['characters that are none', '\ufffe\uffff', ''],
  ])('escape %s', (_name, text, expected) => {
    expect(escapeXml(text)).toBe(expected);
  });
});

describe('an instance that is written in XML and read again', () => {
  it.each([
    ['with everything set', { ...FULL, sid: undefined }],
    ['with the least set', {}],
    ['of AWS', { dataCenterInfo: { name: 'Amazon', metadata: { 'instance-id': 'i-1', 'availability-zone': 'us-east-1a' } } }],
    ['with markup', { metadata: { '<k a="b">': '</metadata>&amp;\'"<![CDATA[x]]>' }, homePageUrl: 'http://h/?a=<b>&c="d"' }],
    ['with letters of all kinds', { instanceId: '中é😀', hostName: 'münchen', metadata: { ключ: '値 😀' } }],
    ['with odd names in metadata', { metadata: { 'weird key $_1': '1', '1a': '2', 'a:b': '3', '@id': '4', __proto: '5', _: '6' } }],
    ['with spaces and lines in metadata', { metadata: { a: ' two  spaces ', b: '\r\n\t', c: '' } }],
    ['with the names of fields in metadata', { metadata: { port: '1', securePort: '2', metadata: '3', leaseInfo: '4' } }],
    ['with members of objects as metadata', { metadata: JSON.parse('{"__proto__":"p","constructor":"c"}') as Tree }],
    ['with both ports', { port: { $: 1, '@enabled': 'false' }, securePort: { $: 2, '@enabled': 'true' } }],
    ['out of service', { status: 'OUT_OF_SERVICE', overriddenStatus: 'OUT_OF_SERVICE' }],
  ])('is the same: %s', (_name, changes) => {
    const info = readWith(changes);
    expect(roundTrip(info)).toEqual(info);
  });

  it('is the same for any metadata of printable texts', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 30 });
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string({ unit: 'grapheme-ascii', minLength: 1 }), text), { maxLength: 10 }), (pairs) => {
        const info = readWith({ metadata: Object.fromEntries(pairs.map(([key, value]) => [`k${key}`, value])) });
        expect(roundTrip(info)).toEqual(info);
      }),
      { seed: 43, numRuns: 300 },
    );
  });
});

describe('an XML body', () => {
  const plain = read(least());

  it.each([
    ['with a declaration', `<?xml version="1.0" encoding="UTF-8"?>\n${least()}`],
    ['with a byte order mark', `\ufeff${least()}`],
    ['with white space and comments', least('\n  <!-- x -->\n').replaceAll('><', '>\n  <')],
    ['with a namespace at its root', least().replace('<instance>', '<instance xmlns="urn:x" xmlns:a="urn:a">')],
    ['with a prefix at its root', least().replaceAll('instance>', 'a:instance>').replace('<a:instance>', '<a:instance xmlns:a="urn:a">')],
    ['with CDATA', least().replace('host1', '<![CDATA[host1]]>')],
    ['with a processing instruction', `<?x y?>${least()}`],
    ['with unknown elements, nested ones, too', least('<more><a><b>1</b></a></more><other x="y"/>')],
    ['with a class at the data centre', least().replace('<dataCenterInfo>', '<dataCenterInfo class="com.acme.X">')],
    ['with metadata at the data centre, as fargo', least().replace('</name></dataCenterInfo>', '</name><metadata/></dataCenterInfo>')],
    ['with an empty lease', least('<leaseInfo/>')],
    ['with a lease of zeros, as fargo', least('<leaseInfo><durationInSecs>0</durationInSecs></leaseInfo>')],
    ['with empty metadata', least('<metadata/>')],
    ['with the class of empty metadata', least('<metadata class="java.util.Collections$EmptyMap"/>')],
    ['with an empty override', least('<overriddenstatus/>')],
    ['with an empty timestamp', least('<lastDirtyTimestamp/>')],
  ])('is read %s', (_name, body) => {
    expect(read(body)).toEqual(plain);
  });

  it.each([
    ['a port', '<port>8080</port>', { port: { number: 8080, enabled: true } }],
    ['a port that is disabled', '<port enabled="false"> 8080 </port>', { port: { number: 8080, enabled: false } }],
    ['a port for TLS', '<securePort>8443</securePort>', { securePort: { number: 8443, enabled: false } }],
    ['a port for TLS that is enabled', '<securePort enabled="true">8443</securePort>', { securePort: { number: 8443, enabled: true } }],
    ['a status in lower case', '<status>starting</status>', { status: 'STARTING' }],
    ['a status that is none', '<status>asleep</status>', { status: 'UNKNOWN' }],
    ['an override', '<overriddenstatus>DOWN</overriddenstatus>', { overriddenStatus: 'DOWN' }],
    ['the five entities', '<asgName>&lt;&gt;&amp;&quot;&apos;</asgName>', { asgName: '<>&"\'' }],
    ['a character by its number', '<asgName>&#65;&#x4e2d;</asgName>', { asgName: 'A中' }],
    [
      'metadata',
      '<metadata><my__key>a&amp;b</my__key><e/></metadata>',
      {
        metadata: new Map([
          ['my_key', 'a&b'],
          ['e', ''],
        ]),
      },
    ],
    ['a timestamp', '<lastDirtyTimestamp>5</lastDirtyTimestamp>', { lastDirtyTimestamp: 5 }],
  ])('says %s', (_name, more, expected) => {
    expect(read(least(more))).toMatchObject(expected);
  });

  it('without an application is refused in the words of the real server', () => {
    expect(refusal(() => read(least().replace('<app>demo</app>', ''))).message).toBe('Missing appName');
  });

  it('with a data centre that nobody knows is refused', () => {
    expect(refusal(() => read(least().replace('MyOwn', 'Azure'))).status).toBe(400);
  });

  const expansion = Array.from({ length: 9 }, (_, i) => `<!ENTITY l${i + 1} "${`&l${i};`.repeat(10)}">`).join('');
  it.each([
    ['nothing', ''],
    ['text', 'instance'],
    ['JSON', '{"instance":{}}'],
    ['an element without an end', '<instance>'],
    ['an end without a beginning', '</instance>'],
    ['ends in the wrong order', '<instance><a></instance></a>'],
    ['two roots', `${least()}${least()}`],
    ['text behind the root', `${least()}x`],
    ['an attribute without quotes', '<instance a=b/>'],
    ['an attribute twice', '<instance a="1" a="2"/>'],
    ['an unknown entity', least('<asgName>&nbsp;</asgName>')],
    ['a bare ampersand', least('<asgName>a & b</asgName>')],
    ['a character that XML has not', least('<asgName>&#0;</asgName>')],
    ['a document type', `<!DOCTYPE instance>${least()}`],
    ['entities that multiply', `<!DOCTYPE x [<!ENTITY l0 "ha">${expansion}]>${least('<asgName>&l9;</asgName>')}`],
    [
      'one large entity used often',
      `<!DOCTYPE x [<!ENTITY a "${'a'.repeat(50_000)}">]>${least(`<asgName>${'&a;'.repeat(10_000)}</asgName>`)}`,
    ],
    ['a file of the server', `<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>${least('<asgName>&f;</asgName>')}`],
    ['a parameter entity', `<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1:1/x.dtd"> %p;]>${least()}`],
    ['a document type elsewhere', `<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd">${least()}`],
    ['more elements than the limit', least('<x/>'.repeat(EUREKA_LIMITS.nodes))],
    ['deeper nesting than the limit', `${'<x>'.repeat(EUREKA_LIMITS.depth + 1)}${'</x>'.repeat(EUREKA_LIMITS.depth + 1)}`],
    ['nesting without end', '<x>'.repeat(100_000)],
  ])('is refused: %s', (_name, body) => {
    const refused = refusal(() => parseXmlBody(body));
    expect([refused.status, refused.message]).toEqual([400, '<error>cannot parse request body</error>']);
  });

  it('may be nested as deeply as the limit', () => {
    const deep = `${'<x>'.repeat(EUREKA_LIMITS.depth)}v${'</x>'.repeat(EUREKA_LIMITS.depth)}`;
    expect(parseXmlBody(deep)).toHaveProperty('x.x.x');
  });

  it('cannot reach the prototype by the name of an element', () => {
    const tree = parseXmlBody('<instance><__proto__><polluted>yes</polluted></__proto__></instance>');
    expect(Object.keys(tree['instance'] as Tree)).toEqual(['__proto__']);
    expect((tree['instance'] as Tree)['polluted']).toBeUndefined();
    expect(({} as Tree)['polluted']).toBeUndefined();
  });
});
