import type { DataInfoId } from '../model/data-info-id.ts';
import { type Digest, DigestAccumulator, EMPTY_DIGEST } from '../model/digest.ts';
import { fingerprintOf } from '../model/fingerprint.ts';
import type { Publisher } from '../model/publisher.ts';
import { type PublisherLife, StoredPublisher } from '../model/stored-publisher.ts';
import type { Registration } from '../seams/session-gateway.ts';

/** Whoever publishers are withdrawn with: one client connection. The store keeps the set. */
export interface PublisherHolder {
  readonly publishers: Set<HeldPublisher>;
}

/** A publisher of this Session and the connection it lives by. */
export class HeldPublisher extends StoredPublisher {
  readonly holder: PublisherHolder;

  constructor(registration: Registration, life: PublisherLife, holder: PublisherHolder) {
    super(registration, life);
    this.holder = holder;
  }
}

interface SlotPublishers {
  readonly root: DigestAccumulator;
  readonly datums: Map<DataInfoId, { readonly digest: DigestAccumulator; readonly publishers: Map<string, HeldPublisher> }>;
}

/**
 * The connection publishers of this Session: the truth that slot leaders are corrected by. Kept by slot, with digests per slot and
 * datum, so that a comparison costs nothing when both agree. A record that another Session has taken over is left out.
 */
export class PublisherStore {
  readonly #slots = new Map<number, SlotPublishers>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  put(slotId: number, publisher: HeldPublisher): void {
    this.remove(slotId, publisher.dataInfoId, publisher.registerId);
    const datum = this.#datum(this.#slot(slotId), publisher.dataInfoId);
    datum.publishers.set(publisher.registerId, publisher);
    publisher.holder.publishers.add(publisher);
    const fingerprint = fingerprintOf(publisher);
    datum.digest.add(fingerprint);
    this.#slots.get(slotId)?.root.add(fingerprint);
    this.#count += 1;
  }

  remove(slotId: number, dataInfoId: DataInfoId, registerId: string): HeldPublisher | undefined {
    const slot = this.#slots.get(slotId);
    const datum = slot?.datums.get(dataInfoId);
    const publisher = datum?.publishers.get(registerId);
    if (slot === undefined || datum === undefined || publisher === undefined) return undefined;
    datum.publishers.delete(registerId);
    publisher.holder.publishers.delete(publisher);
    const fingerprint = fingerprintOf(publisher);
    datum.digest.remove(fingerprint);
    slot.root.remove(fingerprint);
    if (datum.publishers.size === 0) slot.datums.delete(dataInfoId);
    if (slot.datums.size === 0) this.#slots.delete(slotId);
    this.#count -= 1;
    return publisher;
  }

  get(slotId: number, dataInfoId: DataInfoId, registerId: string): HeldPublisher | undefined {
    return this.#slots.get(slotId)?.datums.get(dataInfoId)?.publishers.get(registerId);
  }

  root(slotId: number): Digest {
    return this.#slots.get(slotId)?.root.value() ?? EMPTY_DIGEST;
  }

  digest(slotId: number, dataInfoId: DataInfoId): Digest {
    return this.#slots.get(slotId)?.datums.get(dataInfoId)?.digest.value() ?? EMPTY_DIGEST;
  }

  /** DataInfoIds of a slot, sorted. */
  names(slotId: number): readonly DataInfoId[] {
    return [...(this.#slots.get(slotId)?.datums.keys() ?? [])].sort();
  }

  publishers(slotId: number, dataInfoId: DataInfoId): readonly Publisher[] {
    return [...(this.#slots.get(slotId)?.datums.get(dataInfoId)?.publishers.values() ?? [])];
  }

  #slot(slotId: number): SlotPublishers {
    let slot = this.#slots.get(slotId);
    if (slot === undefined) {
      slot = { root: new DigestAccumulator(), datums: new Map() };
      this.#slots.set(slotId, slot);
    }
    return slot;
  }

  #datum(slot: SlotPublishers, dataInfoId: DataInfoId) {
    let datum = slot.datums.get(dataInfoId);
    if (datum === undefined) {
      datum = { digest: new DigestAccumulator(), publishers: new Map<string, HeldPublisher>() };
      slot.datums.set(dataInfoId, datum);
    }
    return datum;
  }
}
