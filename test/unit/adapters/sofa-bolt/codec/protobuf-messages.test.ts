import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BOLT_LIMITS } from '../../../../../adapters/sofa-bolt/codec/limits.ts';
import {
  encodeMultiReceivedDataPb,
  encodeReceivedDataPbHead,
  encodeReceivedDataPbTail,
  ProtobufClass,
  protobufMessages,
} from '../../../../../adapters/sofa-bolt/codec/protobuf-messages.ts';
import { decodeProtobuf, encodeProtobuf } from '../../../../support/bolt-protobuf.ts';
import { ALL_FRAMES, bytesOf, codeOf, hexOf, seededRandom } from './vectors.ts';

interface ProtobufVector {
  readonly message: string;
  readonly className: string;
  readonly contentHex: string;
  readonly object: Readonly<Record<string, unknown>>;
}

const FILE = new URL('../../../../vectors/bolt/protobuf-vectors.json', import.meta.url);
const VECTORS = (JSON.parse(readFileSync(FILE, 'utf8')) as { vectors: ProtobufVector[] }).vectors;

function vector(message: string): ProtobufVector & { readonly content: Uint8Array } {
  const found = VECTORS.find((each) => each.message === message);
  if (found === undefined) throw new Error(`no vector ${message}`);
  return { ...found, content: bytesOf(found.contentHex) };
}

const { decodePublisherRegister, decodeSubscriberRegister, decodeSyncConfigRequest, decodeResult } = protobufMessages;
const DECODERS = [
  ['PublisherRegisterPb', decodePublisherRegister],
  ['SubscriberRegisterPb', decodeSubscriberRegister],
  ['SyncConfigRequestPb', decodeSyncConfigRequest],
  ['ResultPb', decodeResult],
] as const;

describe('requests in protobuf', () => {
  it('are read as protobuf-java wrote them', () => {
    const base = { instanceId: 'DEFAULT_INSTANCE_ID', zone: 'DEFAULT_ZONE', appName: 'demo-app', group: 'SOFA', eventType: 'REGISTER' };
    const own = { dataId: 'com.example.HelloService:1.0@DEFAULT', version: 1n, timestamp: 1_700_000_000_000n };
    expect(decodePublisherRegister(vector('PublisherRegisterPb').content)).toMatchObject({
      ...base,
      ...own,
      registId: '9f1c2d3e-0000-4000-8000-000000000001',
      dataList: [{ data: 'bolt://10.0.0.1:12200?weight=100' }],
      attributes: new Map([['k', 'v']]),
    });
    const subscriber = decodeSubscriberRegister(vector('SubscriberRegisterPb').content);
    expect(subscriber).toMatchObject({ ...base, dataId: own.dataId, scope: 'global' });
    expect(decodeSyncConfigRequest(vector('SyncConfigRequestPb').content)).toEqual({
      dataCenter: 'DefaultDataCenter',
      zone: 'DEFAULT_ZONE',
    });
    expect(decodeResult(vector('ResultPb').content)).toEqual({ success: true, message: '' });
  });

  it('are read as recorded with a real server', () => {
    const recorded = ALL_FRAMES.filter(({ parsed }) => protobufMessages.requests.has(parsed.className));
    expect(recorded).toHaveLength(4);
    for (const { parsed } of recorded) {
      const decode = parsed.className === ProtobufClass.PublisherRegister ? decodePublisherRegister : decodeSubscriberRegister;
      const register = decode(bytesOf(parsed.contentHex ?? ''));
      expect(register.registId).toMatch(/^9f1c2d3e-/);
      expect(['REGISTER', 'UNREGISTER']).toContain(register.eventType);
    }
  });

  it('keep longs exact, join a base register that comes in two parts, and leave out what they do not know', () => {
    const version = 9_007_199_254_740_993n;
    const whole = encodeProtobuf('PublisherRegisterPb', { baseRegister: { version: String(version), port: -7 } });
    const more = encodeProtobuf('PublisherRegisterPb', { baseRegister: { dataId: 'd' } });
    // Fields 31 of every wire type, and field 1 as a number instead of a message.
    const unknown = bytesOf('f80101 f9010000000000000000 fa010161 fb01fc01 fd0100000000 0801');
    const register = decodePublisherRegister(Buffer.concat([whole, unknown, more]));
    expect(register).toMatchObject({ version, port: -7, dataId: 'd', dataList: [] });
  });

  it('are malformed at every truncation that cuts a field', () => {
    for (const [message, decode] of DECODERS) {
      const { content } = vector(message);
      for (let cut = 0; cut < content.length; cut += 1) {
        // A cut between two fields leaves a shorter message, which is how protobuf is.
        expect(['malformed', 'a value']).toContain(codeOf(() => decode(content.subarray(0, cut))));
      }
      expect(codeOf(() => decode(content.subarray(0, content.length - 1)))).toBe('malformed');
    }
  });

  it.each([
    ['a length beyond the content', '0affffffff0f61'],
    ['a varint without end', `08${'ff'.repeat(11)}`],
    ['a field number of 0', '0201'],
    ['a wire type that does not exist', 'ff01'],
    ['a text that is no UTF-8', '1203 2201ff'],
    ['a group without end', 'fb01'],
    ['groups in groups', 'fb01'.repeat(100_000)],
  ])('refuse %s', (_name, hex) => {
    expect(codeOf(() => decodePublisherRegister(bytesOf(hex)))).toBe('malformed');
  });

  it('hold at most so many values, counted before they are made', () => {
    const boxes = Buffer.alloc((BOLT_LIMITS.values + 1) * 2, bytesOf('0a00'));
    expect(codeOf(() => decodePublisherRegister(boxes))).toBe('limit-exceeded');
    expect(decodePublisherRegister(boxes.subarray(2)).dataList).toHaveLength(BOLT_LIMITS.values);
  });

  it('give a value or a typed error for any bytes', () => {
    const random = seededRandom(20_261_125);
    for (let round = 0; round < 3_000; round += 1) {
      const [message, decode] = DECODERS[round % DECODERS.length] ?? DECODERS[0];
      const bytes = Buffer.from(vector(message).content);
      for (let change = 0; change < 3; change += 1) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
      expect(['malformed', 'limit-exceeded', 'a value']).toContain(codeOf(() => decode(bytes)));
    }
  });
});

describe('answers in protobuf', () => {
  it('are the bytes of protobuf-java', () => {
    const { contentHex } = vector('RegisterResponsePb');
    const registId = '9f1c2d3e-0000-4000-8000-000000000001';
    const message = 'Publisher register success!';
    expect(hexOf(protobufMessages.encodeRegisterResponse({ success: true, registId, version: 1n, refused: false, message }))).toBe(
      contentHex,
    );
    const answer = { success: true, message: null, availableSegments: ['DefaultDataCenter'], retryInterval: 0 };
    expect(hexOf(protobufMessages.encodeSyncConfigResponse(answer))).toBe(vector('SyncConfigResponsePb').contentHex);
  });

  it('name the classes of the upstream package', () => {
    const names = new Set([...VECTORS.map((each) => each.className)]);
    for (const className of Object.values(ProtobufClass)) expect(names).toContain(className);
  });

  it('say what is refused', () => {
    const bytes = protobufMessages.encodeRegisterResponse({ success: true, registId: null, version: 0n, refused: true, message: 'no' });
    expect(decodeProtobuf('RegisterResponsePb', bytes)).toEqual({ success: true, refused: true, message: 'no' });
  });
});

describe('pushes in protobuf', () => {
  const names = { dataId: 'com.example.HelloService:1.0@DEFAULT', group: 'SOFA', instanceId: 'DEFAULT_INSTANCE_ID', scope: 'global' };
  const subscriberRegistIds = ['9f1c2d3e-0000-4000-8000-000000000002'];

  it('hold what the recorded ReceivedDataPb holds', () => {
    const { object } = vector('ReceivedDataPb');
    const head = {
      ...names,
      segment: 'DefaultDataCenter',
      subscriberRegistIds,
      version: 8_035_000_000_000_000n,
      localZone: 'DEFAULT_ZONE',
    };
    const zones = new Map([['DEFAULT_ZONE', [{ data: 'bolt://10.0.0.1:12200?weight=100' }]]]);
    const bytes = Buffer.concat([encodeReceivedDataPbHead(head), encodeReceivedDataPbTail(zones)]);
    expect(decodeProtobuf('ReceivedDataPb', bytes)).toEqual(object);
  });

  it('hold what the recorded MultiReceivedDataPb holds', () => {
    const { object } = vector('MultiReceivedDataPb');
    const segment = {
      segment: 'DefaultDataCenter',
      encoding: null,
      version: 5n,
      zipData: null,
      unzipData: new Map([['DEFAULT_ZONE', [{ data: 'x' }]]]),
    };
    const message = { ...names, subscriberRegistIds, localSegment: 'DefaultDataCenter', localZone: 'DEFAULT_ZONE' };
    const bytes = encodeMultiReceivedDataPb({ ...message, multiData: new Map([['DefaultDataCenter', segment]]) });
    expect(decodeProtobuf('MultiReceivedDataPb', bytes)).toEqual(object);
  });

  it('write texts that every reader takes, and longs beyond 2^53 exactly', () => {
    const head = { ...names, segment: 'half \ud83d', subscriberRegistIds: ['', '😀'], version: 9_007_199_254_740_993n, localZone: null };
    const bytes = Buffer.concat([encodeReceivedDataPbHead(head), encodeReceivedDataPbTail(new Map([['', [{ data: null }]]]))]);
    const read = decodeProtobuf('ReceivedDataPb', bytes);
    expect(read).toMatchObject({ segment: 'half \ufffd', subscriberRegistIds: ['', '😀'], version: '9007199254740993' });
    expect(read['data']).toEqual({ '': { data: [{}] } });
  });
});
