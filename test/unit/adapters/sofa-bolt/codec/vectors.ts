import { readdirSync, readFileSync } from 'node:fs';
import { BoltClass } from '../../../../../adapters/sofa-bolt/codec/class-names.ts';
import { HessianObject, type HessianValue } from '../../../../../adapters/sofa-bolt/codec/hessian-value.ts';
import * as messages from '../../../../../adapters/sofa-bolt/codec/messages.ts';
import * as pushes from '../../../../../adapters/sofa-bolt/codec/received-data.ts';
import { RegistryError } from '../../../../../core/index.ts';

const FOLDER = new URL('../../../../vectors/bolt/', import.meta.url);

/** A value as the vector files spell it. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export interface HessianVector {
  readonly name: string;
  readonly hex: string;
  readonly decoded: Json;
}

export interface RecordedFrame {
  readonly hex: string;
  readonly dir?: string;
  readonly parsed: {
    readonly proto: number;
    readonly ver1?: number;
    readonly type: number;
    readonly cmdcode: number;
    readonly requestId: number;
    readonly codec: number;
    readonly switch?: number;
    readonly timeout?: number;
    readonly respStatus?: number;
    readonly contentLen: number;
    readonly className: string;
    readonly crc32?: string;
    readonly content?: { readonly [key: string]: Json } | null;
    readonly contentHex?: string;
  };
}

export const HESSIAN_VECTORS = readVectors<{ vectors: HessianVector[] }>('hessian-vectors.json').vectors;
export const TOLERANCE_VECTORS = readVectors<{ vectors: HessianVector[] }>('hessian-java-tolerance.json').vectors;

export interface Recording {
  readonly file: string;
  readonly frames: readonly RecordedFrame[];
}

/** Every file of recorded frames. */
export const RECORDINGS: readonly Recording[] = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.json') && !/^(hessian|protobuf)-/.test(file))
  .sort()
  .map((file) => ({ file, frames: readVectors<{ frames: RecordedFrame[] }>(file).frames }));

export const ALL_FRAMES: readonly RecordedFrame[] = RECORDINGS.flatMap(({ frames }) => frames);
export const ALL_CLASSES: ReadonlySet<string> = new Set(Object.values(BoltClass));

export interface MessageCodec {
  readonly decode: (content: Uint8Array) => unknown;
  /** Decodes a content and encodes what came out. */
  readonly reencode: (content: Uint8Array) => Uint8Array;
}

/** Each message class with its decoder and encoder. */
export const MESSAGES: ReadonlyMap<string, { decode: (content: Uint8Array) => unknown; reencode: (content: Uint8Array) => Uint8Array }> =
  new Map([
    pair(BoltClass.PublisherRegister, messages.decodePublisherRegister, messages.encodePublisherRegister),
    pair(BoltClass.SubscriberRegister, messages.decodeSubscriberRegister, messages.encodeSubscriberRegister),
    pair(BoltClass.ConfiguratorRegister, messages.decodeConfiguratorRegister, messages.encodeConfiguratorRegister),
    pair(BoltClass.RegisterResponse, messages.decodeRegisterResponse, messages.encodeRegisterResponse),
    pair(BoltClass.SyncConfigRequest, messages.decodeSyncConfigRequest, messages.encodeSyncConfigRequest),
    pair(BoltClass.SyncConfigResponse, messages.decodeSyncConfigResponse, messages.encodeSyncConfigResponse),
    pair(BoltClass.Result, messages.decodeResult, messages.encodeResult),
    pair(BoltClass.ReceivedData, pushes.decodeReceivedData, pushes.encodeReceivedData),
    pair(BoltClass.ReceivedConfigData, pushes.decodeReceivedConfigData, pushes.encodeReceivedConfigData),
    pair(BoltClass.MultiReceivedData, pushes.decodeMultiReceivedData, pushes.encodeMultiReceivedData),
  ]);

export function bytesOf(hex: string): Buffer {
  return Buffer.from(hex.replaceAll(' ', ''), 'hex');
}

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/** The type of `java.util.Collections.EMPTY_MAP`, which Java writes and we leave out. */
export function withoutMapType(hex: string): string {
  return hex.replaceAll(`74001e${Buffer.from('java.util.Collections$EmptyMap').toString('hex')}`, '');
}

/** The content of the vector with this name. */
export function contentOf(name: string): Uint8Array {
  const vector = HESSIAN_VECTORS.find((each) => each.name === name);
  if (vector === undefined) throw new Error(`no vector ${name}`);
  return bytesOf(vector.hex);
}

/** What a decoder made of some bytes: a value, or its typed error. Any other exception fails the test. */
export function outcome<T>(decode: () => T): { readonly value: T } | { readonly error: RegistryError } {
  try {
    return { value: decode() };
  } catch (caught) {
    if (caught instanceof RegistryError) return { error: caught };
    throw caught;
  }
}

/** The code of the typed error that the decoder throws, or `a value`. */
export function codeOf(decode: () => unknown): string {
  const result = outcome(decode);
  return 'error' in result ? result.error.code : 'a value';
}

/** The value that a decoded form describes. */
export function hessianOf(json: Json): HessianValue {
  if (json === null || typeof json !== 'object') return json;
  if (isArray(json)) return json.map(hessianOf);
  const long = json['$long'];
  if (typeof long === 'string') return BigInt(long);
  const bytes = json['$bytes'];
  if (typeof bytes === 'string') return Buffer.from(bytes, 'hex');
  const entries = json['$map'];
  if (entries !== undefined && isArray(entries))
    return new Map((entries as [Json, Json][]).map(([key, value]) => [hessianOf(key), hessianOf(value)]));
  const { $class: className, ...fields } = json;
  if (typeof className !== 'string') throw new Error('a decoded object has no class');
  return new HessianObject(className, new Map(Object.entries(fields).map(([name, value]) => [name, hessianOf(value)])));
}

/** Numbers from 0 to 1 that are the same in every run (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

function pair<T>(className: string, decode: (content: Uint8Array) => T, encode: (message: T) => Uint8Array): [string, MessageCodec] {
  return [className, { decode, reencode: (content: Uint8Array) => encode(decode(content)) }];
}

function isArray(json: Json): json is readonly Json[] {
  return Array.isArray(json);
}

function readVectors<T>(file: string): T {
  return JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8')) as T;
}
