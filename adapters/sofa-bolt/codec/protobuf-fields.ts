import type { Reader, Writer } from 'protobufjs';
import protobuf from 'protobufjs/minimal.js';
import { RegistryError, RegistryErrorCode } from '../../../core/index.ts';
import { BOLT_LIMITS } from './limits.ts';

/*
 * Fields of protobuf messages (proto3: what is empty or 0 is not written, and what is not written is empty or 0).
 *
 *     message := field*
 *     field   := tag:varint value          tag = number * 8 + wire type
 */
export const Wire = { Varint: 0, Bytes: 2 } as const;
type Wire = (typeof Wire)[keyof typeof Wire];

/** How the fields of one message are read, by number. A field of another number or wire type is skipped, as in Java. */
export type FieldReaders = Readonly<Record<number, { readonly wire: Wire; read(reader: Reader): void }>>;

/** Counts what a content holds, because an empty message takes two bytes on the wire and over a hundred in memory. */
export class ValueBudget {
  #left: number = BOLT_LIMITS.values;

  /** @throws RegistryError `limit-exceeded` before the value is made. */
  take(): void {
    this.#left -= 1;
    if (this.#left < 0) throw new RegistryError(RegistryErrorCode.LimitExceeded, `a content has at most ${BOLT_LIMITS.values} values`);
  }
}

/** @throws RegistryError `malformed` for a length beyond the content, a bad tag or text, groups nested too deep. */
export function readFields(bytes: Uint8Array, fields: FieldReaders): void {
  try {
    const reader = protobuf.Reader.create(bytes);
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      const number = tag >>> 3;
      const wire = tag & 7;
      const field = fields[number];
      if (field?.wire === wire) field.read(reader);
      else reader.skipType(wire, 0, number);
    }
  } catch (caught) {
    throw RegistryError.from(caught, RegistryErrorCode.Malformed);
  }
}

export function textField(set: (text: string) => void): FieldReaders[number] {
  return { wire: Wire.Bytes, read: (reader) => set(reader.stringVerify()) };
}

export function boolField(set: (value: boolean) => void): FieldReaders[number] {
  return { wire: Wire.Varint, read: (reader) => set(reader.bool()) };
}

export function longField(set: (value: bigint) => void): FieldReaders[number] {
  return { wire: Wire.Varint, read: (reader) => set(BigInt(String(reader.int64()))) };
}

export function intField(set: (value: number) => void): FieldReaders[number] {
  return { wire: Wire.Varint, read: (reader) => set(reader.int32()) };
}

/** A message inside the message; a repeated one is handed over one by one. */
export function messageField(read: (bytes: Uint8Array) => void): FieldReaders[number] {
  return { wire: Wire.Bytes, read: (reader) => read(reader.bytes()) };
}

export function newWriter(): Writer {
  return protobuf.Writer.create();
}

/** Java refuses a text that is no UTF-8, so half a surrogate pair becomes U+FFFD. */
export function writeText(writer: Writer, field: number, text: string | null): void {
  if (text !== null && text !== '') writeMessage(writer, field, Buffer.from(text, 'utf8'));
}

/** Every element, empty ones too. */
export function writeTexts(writer: Writer, field: number, texts: readonly string[]): void {
  for (const text of texts) writeMessage(writer, field, Buffer.from(text, 'utf8'));
}

export function writeBool(writer: Writer, field: number, value: boolean): void {
  if (value) writer.uint32(field * 8 + Wire.Varint).bool(true);
}

export function writeLong(writer: Writer, field: number, value: bigint): void {
  if (value !== 0n) writer.uint32(field * 8 + Wire.Varint).int64(String(value));
}

export function writeInt(writer: Writer, field: number, value: number): void {
  if (value !== 0) writer.uint32(field * 8 + Wire.Varint).int32(value);
}

/** Bytes as they are: an encoded message, even an empty one. */
export function writeMessage(writer: Writer, field: number, bytes: Uint8Array): void {
  writer.uint32(field * 8 + Wire.Bytes).bytes(bytes);
}
