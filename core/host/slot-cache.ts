import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Log } from '../seams/log.ts';
import type { SlotCache } from '../seams/store.ts';
import { crc32c } from '../slot/crc32c.ts';

/**
 * Snapshot and journals in a folder. Records are `length:u32 crc32c:u32 bytes`; the first that does not check ends a journal.
 *
 * Generation N is `snapshot-N` and `journal-N`. A rotation first opens `journal-N+1`, then writes the new snapshot beside the
 * old one and renames it: a crash in between leaves the old snapshot and both journals, which are read in order.
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
  #generation = 0;
  #journal: number | undefined;
  /** Bytes of whole records in the current journal; what stands behind them is torn and is cut off before the next append. */
  #journalBytes = 0;
  #isFailing = false;

  constructor({ folder, log }: SlotCacheOptions) {
    this.#folder = folder;
    this.#log = log;
    this.#generation = this.#readGeneration();
    this.#journalBytes = this.#readRecords(`journal-${this.#generation}`).reduce((sum, record) => sum + HEAD_BYTES + record.length, 0);
  }

  async load(): Promise<{ readonly snapshot: Uint8Array | undefined; readonly journal: readonly Uint8Array[] }> {
    const [snapshot] = this.#readRecords(`snapshot-${this.#generation}`);
    const journal = [...this.#readRecords(`journal-${this.#generation}`), ...this.#readRecords(`journal-${this.#generation + 1}`)];
    return { snapshot, journal };
  }

  append(record: Uint8Array): void {
    try {
      this.#journal ??= this.#openJournal();
      const framed = frame(record);
      const written = writeSync(this.#journal, framed);
      if (written < framed.length) throw new Error(`only ${written} of ${framed.length} bytes were taken`);
      this.#journalBytes += framed.length;
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

  async rotate(snapshot: Uint8Array): Promise<void> {
    const next = this.#generation + 1;
    try {
      this.#closeJournal();
      writeFileSync(this.#path(`journal-${next}`), '');
      writeFileSync(this.#path(`snapshot-${next}.new`), frame(snapshot));
      renameSync(this.#path(`snapshot-${next}.new`), this.#path(`snapshot-${next}`));
      writeFileSync(this.#path('generation.new'), String(next));
      renameSync(this.#path('generation.new'), this.#path('generation'));
      this.#generation = next;
      this.#journalBytes = 0;
      for (const name of [`snapshot-${next - 1}`, `journal-${next - 1}`]) {
        rmSync(this.#path(name), { force: true });
      }
    } catch (caught) {
      this.#log.error('the restart snapshot could not be written', { reason: String(caught) });
    }
  }

  journalBytes(): number {
    return this.#journalBytes;
  }

  async close(): Promise<void> {
    this.#closeJournal();
  }

  #openJournal(): number {
    const journal = openSync(this.#path(`journal-${this.#generation}`), 'a');
    const { size } = fstatSync(journal);
    this.#journalBytes = Math.min(this.#journalBytes, size);
    if (size > this.#journalBytes) ftruncateSync(journal, this.#journalBytes);
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
