import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../seams/log.ts';
import type { SlotCache } from '../seams/store.ts';
import { crc32c } from '../slot/crc32c.ts';

/**
 * Snapshot and journals in a folder. Records are `length:u32 crc32c:u32 bytes`; the first that does not check ends a file.
 *
 * Generation N is `snapshot-N`, and the journals from `journal-N` on, read in order; records are appended to the last one. A rotation first
 * begins `journal-M+1` behind the last one, then writes `snapshot-M+1` beside the old one and renames it, then raises the generation to M+1
 * and removes what is older. A crash or a failure in between leaves the old snapshot and all journals since.
 */
const HEAD_BYTES = 8;

export interface SlotCacheOptions {
  readonly folder: string;
  readonly log: Log;
}

export function openSlotCache(options: SlotCacheOptions): SlotCache {
  mkdirSync(options.folder, { recursive: true });
  return new FileSlotCache(options);
}

class FileSlotCache implements SlotCache {
  readonly #folder: string;
  readonly #log: Log;
  #generation: number;
  #last: number;
  #journal: number | undefined;
  /** Bytes of whole records in the last journal; what stands behind them is torn and is cut off before the next append. */
  #lastBytes: number;
  /** The same of the journals before it, since the generation. */
  #earlierBytes: number;
  #isFailing = false;

  constructor({ folder, log }: SlotCacheOptions) {
    this.#folder = folder;
    this.#log = log;
    this.#generation = this.#readGeneration();
    const journals = this.#journals();
    this.#last = journals.at(-1) ?? this.#generation;
    this.#lastBytes = this.#bytesOf(this.#last);
    this.#earlierBytes = journals.slice(0, -1).reduce((sum, number) => sum + this.#bytesOf(number), 0);
  }

  async load(): Promise<{ readonly snapshot: readonly Uint8Array[]; readonly journal: readonly Uint8Array[] }> {
    const snapshot = this.#readRecords(`snapshot-${this.#generation}`);
    return { snapshot, journal: this.#journals().flatMap((number) => this.#readRecords(`journal-${number}`)) };
  }

  append(record: Uint8Array): void {
    try {
      this.#journal ??= this.#openJournal();
      const framed = frame(record);
      const written = writeSync(this.#journal, framed);
      if (written < framed.length) throw new Error(`only ${written} of ${framed.length} bytes were taken`);
      this.#lastBytes += framed.length;
      if (this.#isFailing) this.#log.info('the restart cache works again');
      this.#isFailing = false;
    } catch (caught) {
      // The journal only protects a restart: a full disk must not stop registrations. Said once, not per record.
      if (!this.#isFailing)
        this.#log.error('the restart cache cannot be written; a restart now would lose its protection', { reason: String(caught) });
      this.#isFailing = true;
      this.#closeJournal();
    }
  }

  async rotate(pieces: Iterable<Uint8Array>): Promise<void> {
    // An empty journal of a rotation that failed is good for the next one.
    const next = this.#last > this.#generation && this.#lastBytes === 0 ? this.#last : this.#last + 1;
    try {
      writeFileSync(this.#path(`journal-${next}`), '');
      this.#closeJournal();
      this.#last = next;
      this.#earlierBytes += this.#lastBytes;
      this.#lastBytes = 0;
      await this.#writeSnapshot(`snapshot-${next}`, pieces);
      writeFileSync(this.#path('generation.new'), String(next));
      renameSync(this.#path('generation.new'), this.#path('generation'));
      this.#generation = next;
      this.#earlierBytes = 0;
      for (const { name, number } of this.#numbered()) if (number < next) rmSync(this.#path(name), { force: true, recursive: true });
    } catch (caught) {
      this.#log.error('the restart snapshot could not be written', { reason: String(caught) });
    }
  }

  /** Lets the event loop turn with each piece. */
  async #writeSnapshot(name: string, pieces: Iterable<Uint8Array>): Promise<void> {
    const path = this.#path(`${name}.new`);
    const file = await open(path, 'w');
    try {
      for (const piece of pieces) await file.appendFile(frame(piece));
    } catch (caught) {
      // On a full disk half a snapshot would only be in the way.
      rmSync(path, { force: true });
      throw caught;
    } finally {
      await file.close();
    }
    renameSync(path, this.#path(name));
  }

  journalBytes(): number {
    return this.#earlierBytes + this.#lastBytes;
  }

  async close(): Promise<void> {
    this.#closeJournal();
  }

  #openJournal(): number {
    const journal = openSync(this.#path(`journal-${this.#last}`), 'a');
    const { size } = fstatSync(journal);
    this.#lastBytes = Math.min(this.#lastBytes, size);
    if (size > this.#lastBytes) ftruncateSync(journal, this.#lastBytes);
    return journal;
  }

  #closeJournal(): void {
    if (this.#journal !== undefined) closeSync(this.#journal);
    this.#journal = undefined;
  }

  #readGeneration(): number {
    const path = this.#path('generation');
    if (!existsSync(path)) return 0;
    const generation = Number.parseInt(readFileSync(path, 'utf8'), 10);
    return Number.isSafeInteger(generation) && generation >= 0 ? generation : 0;
  }

  /** Numbers of the journals since the snapshot, in order. */
  #journals(): readonly number[] {
    const journals = this.#numbered().filter(({ name, number }) => name === `journal-${number}` && number >= this.#generation);
    return journals.map(({ number }) => number).sort((a, b) => a - b);
  }

  /** Journals and snapshots, whole or half written, of whatever generation. */
  #numbered(): readonly { readonly name: string; readonly number: number }[] {
    return readdirSync(this.#folder).flatMap((name) => {
      const number = /^(?:journal|snapshot)-(\d+)(?:\.new)?$/.exec(name)?.[1];
      return number === undefined ? [] : [{ name, number: Number(number) }];
    });
  }

  #bytesOf(journal: number): number {
    return this.#readRecords(`journal-${journal}`).reduce((sum, record) => sum + HEAD_BYTES + record.length, 0);
  }

  #readRecords(name: string): Uint8Array[] {
    const path = this.#path(name);
    if (!existsSync(path)) return [];
    const bytes = readFileSync(path);
    const records: Uint8Array[] = [];
    let offset = 0;
    while (offset + HEAD_BYTES <= bytes.length) {
      const length = bytes.readUInt32BE(offset);
      const end = offset + HEAD_BYTES + length;
      if (end > bytes.length) break;
      const record = bytes.subarray(offset + HEAD_BYTES, end);
      if (crc32c(record) !== bytes.readUInt32BE(offset + 4)) break;
      records.push(record);
      offset = end;
    }
    if (offset < bytes.length)
      this.#log.warn('the end of a restart journal was torn and is left out', { file: name, bytes: bytes.length - offset });
    return records;
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }
}

function frame(record: Uint8Array): Uint8Array {
  const framed = Buffer.allocUnsafe(HEAD_BYTES + record.length);
  framed.writeUInt32BE(record.length, 0);
  framed.writeUInt32BE(crc32c(record), 4);
  framed.set(record, HEAD_BYTES);
  return framed;
}
