import { describe, expect, it } from 'vitest';
import { BoltClass } from '../../../../../adapters/sofa-bolt/codec/class-names.ts';
import { FrameReader } from '../../../../../adapters/sofa-bolt/codec/frame-reader.ts';
import { HessianClass, HessianWriter } from '../../../../../adapters/sofa-bolt/codec/hessian-writer.ts';
import {
  decodeConfiguratorRegister,
  decodePublisherRegister,
  decodeRegisterResponse,
  decodeResult,
  decodeSubscriberRegister,
  encodePublisherRegister,
  encodeRegisterResponse,
  type PublisherRegister,
} from '../../../../../adapters/sofa-bolt/codec/messages.ts';
import {
  decodeMultiReceivedData,
  decodeReceivedConfigData,
  decodeReceivedData,
  encodeMultiReceivedData,
  encodeReceivedConfigData,
  encodeReceivedData,
  encodeReceivedDataHead,
  encodeReceivedDataTail,
  type MultiReceivedData,
  type ReceivedData,
} from '../../../../../adapters/sofa-bolt/codec/received-data.ts';
import {
  bytesOf,
  codeOf,
  contentOf,
  HESSIAN_VECTORS,
  hexOf,
  type Json,
  MESSAGES,
  RECORDINGS,
  type RecordedFrame,
  seededRandom,
  TOLERANCE_VECTORS,
  withoutMapType,
} from './vectors.ts';

/** Fields of the newest version, where older ones have fewer. */
const NEWEST_FIELDS = new Map<string, number>([
  [BoltClass.SubscriberRegister, 18],
  [BoltClass.ReceivedData, 10],
]);

/** Whether a message has the fields that we write, and its counts are those of its data, which the reference server left out. */
function isOurs({ className, content }: RecordedFrame['parsed']): boolean {
  const fields = Object.keys(content ?? {}).length - 1;
  const isCounted = zoneCount(content?.['data']) === zoneCount(content?.['dataCount']);
  return fields === (NEWEST_FIELDS.get(className) ?? fields) && (className !== BoltClass.ReceivedData || isCounted);
}

function zoneCount(map: Json | undefined): number {
  return (map as { readonly $map: readonly Json[] } | undefined)?.$map.length ?? 0;
}

const RECEIVED: ReceivedData = {
  dataId: 'com.example.HelloService:1.0@DEFAULT',
  group: 'SOFA',
  instanceId: 'DEFAULT_INSTANCE_ID',
  segment: 'DefaultDataCenter',
  scope: 'global',
  version: 8035000000000000n,
  localZone: 'DEFAULT_ZONE',
  subscriberRegistIds: ['9f1c2d3e-0000-4000-8000-000000000002'],
  data: new Map([['DEFAULT_ZONE', [{ data: 'bolt://10.0.0.1:12200?weight=100' }, { data: 'bolt://10.0.0.2:12200' }]]]),
};

function tolerated(name: string): Uint8Array {
  return bytesOf(TOLERANCE_VECTORS.find((vector) => vector.name === name)?.hex ?? '');
}

function content(className: BoltClass, fields: readonly string[], write: (writer: HessianWriter) => void): Uint8Array {
  const writer = new HessianWriter().object(new HessianClass(className, fields));
  write(writer);
  return writer.finish();
}

describe('messages that Java wrote', () => {
  const known = HESSIAN_VECTORS.flatMap((vector) => {
    const message = MESSAGES.get(String((vector.decoded as Record<string, unknown> | null)?.['$class']));
    return message === undefined ? [] : [[vector.name, vector.hex, message] as const];
  });

  it.each(known)('%s is written as it was read, byte for byte', (name, hex, message) => {
    // Collections.EMPTY_MAP names its class, which we never do; everything else is the message without data.
    expect(hexOf(message.reencode(bytesOf(hex)))).toBe(
      name === 'ReceivedData.emptyMapClass' ? hexOf(contentOf('ReceivedData.empty')) : hex,
    );
  });

  for (const { file, frames } of RECORDINGS) {
    it(`in ${file} are read, and written as they were unless their sender has fewer fields or does not count`, () => {
      for (const { hex, parsed } of frames) {
        const message = MESSAGES.get(parsed.className);
        if (message === undefined) continue;
        const [frame] = new FrameReader().push(bytesOf(hex));
        const recorded = frame?.content ?? expect.unreachable();
        const written = message.reencode(recorded);
        expect(message.decode(written)).toStrictEqual(message.decode(recorded));
        if (isOurs(parsed)) expect(hexOf(written)).toBe(withoutMapType(hexOf(recorded)));
      }
    });
  }

  it('have the values that Java prints', () => {
    expect({ ...decodePublisherRegister(contentOf('PublisherRegister.register')) }).toStrictEqual({
      instanceId: null,
      zone: 'DEFAULT_ZONE',
      appName: 'demo-app',
      dataId: 'com.example.HelloService:1.0@DEFAULT',
      group: 'SOFA',
      processId: null,
      registId: '9f1c2d3e-0000-4000-8000-000000000001',
      clientId: null,
      dataInfoId: null,
      ip: null,
      port: null,
      eventType: 'REGISTER',
      version: 1n,
      timestamp: 1700000000000n,
      attributes: new Map(),
      dataList: [{ data: 'bolt://10.0.0.1:12200?weight=100' }, { data: 'bolt://10.0.0.2:12200' }],
    });
    expect(decodePublisherRegister(contentOf('PublisherRegister.unregister'))).toMatchObject({
      eventType: 'UNREGISTER',
      version: 2n,
      dataList: null,
    });
    expect(decodeSubscriberRegister(contentOf('SubscriberRegister.register'))).toMatchObject({
      scope: 'global',
      acceptEncoding: null,
      acceptMulti: false,
    });
    expect(decodeConfiguratorRegister(contentOf('ConfiguratorRegister.register'))).toMatchObject({
      version: 0n,
      attributes: new Map([['k', 'v']]),
    });
    expect(decodeReceivedData(contentOf('ReceivedData'))).toStrictEqual(RECEIVED);
    expect(decodeReceivedConfigData(contentOf('ReceivedConfigData.nullBox'))).toMatchObject({ version: 8035000000000001n, dataBox: null });
    expect(decodeResult(contentOf('Result.fail'))).toStrictEqual({ success: false, message: '' });
  });
});

describe('what decoders forgive and what they do not', () => {
  it('missing fields and nulls are the defaults of Java', () => {
    const response = { success: true, registId: null, version: 3n, refused: false, message: null };
    expect(decodeRegisterResponse(tolerated('partial'))).toStrictEqual(response);
    expect(decodeRegisterResponse(tolerated('nullprims'))).toStrictEqual({ ...response, registId: 'x', version: 0n });
    expect(decodeRegisterResponse(tolerated('mapform'))).toStrictEqual({ ...response, registId: 'id1', version: 7n });
    const publisher = decodePublisherRegister(content(BoltClass.PublisherRegister, [], () => undefined));
    expect(publisher).toMatchObject({ dataId: null, port: null, version: 0n, dataList: null, attributes: new Map() });
  });

  it('unknown fields are skipped, in any order, and ints and longs stand for each other', () => {
    const bytes = content(BoltClass.ConfiguratorRegister, ['port', 'later', 'version'], (writer) =>
      writer
        .long(12200n)
        .list(['x'], (text) => writer.text(text))
        .int(7),
    );
    expect(decodeConfiguratorRegister(bytes)).toMatchObject({ port: 12200, version: 7n });
  });

  it('an attribute without a value is empty', () => {
    const bytes = content(BoltClass.ConfiguratorRegister, ['attributes'], (writer) =>
      writer.map(new Map([['k', null]]), (value) => writer.text(value)),
    );
    expect(decodeConfiguratorRegister(bytes).attributes).toEqual(new Map([['k', '']]));
  });

  const texts = (writer: HessianWriter) => writer.list(['x'], (text) => writer.text(text));
  const mapOf = (writer: HessianWriter, write: () => void) => writer.map(new Map([['zone', 0]]), write);
  it.each([
    ['a number for a text', BoltClass.PublisherRegister, 'dataId', (writer: HessianWriter) => writer.int(1)],
    ['a text for a long', BoltClass.PublisherRegister, 'version', (writer: HessianWriter) => writer.text('1')],
    ['a fraction for a long', BoltClass.PublisherRegister, 'version', (writer: HessianWriter) => writer.double(1.5)],
    ['a text for an int', BoltClass.PublisherRegister, 'port', (writer: HessianWriter) => writer.text('1')],
    ['a long for an int', BoltClass.PublisherRegister, 'port', (writer: HessianWriter) => writer.long(2n ** 32n)],
    ['a list of texts for boxes', BoltClass.PublisherRegister, 'dataList', texts],
    ['a text for boxes', BoltClass.PublisherRegister, 'dataList', (writer: HessianWriter) => writer.text('x')],
    ['a null for a box', BoltClass.PublisherRegister, 'dataList', (writer: HessianWriter) => writer.list([0], () => writer.null())],
    [
      'another object for a box',
      BoltClass.PublisherRegister,
      'dataList',
      (writer: HessianWriter) => writer.list([0], () => writer.object(new HessianClass(BoltClass.PublisherRegister, [])).null()),
    ],
    [
      'a number in a box',
      BoltClass.PublisherRegister,
      'dataList',
      (writer: HessianWriter) => writer.list([0], () => writer.object(new HessianClass(BoltClass.DataBox, ['data'])).int(1)),
    ],
    ['a list for attributes', BoltClass.PublisherRegister, 'attributes', texts],
    ['a number for an attribute', BoltClass.PublisherRegister, 'attributes', (writer: HessianWriter) => mapOf(writer, () => writer.int(1))],
    ['a text for a boolean', BoltClass.SubscriberRegister, 'acceptMulti', (writer: HessianWriter) => writer.text('true')],
    ['a text for a list of ids', BoltClass.ReceivedData, 'subscriberRegistIds', (writer: HessianWriter) => writer.text('x')],
    ['a null for an id', BoltClass.ReceivedData, 'subscriberRegistIds', (writer: HessianWriter) => writer.list([0], () => writer.null())],
    ['a list for zones', BoltClass.ReceivedData, 'data', texts],
    ['a null for the boxes of a zone', BoltClass.ReceivedData, 'data', (writer: HessianWriter) => mapOf(writer, () => writer.null())],
    ['a list for segments', BoltClass.MultiReceivedData, 'multiData', texts],
    ['a text for a segment', BoltClass.MultiReceivedData, 'multiData', (writer: HessianWriter) => mapOf(writer, () => writer.text('x'))],
    [
      'a text for bytes',
      BoltClass.MultiReceivedData,
      'multiData',
      (writer: HessianWriter) => mapOf(writer, () => writer.object(new HessianClass(BoltClass.MultiSegmentData, ['zipData'])).text('x')),
    ],
  ])('%s is refused by the name of its field', (_, className, field, write) => {
    const decode = MESSAGES.get(className)?.decode ?? expect.unreachable();
    const bytes = content(className, [field], write);
    expect(codeOf(() => decode(bytes))).toBe('invalid-argument');
    expect(() => decode(bytes)).toThrow(/zipData|\.\w+ is not/);
  });

  it('every decoder refuses the contents of every other message, and values that are no object', () => {
    for (const [className, { decode }] of MESSAGES) {
      for (const [other] of MESSAGES) {
        const bytes = content(other as BoltClass, [], () => undefined);
        expect(codeOf(() => decode(bytes))).toBe(other === className ? 'a value' : 'invalid-argument');
      }
      for (const hex of ['4e', '0161', '4d7a', '567a']) expect(codeOf(() => decode(bytesOf(hex)))).toBe('invalid-argument');
    }
  });
});

describe('pushed data', () => {
  it('is the head of a connection and the tail that all share, together byte for byte the whole', () => {
    const { data, ...head } = RECEIVED;
    const tail = encodeReceivedDataTail(data);
    expect(hexOf(Buffer.concat([encodeReceivedDataHead(head), tail]))).toBe(hexOf(contentOf('ReceivedData')));
    for (const subscriberRegistIds of [[], ['a'], Array.from({ length: 300 }, (_, index) => `subscriber-${index}-é`)]) {
      for (const localZone of ['DEFAULT_ZONE', 'other', null]) {
        const message = { ...RECEIVED, subscriberRegistIds, localZone };
        const whole = Buffer.concat([encodeReceivedDataHead(message), tail]);
        expect(hexOf(whole)).toBe(hexOf(encodeReceivedData(message)));
        expect(decodeReceivedData(whole)).toStrictEqual(message);
      }
    }
  });

  it('has a small head whatever the size of the data, and a tail that keeps no spare memory', () => {
    const data = new Map([['DEFAULT_ZONE', Array.from({ length: 1000 }, (_, index) => ({ data: `bolt://10.0.0.1:${index}?weight=100` }))]]);
    const tail = encodeReceivedDataTail(data);
    expect(tail.length).toBeGreaterThan(20_000);
    expect(tail.buffer.byteLength).toBe(tail.length);
    expect(encodeReceivedDataHead(RECEIVED).length).toBeLessThan(350);
    expect(decodeReceivedData(encodeReceivedData({ ...RECEIVED, data })).data).toEqual(data);
  });

  it('without data is the empty first push that Java writes, and null is told from empty', () => {
    const empty = { ...RECEIVED, version: 1n, data: new Map() };
    expect(hexOf(encodeReceivedData(empty))).toBe(hexOf(contentOf('ReceivedData.empty')));
    expect(decodeReceivedData(encodeReceivedData({ ...empty, data: null })).data).toBeNull();
  });

  it('with several segments comes back as it was', () => {
    const message: MultiReceivedData = {
      dataId: 'd',
      group: 'g',
      instanceId: 'i',
      scope: 'global',
      localSegment: 'one',
      localZone: null,
      subscriberRegistIds: ['a', 'b'],
      multiData: new Map([
        ['one', { segment: 'one', encoding: null, version: 9007199254740993n, zipData: null, unzipData: RECEIVED.data }],
        ['two', { segment: 'two', encoding: 'zstd', version: -1n, zipData: Buffer.alloc(40_000, 7), unzipData: null }],
      ]),
    };
    expect(decodeMultiReceivedData(encodeMultiReceivedData(message))).toStrictEqual(message);
  });

  it('of a configuration tells no box from a box without data', () => {
    const message = { dataId: 'd', group: 'g', instanceId: 'i', version: 2n, configuratorRegistIds: ['c'], dataBox: { data: null } };
    expect(decodeReceivedConfigData(encodeReceivedConfigData(message))).toStrictEqual(message);
    expect(decodeReceivedConfigData(encodeReceivedConfigData({ ...message, dataBox: null })).dataBox).toBeNull();
  });
});

describe('random registers', () => {
  it('come back as they were, with every kind of text, port, version and list', () => {
    const random = seededRandom(11);
    const pick = (most: number) => Math.floor(random() * most);
    const text = () => String.fromCharCode(...Array.from({ length: pick(50) }, () => pick(0x10000)));
    const textOrNull = () => (random() < 0.3 ? null : text());
    for (let run = 0; run < 500; run += 1) {
      const message: PublisherRegister = {
        instanceId: textOrNull(),
        zone: textOrNull(),
        appName: textOrNull(),
        dataId: textOrNull(),
        group: textOrNull(),
        processId: textOrNull(),
        registId: textOrNull(),
        clientId: textOrNull(),
        dataInfoId: textOrNull(),
        ip: textOrNull(),
        port: random() < 0.3 ? null : pick(65_536) - 100,
        eventType: textOrNull(),
        version: BigInt.asIntN(1 + pick(64), BigInt(pick(2 ** 53)) * 4099n),
        timestamp: BigInt(pick(2 ** 53)),
        attributes: new Map(Array.from({ length: pick(5) }, () => [text(), text()])),
        dataList: random() < 0.2 ? null : Array.from({ length: pick(5) }, () => ({ data: textOrNull() })),
      };
      expect({ ...decodePublisherRegister(encodePublisherRegister(message)) }).toStrictEqual(message);
    }
  });

  it('versions beyond 2^53 are answered exactly', () => {
    const version = 9007199254740993n;
    expect(
      decodeRegisterResponse(encodeRegisterResponse({ success: true, registId: 'r', version, refused: false, message: null })).version,
    ).toBe(version);
  });
});
