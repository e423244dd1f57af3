import { createHash } from 'node:crypto';
import { ByteReader } from '../../codec/byte-reader.ts';
import { ByteWriter } from '../../codec/byte-writer.ts';
import { RegistryError, RegistryErrorCode } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import type { StoredValue } from '../../seams/store.ts';
import { type Compare, type EtcdKeys, type EtcdPair, numberOf, type RangeAnswer, type TxnAnswer } from './etcd-format.ts';
import type { EtcdGateway } from './etcd-gateway.ts';

/**
 * A stored value is either itself or a manifest of its chunks, which are stored before it under the hash of their content:
 *
 *     stored   := 0:u8 bytes | 1:u8 length:varint chunks:list(sha256:blob)
 */
const INLINE = 0;
const MANIFEST = 1;
/** A value that is replaced while it is read is read again. */
const READ_TRIES = 5;
const SWEEP_PAGE = 500;

interface Chunk {
  readonly hash: string;
  readonly bytes: Uint8Array;
}

/** A value in the form in which it goes to etcd. */
export interface EncodedValue {
  /** base64, as the gateway wants it. */
  readonly stored: string;
  /** To be written before the value itself; empty for most. */
  readonly chunks: readonly Chunk[];
}

export function encodeValue(value: Uint8Array): EncodedValue {
  if (value.length <= LIMITS.documentChunkBytes) {
    return { stored: toBase64(new ByteWriter(value.length + 1).u8(INLINE).raw(value).finish()), chunks: [] };
  }
  const chunks: Chunk[] = [];
  for (let at = 0; at < value.length; at += LIMITS.documentChunkBytes) {
    const bytes = value.slice(at, at + LIMITS.documentChunkBytes);
    chunks.push({ hash: hashOf(bytes), bytes });
  }
  const writer = new ByteWriter().u8(MANIFEST).varint(value.length);
  writer.list(chunks, ({ hash }) => writer.blob(Buffer.from(hash, 'hex')));
  return { stored: toBase64(writer.finish()), chunks };
}

/** The large values of a store in pieces that etcd takes. What is not referred to any more is removed, never what somebody is about to refer to. */
export class EtcdValues {
  readonly #gateway: EtcdGateway;
  readonly #keys: EtcdKeys;

  constructor(gateway: EtcdGateway, keys: EtcdKeys) {
    this.#gateway = gateway;
    this.#keys = keys;
  }

  /** The value of an etcd pair; undefined when it was replaced or deleted meanwhile. */
  async read(pair: EtcdPair): Promise<StoredValue | undefined> {
    let current: EtcdPair | undefined = pair;
    for (let attempt = 0; current !== undefined && attempt < READ_TRIES; attempt += 1) {
      const value = await this.#assemble(current);
      if (value !== undefined) return { key: this.#keys.keyOf(current.key), value, revision: numberOf(current.mod_revision) };
      const answer: RangeAnswer = await this.#gateway.ask<RangeAnswer>('kv/range', { key: current.key });
      current = answer.kvs?.[0];
    }
    if (current === undefined) return undefined;
    throw new RegistryError(RegistryErrorCode.Malformed, `the chunks of ${this.#keys.keyOf(pair.key)} in etcd do not make its value`);
  }

  /** Writes the chunks of a value that are not there yet. Returns what must hold when the manifest is written: that they still are. */
  async writeChunks(key: string, { chunks }: EncodedValue): Promise<readonly Compare[]> {
    const compares = new Map<string, Compare>();
    for (const { hash, bytes } of chunks) {
      const chunkKey = this.#keys.chunk(key, hash);
      if (compares.has(chunkKey)) continue;
      compares.set(chunkKey, { key: chunkKey, target: 'CREATE', result: 'GREATER', create_revision: '0' });
      await this.#gateway.ask<TxnAnswer>('kv/txn', {
        compare: [{ key: chunkKey, target: 'CREATE', result: 'EQUAL', create_revision: '0' }],
        success: [{ request_put: { key: chunkKey, value: toBase64(bytes) } }],
        failure: [],
      });
    }
    return [...compares.values()];
  }

  /** Removes the chunks of a replaced value that the present one has not, unless the value has changed again. */
  async forgetChunks(previous: EtcdPair, present: EncodedValue | undefined, revision: number): Promise<void> {
    const old = readManifest(fromBase64(previous.value))?.hashes ?? [];
    const kept = new Set(present?.chunks.map(({ hash }) => hash));
    const key = this.#keys.keyOf(previous.key);
    const unused = [...new Set(old)].filter((hash) => !kept.has(hash)).map((hash) => this.#keys.chunk(key, hash));
    if (unused.length > 0) await this.#delete(previous.key, present === undefined ? 0 : revision, unused);
  }

  /** Removes chunks that no value refers to: those of writers that died before they wrote the manifest. */
  async sweep(): Promise<number> {
    const { kvs = [] } = await this.#gateway.ask<RangeAnswer>('kv/range', {
      ...this.#keys.chunks(),
      keys_only: true,
      limit: String(SWEEP_PAGE),
    });
    const byKey = new Map<string, { readonly chunkKey: string; readonly hash: string }[]>();
    for (const { key: chunkKey } of kvs) {
      const { key, hash } = this.#keys.chunkOf(chunkKey);
      byKey.set(key, [...(byKey.get(key) ?? []), { chunkKey, hash }]);
    }
    let swept = 0;
    for (const [key, chunks] of byKey) {
      const valueKey = this.#keys.value(key);
      const { kvs: values } = await this.#gateway.ask<RangeAnswer>('kv/range', { key: valueKey });
      const used = new Set(readManifest(fromBase64(values?.[0]?.value))?.hashes);
      const unused = chunks.filter(({ hash }) => !used.has(hash)).map(({ chunkKey }) => chunkKey);
      if (unused.length === 0) continue;
      swept += unused.length;
      await this.#delete(valueKey, numberOf(values?.[0]?.mod_revision), unused);
    }
    return swept;
  }

  async #delete(valueKey: string, revision: number, chunkKeys: readonly string[]): Promise<void> {
    const compare: Compare = { key: valueKey, target: 'MOD', result: 'EQUAL', mod_revision: String(revision) };
    const success = chunkKeys.map((key) => ({ request_delete_range: { key } }));
    await this.#gateway.ask<TxnAnswer>('kv/txn', { compare: [compare], success, failure: [] });
  }

  /** undefined when a chunk is gone: the value was replaced. */
  async #assemble(pair: EtcdPair): Promise<Uint8Array | undefined> {
    const stored = fromBase64(pair.value);
    const manifest = readManifest(stored);
    if (manifest === undefined) return stored.subarray(1);
    const key = this.#keys.keyOf(pair.key);
    const value = new Uint8Array(manifest.length);
    let at = 0;
    for (const hash of manifest.hashes) {
      const { kvs } = await this.#gateway.ask<RangeAnswer>('kv/range', { key: this.#keys.chunk(key, hash) });
      const bytes = fromBase64(kvs?.[0]?.value);
      if (kvs?.[0] === undefined || hashOf(bytes) !== hash || at + bytes.length > value.length) return undefined;
      value.set(bytes, at);
      at += bytes.length;
    }
    return at === value.length ? value : undefined;
  }
}

/** @throws RegistryError `malformed` for what this version did not write. */
function readManifest(stored: Uint8Array): { readonly length: number; readonly hashes: readonly string[] } | undefined {
  if (stored.length === 0 || stored[0] === INLINE) return undefined;
  const reader = new ByteReader(stored);
  const form = reader.u8();
  const length = reader.varint();
  if (form !== MANIFEST || length > LIMITS.documentBytes) {
    throw new RegistryError(RegistryErrorCode.Malformed, `etcd holds a value of an unknown form (${form}) or length (${length})`);
  }
  const hashes = reader.list((item) => Buffer.from(item.blob()).toString('hex'));
  reader.end();
  return { length, hashes };
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64');
}

function fromBase64(text: string | undefined): Uint8Array {
  return new Uint8Array(Buffer.from(text ?? '', 'base64'));
}
