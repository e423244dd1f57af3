import { describe, expect, it } from 'vitest';
import { RegistryError, RegistryErrorCode } from '../../../../core/model/errors.ts';
import { LIMITS } from '../../../../core/model/limits.ts';
import { beginFrame, encodeError, frameKind, MessageKind, openFrame, PROTOCOL_VERSION } from '../../../../core/wire/frame.ts';

const MALFORMED = expect.objectContaining({ name: 'RegistryError', code: 'malformed' });

describe('the head of a frame', () => {
  it.each(Object.entries(MessageKind))('tells %s without its body', (_name, kind) => {
    expect(frameKind(Uint8Array.of(PROTOCOL_VERSION, kind))).toBe(kind);
    expect(frameKind(Uint8Array.of(PROTOCOL_VERSION, kind, 1, 2, 3))).toBe(kind);
  });

  it.each([0, 10, 19, 24, 29, 34, 128, 254])('is malformed with the kind %d, which is nobody’s', (kind) => {
    expect(() => frameKind(Uint8Array.of(PROTOCOL_VERSION, kind))).toThrow(`unknown message kind ${kind}`);
    expect(() => frameKind(Uint8Array.of(PROTOCOL_VERSION, kind))).toThrow(MALFORMED);
  });

  it.each([[[]], [[1]]])('is malformed in %j', (bytes) => {
    expect(() => frameKind(Uint8Array.from(bytes))).toThrow(MALFORMED);
  });

  it('is refused beyond the limit of a frame, and read at it', () => {
    const bytes = new Uint8Array(LIMITS.wireFrameBytes + 1);
    bytes[0] = PROTOCOL_VERSION;
    bytes[1] = MessageKind.SlotBatch;
    expect(() => frameKind(bytes)).toThrow(MALFORMED);
    expect(frameKind(bytes.subarray(0, LIMITS.wireFrameBytes))).toBe(MessageKind.SlotBatch);
  });

  it('names both kinds when another was expected', () => {
    const frame = beginFrame(MessageKind.SlotLog).finish();
    expect(() => openFrame(frame, MessageKind.SlotPage)).toThrow('message kind 5 where 6 was expected');
  });

  it('leaves the reader at the body', () => {
    const reader = openFrame(beginFrame(MessageKind.SlotLog).u8(42).finish(), MessageKind.SlotLog);
    expect([reader.u8(), reader.remaining]).toEqual([42, 0]);
  });

  it('has a number of its own for every message', () => {
    const kinds = Object.values(MessageKind);
    expect(new Set(kinds).size).toBe(kinds.length);
    expect(kinds.every((kind) => kind > 0 && kind < 256)).toBe(true);
  });
});

describe('an error answer', () => {
  const open = (frame: Uint8Array) => openFrame(frame, MessageKind.SlotBatch);

  it.each(Object.values(RegistryErrorCode))('carries %s and its text, with the code once', (code) => {
    const frame = encodeError(new RegistryError(code, 'grund: größer als 😀'));
    expect(() => open(frame)).toThrow(expect.objectContaining({ code, message: `${code}: grund: größer als 😀` }));
  });

  it('with a code of a later version is unavailable and keeps its text', () => {
    const frame = beginFrame(MessageKind.Error).text('too-hot').text('too-hot: 95 degrees').finish();
    expect(() => open(frame)).toThrow(expect.objectContaining({ code: 'unavailable', message: 'unavailable: 95 degrees' }));
  });

  it('with an empty text is still an error', () => {
    const frame = beginFrame(MessageKind.Error).text('conflict').text('').finish();
    expect(() => open(frame)).toThrow(expect.objectContaining({ code: 'conflict' }));
  });

  it('that is cut anywhere is malformed', () => {
    const frame = encodeError(new RegistryError('conflict', 'lost against another writer'));
    for (let length = 0; length < frame.length; length += 1) expect(() => open(frame.subarray(0, length)), `${length}`).toThrow(MALFORMED);
  });
});
