import { ByteReader } from '../codec/byte-reader.ts';
import { ByteWriter } from '../codec/byte-writer.ts';
import { type DataInfoId, type FoldedId, foldDataInfoId } from '../model/data-info-id.ts';
import type { DatumVersion } from '../model/datum-version.ts';
import { RegistryError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { Publisher } from '../model/publisher.ts';
import { StoredPublisher } from '../model/stored-publisher.ts';
import type { Clock } from '../seams/clock.ts';
import type { Log } from '../seams/log.ts';
import type { SlotCache } from '../seams/store.ts';
import { readPublisher, writePublisher } from '../wire/records.ts';

/**
 * What a restart needs to know of the time before it, kept through a SlotCache (design: restart).
 *
 *     piece of the snapshot := items          journal record := items
 *     items    := item*
 *     item     := 1 wallMs:f64 highestVersion:u64                a sign that this node lived then
 *               | 2 publisher                                    a lease publisher was put
 *               | 3 dataInfoId:text registerId:text              a lease publisher is gone
 *               | 4 dataInfoId:text registerId:text              a connection publisher was put
 *               | 5 dataInfoId:text registerId:text              a connection publisher was withdrawn
 *
 * A connection publisher is remembered by name and registerId only: its client brings the record back.
 */
const Item = { Alive: 1, LeasePut: 2, LeaseGone: 3, ConnectionPut: 4, ConnectionGone: 5 } as const;

export interface Restored {
  /** Lease publishers of the time before; empty when that is too long ago. */
  readonly leases: readonly Publisher[];
  /** registerIds of connection publishers by name, to hold the name until they are back. */
  readonly connections: ReadonlyMap<FoldedId, ReadonlySet<string>>;
  /** No version at or below this may be issued. */
  readonly highestVersion: DatumVersion;
}

/** A connection publisher of before this start that is not back yet. */
export interface MissingPublisher {
  readonly foldedId: FoldedId;
  readonly registerId: string;
}

export class RestartCache {
  readonly #cache: SlotCache;
  readonly #clock: Clock;
  readonly #log: Log;
  #pending = new ByteWriter();
  /** Something was noted that the snapshot may not have. */
  #isChanged = false;
  /** Ends when what was to be kept so far is noted. */
  #keeping: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(cache: SlotCache, clock: Clock, log: Log) {
    this.#cache = cache;
    this.#clock = clock;
    this.#log = log;
  }

  /** `oldestMs`: a cache whose last sign of life is older says nothing about the present and restores only versions. */
  async load(oldestMs: number): Promise<Restored> {
    const { snapshot, journal } = await this.#cache.load();
    const state = new Replay();
    for (const bytes of [...snapshot, ...journal]) {
      try {
        state.apply(bytes);
      } catch (caught) {
        this.#log.warn('a damaged record of the restart cache ends its reading', { reason: RegistryError.from(caught).message });
        break;
      }
    }
    const isYoung = this.#clock.wallMs() - state.aliveAtMs <= oldestMs;
    if (!isYoung) return { leases: [], connections: new Map(), highestVersion: state.highestVersion };
    return { leases: [...state.leases.values()], connections: state.connections, highestVersion: state.highestVersion };
  }

  put(publisher: Publisher): void {
    this.#isChanged = true;
    writePut(this.#pending, publisher);
  }

  gone(publisher: Publisher): void {
    this.#isChanged = true;
    const item = publisher.liveness.kind === 'lease' ? Item.LeaseGone : Item.ConnectionGone;
    this.#pending.u8(item).text(publisher.dataInfoId).text(publisher.registerId);
  }

  /** Noted by itself only where nothing else happens. */
  alive(highestVersion: DatumVersion): void {
    this.#writeAlive(this.#pending, highestVersion);
  }

  /** Hands what was noted to the operating system, with a sign of life: call before acknowledging it. */
  flush(highestVersion: DatumVersion): void {
    if (this.#pending.length === 0) return;
    this.alive(highestVersion);
    this.#cache.append(this.#pending.finish());
    this.#pending = new ByteWriter();
  }

  get journalBytes(): number {
    return this.#cache.journalBytes();
  }

  /**
   * Notes what nobody had to remember until now, piece by piece with other work in between. What is taken from `publishers` must be true
   * then: what changes meanwhile is noted as it happens.
   */
  keep(publishers: Iterable<Publisher>, highestVersion: () => DatumVersion): void {
    this.#isChanged = true;
    this.#keeping = this.#keeping.then(async () => {
      for (const publisher of publishers) {
        if (this.#stopped) return;
        this.put(publisher);
        if (this.#pending.length < LIMITS.snapshotPieceBytes) continue;
        this.flush(highestVersion());
        await new Promise<void>((resolve) => this.#clock.soon(resolve));
      }
      this.flush(highestVersion());
    });
  }

  /**
   * Replaces everything by what is to be remembered, unless nothing has changed. It is taken piece by piece with other work in between: what
   * changes meanwhile is noted as it happens, and read after the snapshot.
   */
  async rotate(remembered: Iterable<Publisher | MissingPublisher>, highestVersion: DatumVersion): Promise<void> {
    if (!this.#isChanged) return;
    this.#isChanged = false;
    await this.#cache.rotate(this.#pieces(remembered, highestVersion));
  }

  /** Nothing more is kept: a last rotation has everything. */
  stop(): void {
    this.#stopped = true;
  }

  *#pieces(remembered: Iterable<Publisher | MissingPublisher>, highestVersion: DatumVersion): IterableIterator<Uint8Array> {
    let writer = new ByteWriter();
    this.#writeAlive(writer, highestVersion);
    for (const publisher of remembered) {
      writePut(writer, publisher);
      if (writer.length < LIMITS.snapshotPieceBytes) continue;
      yield writer.finish();
      writer = new ByteWriter();
    }
    yield writer.finish();
  }

  #writeAlive(writer: ByteWriter, highestVersion: DatumVersion): void {
    writer.u8(Item.Alive).f64(this.#clock.wallMs()).u64(highestVersion);
  }
}

function writePut(writer: ByteWriter, publisher: Publisher | MissingPublisher): void {
  if ('foldedId' in publisher) writer.u8(Item.ConnectionPut).text(publisher.foldedId).text(publisher.registerId);
  else if (publisher.liveness.kind === 'lease') writePublisher(writer.u8(Item.LeasePut), publisher);
  else writer.u8(Item.ConnectionPut).text(publisher.dataInfoId).text(publisher.registerId);
}

class Replay {
  readonly leases = new Map<string, Publisher>();
  readonly connections = new Map<FoldedId, Set<string>>();
  highestVersion: DatumVersion = 0n;
  aliveAtMs = 0;

  apply(bytes: Uint8Array): void {
    const reader = new ByteReader(bytes);
    while (reader.remaining > 0) this.#item(reader);
  }

  #item(reader: ByteReader): void {
    const item = reader.u8();
    if (item === Item.Alive) {
      this.aliveAtMs = Math.max(this.aliveAtMs, reader.f64());
      const version = reader.u64();
      if (version > this.highestVersion) this.highestVersion = version;
      return;
    }
    if (item === Item.LeasePut) {
      const publisher = readPublisher(reader);
      this.leases.set(`${publisher.dataInfoId}\u0000${publisher.registerId}`, StoredPublisher.of(publisher));
      return;
    }
    const dataInfoId = reader.text() as DataInfoId;
    const registerId = reader.text();
    if (item === Item.LeaseGone) this.leases.delete(`${dataInfoId}\u0000${registerId}`);
    else if (item === Item.ConnectionGone) this.connections.get(foldDataInfoId(dataInfoId))?.delete(registerId);
    else if (item === Item.ConnectionPut) this.#connection(foldDataInfoId(dataInfoId)).add(registerId);
    else throw new Error(`unknown item ${item}`);
  }

  #connection(foldedId: FoldedId): Set<string> {
    let ids = this.connections.get(foldedId);
    if (ids === undefined) {
      ids = new Set();
      this.connections.set(foldedId, ids);
    }
    return ids;
  }
}
