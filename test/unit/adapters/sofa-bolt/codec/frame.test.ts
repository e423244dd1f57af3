import { crc32 as zlibCrc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { crc32 } from '../../../../../adapters/sofa-bolt/codec/crc32.ts';
import {
  BoltCodec,
  BoltCommand,
  type BoltDialect,
  type BoltFrame,
  type BoltRequest,
  type BoltRequestHead,
  BoltStatus,
  BoltType,
  dialectOf,
  encodeErrorResponse,
  encodeFrame,
  encodeHeartbeat,
  encodeHeartbeatAck,
  encodeRequest,
  encodeRequestHead,
  encodeResponse,
  hasCrc,
  requestParts,
  responseTo,
} from '../../../../../adapters/sofa-bolt/codec/frame.ts';
import { FrameReader } from '../../../../../adapters/sofa-bolt/codec/frame-reader.ts';
import { BOLT_LIMITS } from '../../../../../adapters/sofa-bolt/codec/limits.ts';
import { ALL_FRAMES, bytesOf, codeOf, hexOf, outcome, RECORDINGS, type RecordedFrame, seededRandom } from './vectors.ts';

const V2_CRC: BoltDialect = { protocol: 2, version: 2, switches: 1 };

function readOne(bytes: Uint8Array): BoltFrame {
  const [frame, ...more] = new FrameReader().push(bytes);
  if (frame === undefined || more.length > 0) throw new Error('not exactly one frame');
  return frame;
}

function readRequest(bytes: Uint8Array): BoltRequest {
  const frame = readOne(bytes);
  if (frame.type === BoltType.Response) throw new Error('not a request');
  return frame;
}

function requestHead(dialect: BoltDialect): BoltRequestHead {
  return {
    ...dialect,
    type: BoltType.Request,
    command: BoltCommand.Request,
    requestId: -7,
    codec: BoltCodec.Hessian,
    timeoutMs: 1000,
    className: 'a.B',
  };
}

function expectFields(frame: BoltFrame, { parsed }: RecordedFrame): void {
  expect(frame).toMatchObject({
    protocol: parsed.proto,
    version: parsed.ver1 ?? 1,
    switches: parsed.switch ?? 0,
    type: parsed.type,
    command: parsed.cmdcode,
    requestId: parsed.requestId,
    codec: parsed.codec,
    className: parsed.className,
  });
  expect(frame.type === BoltType.Response ? frame.status : frame.timeoutMs).toBe(parsed.respStatus ?? parsed.timeout);
  expect(frame.content.length).toBe(parsed.contentLen);
  if (parsed.contentHex !== undefined) expect(hexOf(frame.content)).toBe(parsed.contentHex);
}

describe('recorded frames', () => {
  for (const { file, frames } of RECORDINGS) {
    it(`of ${file} are read as recorded and written back byte for byte`, () => {
      expect(frames.length).toBeGreaterThan(0);
      for (const recorded of frames) {
        const frame = readOne(bytesOf(recorded.hex));
        expectFields(frame, recorded);
        expect(hexOf(encodeFrame(frame))).toBe(recorded.hex);
      }
    });

    it(`of ${file} arrive whole from one stream, whatever the chunks`, () => {
      const stream = Buffer.concat(frames.map(({ hex }) => bytesOf(hex)));
      const random = seededRandom(file.length);
      for (const most of [1, 2, 7, 100, 1500, stream.length]) {
        const reader = new FrameReader();
        const read: string[] = [];
        for (let at = 0; at < stream.length; ) {
          const length = 1 + Math.floor(random() * most);
          for (const frame of reader.push(stream.subarray(at, at + length))) read.push(hexOf(encodeFrame(frame)));
          at += length;
        }
        expect(read).toEqual(frames.map(({ hex }) => hex));
        expect(reader.bufferedBytes).toBe(0);
      }
    });
  }

  it('are incomplete at every truncation, keep no more than what arrived, and complete with the rest', () => {
    for (const { hex } of ALL_FRAMES) {
      const bytes = bytesOf(hex);
      const wrong: number[] = [];
      for (let cut = 0; cut < bytes.length; cut += 1) {
        const reader = new FrameReader();
        const isIncomplete = reader.push(bytes.subarray(0, cut)).length === 0 && reader.bufferedBytes === cut;
        const rest = reader.push(bytes.subarray(cut));
        const isWhole = rest.length === 1 && bytes.equals(encodeFrame(rest[0] as BoltFrame));
        if (!isIncomplete || !isWhole || reader.bufferedBytes !== 0) wrong.push(cut);
      }
      expect(wrong).toEqual([]);
    }
  });

  it('of the client with CRC carry the sum that is computed here', () => {
    const summed = ALL_FRAMES.filter(({ parsed }) => parsed.crc32 !== undefined);
    expect(summed.length).toBeGreaterThan(0);
    for (const { hex, parsed } of summed) {
      const sum = crc32(bytesOf(hex).subarray(0, -4));
      expect(sum).toBe(Number.parseInt(parsed.crc32 ?? '', 16));
      expect(sum).toBe(zlibCrc32(bytesOf(hex).subarray(0, -4)));
    }
  });
});

describe('writing frames', () => {
  it('answers the recorded heartbeats as the Java server did', () => {
    const frames = RECORDINGS.find(({ file }) => file === 'heartbeats.json')?.frames ?? [];
    const acks = new Map(
      frames.filter(({ parsed }) => parsed.type === 0).map((each) => [`${each.parsed.proto} ${each.parsed.requestId}`, each.hex]),
    );
    const beats = frames.filter(({ parsed }) => parsed.type === 1);
    expect(beats).toHaveLength(4);
    for (const { hex, parsed } of beats) {
      const beat = readRequest(bytesOf(hex));
      expect(hexOf(encodeHeartbeatAck(beat))).toBe(acks.get(`${parsed.proto} ${parsed.requestId}`));
      expect(hexOf(encodeHeartbeat(dialectOf(beat), parsed.requestId))).toBe(hex);
    }
  });

  it('answers a heartbeat without CRC even if it came with one', () => {
    const beat = readRequest(encodeRequest({ ...requestHead(V2_CRC), command: BoltCommand.Heartbeat, className: '' }));
    expect(hasCrc(beat)).toBe(true);
    expect(hexOf(encodeHeartbeatAck(beat))).toBe('020200000001fffffff9010000000000000000000000');
  });

  it('sends an error as status and nothing else, in the codec of the request, without CRC', () => {
    const request = readRequest(encodeRequest({ ...requestHead(V2_CRC), codec: BoltCodec.Protobuf }, bytesOf('4e')));
    expect(hexOf(encodeErrorResponse(request, BoltStatus.ServerException))).toBe('020200000201fffffff90b0000020000000000000000');
    const first = readRequest(encodeRequest(requestHead({ protocol: 1, version: 1, switches: 0 })));
    expect(hexOf(encodeErrorResponse(first, BoltStatus.ServerException))).toBe('0100000201fffffff90100020000000000000000');
  });

  it('answers with the version and switch of the request', () => {
    const request = readRequest(encodeRequest(requestHead(V2_CRC), bytesOf('4e')));
    const response = readOne(encodeResponse(responseTo(request, BoltStatus.Success, 'x.Y'), bytesOf('4e'), bytesOf('54')));
    expect(response).toMatchObject({ ...V2_CRC, type: BoltType.Response, requestId: -7, status: BoltStatus.Success, className: 'x.Y' });
    expect(hasCrc(response)).toBe(true);
    expect(hexOf(response.content)).toBe('4e54');
  });

  it('sends contents in parts without copying them, the CRC going over all of them', () => {
    const [head, body, tail] = [requestHead(V2_CRC), bytesOf('0102'), bytesOf('030405')];
    const parts = requestParts(head, body, tail);
    expect(parts[1]).toBe(body);
    expect(parts[2]).toBe(tail);
    expect(hexOf(parts[0] as Uint8Array)).toBe(hexOf(encodeRequestHead(head, 5)));
    const whole = Buffer.concat(parts);
    expect(hexOf(whole)).toBe(hexOf(encodeRequest(head, body, tail)));
    expect(hexOf(readOne(whole).content)).toBe('0102030405');
    expect(requestParts({ ...head, version: 1 }, body)).toHaveLength(2);
  });

  it('reads a header section and a class name outside ASCII, which no registry client sends', () => {
    const frame: BoltFrame = {
      ...requestHead(V2_CRC),
      commandVersion: 0,
      className: 'ä.中',
      header: bytesOf('0a0b'),
      content: bytesOf('4e'),
    };
    const read = readOne(encodeFrame(frame));
    expect(read).toMatchObject({ className: 'ä.中', commandVersion: 0 });
    expect(hexOf(read.header)).toBe('0a0b');
  });

  it('refuses a class name that does not fit its length field', () => {
    expect(() => encodeRequest({ ...requestHead(V2_CRC), className: 'x'.repeat(32_768) })).toThrow(RangeError);
  });
});

describe('hostile frames', () => {
  const request = '010100010100000004 01 000003e8';
  it.each([
    ['an HTTP request', '474554202f', 'malformed'],
    ['a bolt version that does not exist', '03', 'malformed'],
    ['a v2 frame of version 3', '0203', 'malformed'],
    ['a type that does not exist', '0103', 'malformed'],
    ['a request with the command of a response', '010100020100000004 01 000003e8 0000 0000 00000000', 'malformed'],
    ['a response with the command of a request', '010000010100000004 01 0000 0000 0000 00000000', 'malformed'],
    ['an unknown status', '010000020100000004 01 000a 0000 0000 00000000', 'malformed'],
    ['a negative switch', '0201 01 0001 01 00000004 01 80 000003e8 0000 0000 00000000', 'malformed'],
    ['a negative class name length', `${request} ffff 0000 00000000`, 'malformed'],
    ['a negative header length', `${request} 0000 8000 00000000`, 'malformed'],
    ['a negative content length', `${request} 0000 0000 80000000`, 'malformed'],
    ['a class name that is too long', `${request} 0201 0000 00000000`, 'limit-exceeded'],
    ['a header that is too long', `${request} 0000 1001 00000000`, 'limit-exceeded'],
    ['a content that is one byte too long', `${request} 0000 0000 01000001`, 'limit-exceeded'],
    ['a content of 2 GiB', `${request} 0000 0000 7fffffff`, 'limit-exceeded'],
  ])('with %s is refused as soon as it is seen', (_, hex, code) => {
    expect(codeOf(() => new FrameReader().push(bytesOf(hex)))).toBe(code);
    const byByte = new FrameReader();
    expect(
      codeOf(() => {
        for (const byte of bytesOf(hex)) byByte.push(Uint8Array.of(byte));
      }),
    ).toBe(code);
  });

  it('whose content is as long as allowed is read, and costs no more than what arrived before it is complete', () => {
    const content = Buffer.alloc(BOLT_LIMITS.contentBytes, 0x4e);
    const bytes = encodeRequest(requestHead(V2_CRC), content);
    const reader = new FrameReader();
    expect(reader.push(bytes.subarray(0, 100))).toEqual([]);
    expect(reader.bufferedBytes).toBe(100);
    const frames: BoltFrame[] = [];
    for (let at = 100; at < bytes.length; at += 65_536) frames.push(...reader.push(bytes.subarray(at, at + 65_536)));
    expect(frames.map((frame) => frame.content.length)).toEqual([BOLT_LIMITS.contentBytes]);
  });

  it('that drips byte by byte takes time in proportion to its length', () => {
    const bytes = encodeRequest(requestHead(V2_CRC), Buffer.alloc(300_000, 0x4e));
    const reader = new FrameReader();
    let frames = 0;
    for (let at = 0; at < bytes.length; at += 1) frames += reader.push(bytes.subarray(at, at + 1)).length;
    expect(frames).toBe(1);
  });

  it('with a wrong CRC is refused wherever the damage is', () => {
    const bytes = encodeRequest(requestHead(V2_CRC), bytesOf('0102030405'));
    for (let at = 24; at < bytes.length; at += 1) {
      const damaged = Buffer.from(bytes);
      damaged[at] = (damaged[at] as number) ^ 0x10;
      expect(codeOf(() => new FrameReader().push(damaged))).toBe('malformed');
    }
  });

  it('ends the stream: nothing is read behind it', () => {
    const reader = new FrameReader();
    const good = bytesOf(ALL_FRAMES[0]?.hex ?? '');
    expect(reader.push(good)).toHaveLength(1);
    const first = outcome(() => reader.push(bytesOf('09')));
    const second = outcome(() => reader.push(good));
    expect(first).toHaveProperty('error.code', 'malformed');
    expect(second).toEqual(first);
    expect(reader.bufferedBytes).toBe(0);
  });

  it('with each of its length fields wrong gives frames, nothing yet, or a typed error', () => {
    for (const { hex, parsed } of ALL_FRAMES) {
      const bytes = bytesOf(hex);
      const fixed = (parsed.type === 0 ? 18 : 20) + 2 * parsed.proto;
      for (const [offset, size] of [
        [8, 2],
        [6, 2],
        [4, 4],
      ] as const) {
        const at = fixed - offset;
        const right = size === 2 ? bytes.readInt16BE(at) : bytes.readInt32BE(at);
        for (const wrong of [right - 1, right + 1, 0, 1, -1, 100, 32_767, -32_768]) {
          const changed = Buffer.from(bytes);
          if (size === 2) changed.writeInt16BE(Math.max(-32_768, Math.min(32_767, wrong)), at);
          else changed.writeInt32BE(wrong, at);
          const result = outcome(() => new FrameReader().push(Buffer.concat([changed, bytes])));
          if ('value' in result) for (const frame of result.value) expect(frame.content.length).toBeLessThanOrEqual(2 * bytes.length);
          else expect(['malformed', 'limit-exceeded']).toContain(result.error.code);
          if (wrong < 0) expect(result).toHaveProperty('error.code', 'malformed');
        }
      }
    }
  });

  it('made of 10,000 seeded random streams gives frames, nothing yet, or a typed error', () => {
    const random = seededRandom(1);
    const codes = new Map<string, number>();
    for (let run = 0; run < 10_000; run += 1) {
      const recorded = bytesOf(ALL_FRAMES[Math.floor(random() * ALL_FRAMES.length)]?.hex ?? '');
      // Half are noise behind a plausible first byte, half are recorded frames with some bytes changed in the head.
      const bytes = run % 2 === 0 ? Buffer.from(Array.from({ length: 64 }, () => random() * 256)) : Buffer.from(recorded);
      if (run % 2 === 0) bytes[0] = 1 + Math.floor(random() * 2);
      else for (let i = 0; i < 3; i += 1) bytes[Math.floor(random() * Math.min(30, bytes.length))] = random() * 256;
      const reader = new FrameReader();
      const cut = Math.floor(random() * bytes.length);
      const result = outcome(() => [...reader.push(bytes.subarray(0, cut)), ...reader.push(bytes.subarray(cut))]);
      const code = 'error' in result ? result.error.code : result.value.length > 0 ? 'frames' : 'incomplete';
      codes.set(code, (codes.get(code) ?? 0) + 1);
      expect(reader.bufferedBytes).toBeLessThanOrEqual(bytes.length);
    }
    expect([...codes.keys()].sort()).toEqual(['frames', 'incomplete', 'limit-exceeded', 'malformed']);
  });
});
