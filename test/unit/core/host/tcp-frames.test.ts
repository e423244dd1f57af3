import { describe, expect, it } from 'vitest';
import { FrameAssembler, frameHead, LinkFrame, type ReceivedFrame } from '../../../../core/host/tcp-frames.ts';
import { RegistryError, RegistryErrorCode } from '../../../../core/index.ts';

const LIMIT = 1_000;
const bytes = (...values: number[]) => Uint8Array.from(values);
const joined = (...parts: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(parts));

/** Frames of several sizes, one after the other. */
const STREAM = joined(
  frameHead(LinkFrame.Ping),
  frameHead(LinkFrame.Send, bytes(1, 2), 3),
  bytes(7, 8, 9),
  frameHead(LinkFrame.Answer, bytes(0, 0, 0, 1), 300),
  new Uint8Array(300).fill(5),
  frameHead(LinkFrame.Pong),
);
const FRAMES: readonly ReceivedFrame[] = [
  { kind: LinkFrame.Ping, body: bytes() },
  { kind: LinkFrame.Send, body: bytes(1, 2, 7, 8, 9) },
  { kind: LinkFrame.Answer, body: joined(bytes(0, 0, 0, 1), new Uint8Array(300).fill(5)) },
  { kind: LinkFrame.Pong, body: bytes() },
];

function assemble(chunks: readonly Uint8Array[], limit = LIMIT) {
  const assembler = new FrameAssembler(limit);
  const frames: ReceivedFrame[] = [];
  for (const chunk of chunks) {
    assembler.push(chunk);
    for (let frame = assembler.next(); frame !== undefined; frame = assembler.next()) {
      frames.push({ kind: frame.kind, body: new Uint8Array(frame.body) });
    }
  }
  return { frames, waiting: assembler.waitingBytes };
}

describe('frames of a link', () => {
  it('come out whole wherever the stream is cut in two', () => {
    for (let cut = 0; cut <= STREAM.length; cut += 1) {
      expect(assemble([STREAM.subarray(0, cut), STREAM.subarray(cut)])).toEqual({ frames: FRAMES, waiting: 0 });
    }
  });

  it('come out whole from single bytes', () => {
    expect(assemble([...STREAM].map((byte) => bytes(byte)))).toEqual({ frames: FRAMES, waiting: 0 });
  });

  it('wait when they are not whole, and nothing is invented', () => {
    for (let end = 0; end < STREAM.length; end += 1) {
      const { frames, waiting } = assemble([STREAM.subarray(0, end)]);
      expect(frames).toEqual(FRAMES.slice(0, frames.length));
      const used = frames.reduce((sum, frame) => sum + 5 + frame.body.length, 0);
      expect(waiting).toBe(end - used);
    }
  });

  it.each([0, LIMIT + 1, 0x7fffffff, 0x80000000, 0xffffffff])('of length %d are refused before a byte of them is kept', (length) => {
    const head = new Uint8Array(4);
    new DataView(head.buffer).setUint32(0, length);
    const refuse = () => assemble([frameHead(LinkFrame.Ping), head]);
    expect(refuse).toThrow(RegistryError);
    expect(refuse).toThrow(expect.objectContaining({ code: RegistryErrorCode.Malformed }));
  });

  it('of the greatest length are taken', () => {
    const body = new Uint8Array(LIMIT - 1).fill(1);
    expect(assemble([frameHead(LinkFrame.Answer, undefined, body.length), body]).frames).toEqual([{ kind: LinkFrame.Answer, body }]);
  });
});
