import type { LeaseDomain } from '../lease/lease-domain.ts';
import type { Lease } from '../lease/lease-table.ts';
import type { DataInfoId, FoldedId } from '../model/data-info-id.ts';
import type { Datum } from '../model/datum.ts';
import type { DatumVersion } from '../model/datum-version.ts';
import { DigestAccumulator } from '../model/digest.ts';
import { type Fingerprint, fingerprintOf } from '../model/fingerprint.ts';
import type { StoredPublisher } from '../model/stored-publisher.ts';

/** A publisher as it stands in a datum, with its lease when it lives by one on this node. */
export class PublisherRecord {
  publisher: StoredPublisher;
  readonly datum: StoredDatum;
  lease: Lease<KeptLease> | undefined = undefined;
  #fingerprintHigh: number;
  #fingerprintLow: number;

  constructor(publisher: StoredPublisher, datum: StoredDatum) {
    this.publisher = publisher;
    this.datum = datum;
    const { high, low } = fingerprintOf(publisher);
    this.#fingerprintHigh = high;
    this.#fingerprintLow = low;
  }

  /** Its publisher was found to differ from what was stored: whoever has it right may replace it. */
  get isFlipped(): boolean {
    return this.datum.isFlipped(this);
  }

  /** Of the publisher as it was stored. */
  get fingerprint(): Fingerprint {
    return { high: this.#fingerprintHigh, low: this.#fingerprintLow };
  }

  replace(publisher: StoredPublisher): void {
    this.publisher = publisher;
    const { high, low } = fingerprintOf(publisher);
    this.#fingerprintHigh = high;
    this.#fingerprintLow = low;
  }
}

/** A record's lease with what the guard must know of it. */
export interface KeptLease {
  readonly record: PublisherRecord;
  readonly domains: readonly LeaseDomain[];
  hold: { readonly domain: LeaseDomain; readonly sinceMs: number } | undefined;
}

/**
 * The publishers of one name, in one form of it, with the version that readers hold them by. They lie in the order of their registerIds, in
 * which readers want them: a map would take four times as much for each, and a sorted list beside it. To put one into 100,000 takes 6 us.
 */
export class StoredDatum {
  readonly dataInfoId: DataInfoId;
  readonly group: StoredGroup;
  readonly digest = new DigestAccumulator();
  version: DatumVersion;
  emptiedAtMs: number | undefined;
  readonly #records: PublisherRecord[] = [];
  /** undefined while there is none, which is nearly always. */
  #flipped: Set<PublisherRecord> | undefined;

  constructor(dataInfoId: DataInfoId, group: StoredGroup, version: DatumVersion) {
    this.dataInfoId = dataInfoId;
    this.group = group;
    this.version = version;
  }

  get size(): number {
    return this.#records.length;
  }

  get hasFlipped(): boolean {
    return this.#flipped !== undefined;
  }

  find(registerId: string): PublisherRecord | undefined {
    const record = this.#records[this.#placeOf(registerId)];
    return record?.publisher.registerId === registerId ? record : undefined;
  }

  /** A record whose registerId is not there yet. */
  add(record: PublisherRecord): void {
    this.#records.splice(this.#placeOf(record.publisher.registerId), 0, record);
  }

  /** False when it was not there any more. */
  remove(record: PublisherRecord): boolean {
    const place = this.#placeOf(record.publisher.registerId);
    if (this.#records[place] !== record) return false;
    this.#records.splice(place, 1);
    return true;
  }

  /** In order. Where records come or go meanwhile, one beside them may be missed or seen twice. */
  records(): IterableIterator<PublisherRecord> {
    return this.#records.values();
  }

  value(): Datum {
    return { dataInfoId: this.dataInfoId, version: this.version, publishers: this.#records.map((record) => record.publisher) };
  }

  isFlipped(record: PublisherRecord): boolean {
    return this.#flipped?.has(record) === true;
  }

  markFlipped(record: PublisherRecord): void {
    this.#flipped ??= new Set();
    this.#flipped.add(record);
  }

  forgetFlipped(record: PublisherRecord): void {
    this.#flipped?.delete(record);
    if (this.#flipped?.size === 0) this.#flipped = undefined;
  }

  /** Where a registerId is, or would be. */
  #placeOf(registerId: string): number {
    let low = 0;
    let high = this.#records.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#records[middle] as PublisherRecord).publisher.registerId < registerId) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** All forms of one name that fold to the same: they share their versions. */
export interface StoredGroup {
  readonly foldedId: FoldedId;
  readonly datums: Map<DataInfoId, StoredDatum>;
  floor: DatumVersion;
}
