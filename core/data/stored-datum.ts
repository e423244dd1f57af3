import type { LeaseDomain } from '../lease/lease-domain.ts';
import type { Lease } from '../lease/lease-table.ts';
import type { DataInfoId, FoldedId } from '../model/data-info-id.ts';
import type { Datum } from '../model/datum.ts';
import type { DatumVersion } from '../model/datum-version.ts';
import { DigestAccumulator } from '../model/digest.ts';
import { type Fingerprint, fingerprintOf } from '../model/fingerprint.ts';
import type { Publisher } from '../model/publisher.ts';
import type { StoredPublisher } from '../model/stored-publisher.ts';

/** A publisher as it stands in a datum, with its lease when it lives by one on this node. */
export class PublisherRecord {
  publisher: StoredPublisher;
  readonly datum: StoredDatum;
  /** Its publisher was found to differ from what was stored: whoever has it right may replace it. */
  isFlipped = false;
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

/** The publishers of one name, in one form of it, with the version that readers hold them by. */
export class StoredDatum {
  readonly dataInfoId: DataInfoId;
  readonly group: StoredGroup;
  readonly records = new Map<string, PublisherRecord>();
  readonly digest = new DigestAccumulator();
  version: DatumVersion;
  emptiedAtMs: number | undefined;
  flippedRecords = 0;
  #sorted: readonly Publisher[] | undefined;

  constructor(dataInfoId: DataInfoId, group: StoredGroup, version: DatumVersion) {
    this.dataInfoId = dataInfoId;
    this.group = group;
    this.version = version;
  }

  /** A reader's value, remembered until the next change. */
  value(): Datum {
    this.#sorted ??= [...this.records.values()]
      .map((record) => record.publisher)
      .sort((a, b) => (a.registerId < b.registerId ? -1 : a.registerId > b.registerId ? 1 : 0));
    return { dataInfoId: this.dataInfoId, version: this.version, publishers: this.#sorted };
  }

  changed(): void {
    this.#sorted = undefined;
  }
}

/** All forms of one name that fold to the same: they share their versions. */
export interface StoredGroup {
  readonly foldedId: FoldedId;
  readonly datums: Map<DataInfoId, StoredDatum>;
  floor: DatumVersion;
}
