import { type DataInfoId, type FoldedId, foldDataInfoId } from '../model/data-info-id.ts';
import type { Datum, DatumGroup } from '../model/datum.ts';
import { type DatumVersion, nextDatumVersion } from '../model/datum-version.ts';
import { type Digest, DigestAccumulator, EMPTY_DIGEST } from '../model/digest.ts';
import { fingerprintOf, sameFingerprint } from '../model/fingerprint.ts';
import { LIMITS } from '../model/limits.ts';
import type { ProcessId } from '../model/node.ts';
import { type Publisher, sameVisiblePublisher } from '../model/publisher.ts';
import { compareRegisterVersion, type RegisterVersion } from '../model/register-version.ts';
import { type SharedTexts, StoredPublisher } from '../model/stored-publisher.ts';
import type { RemoveReason } from '../seams/session-gateway.ts';
import type { WithdrawnRecord } from '../wire/slot-compare.ts';
import { PublisherRecord, StoredDatum, type StoredGroup } from './stored-datum.ts';

interface Tombstone {
  readonly dataInfoId: DataInfoId;
  readonly registerId: string;
  readonly version: RegisterVersion;
  /** Of the registration that was removed with it; undefined when nothing was known of one. */
  readonly withdrew: { readonly version: RegisterVersion; readonly owner: ProcessId } | undefined;
  readonly atMs: number;
}

/** What a store did: nothing, replaced without a visible difference, or changed what readers see. */
export type Applied =
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'stale'; readonly stored: RegisterVersion; readonly tombstone: boolean }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'silent'; readonly record: PublisherRecord }
  | { readonly kind: 'visible'; readonly record: PublisherRecord };

/** Time and chance of one decision: versions are issued from the wall clock, tombstones age on the monotonic one. */
export interface Moment {
  readonly wallMs: number;
  readonly monotonicMs: number;
}

/**
 * The datums of one slot: publishers ordered by register version, tombstones, versions and digests. It decides and holds;
 * it sends nothing and knows no time of its own. Rules: SOFARegistry's storage model with its ownership and tombstones.
 */
export class SlotStore {
  readonly #sharedTexts: SharedTexts;
  readonly #groups = new Map<FoldedId, StoredGroup>();
  readonly #tombstones = new Map<string, Tombstone>();
  readonly #root = new DigestAccumulator();
  readonly #ownerRoots = new Map<ProcessId, DigestAccumulator>();
  #highestVersion: DatumVersion = 0n;
  #publisherCount = 0;

  constructor(sharedTexts: SharedTexts = 'names') {
    this.#sharedTexts = sharedTexts;
  }

  get publisherCount(): number {
    return this.#publisherCount;
  }

  /** Greatest datum version of this slot that this node has issued or learned. */
  get highestVersion(): DatumVersion {
    return this.#highestVersion;
  }

  get root(): Digest {
    return this.#root.value();
  }

  /** Digest of the connection publishers of one Session process. */
  ownerRoot(owner: ProcessId): Digest {
    return this.#ownerRoots.get(owner)?.value() ?? EMPTY_DIGEST;
  }

  /** No version at or below `version` is issued from now on. */
  learnVersion(version: DatumVersion): void {
    if (version > this.#highestVersion) this.#highestVersion = version;
  }

  publish(incoming: Publisher, moment: Moment): Applied {
    const foldedId = foldDataInfoId(incoming.dataInfoId);
    const known = this.#groups.get(foldedId)?.datums.get(incoming.dataInfoId)?.find(incoming.registerId);
    const tombstone = this.#tombstones.get(tombstoneKey(incoming.dataInfoId, incoming.registerId));
    if (tombstone !== undefined && compareRegisterVersion(incoming.registerVersion, tombstone.version) <= 0) {
      // The same registration comes again when its answer was lost. It has been withdrawn meanwhile, whatever the clocks say.
      const { version, withdrew } = tombstone;
      const isItself = withdrew?.owner === incoming.owner && compareRegisterVersion(incoming.registerVersion, withdrew.version) === 0;
      return { kind: 'stale', stored: isItself ? incoming.registerVersion : version, tombstone: true };
    }
    if (known !== undefined && !known.isFlipped) {
      const order = compareRegisterVersion(incoming.registerVersion, known.publisher.registerVersion);
      if (order < 0) return { kind: 'stale', stored: known.publisher.registerVersion, tombstone: false };
      if (order === 0 && isRival(incoming, known.publisher))
        return { kind: 'stale', stored: known.publisher.registerVersion, tombstone: false };
      if (order === 0) return { kind: 'unchanged' };
    }
    const datum = known?.datum ?? this.#datum(foldedId, incoming.dataInfoId);
    const publisher = StoredPublisher.of(incoming, this.#sharedTexts);
    if (known !== undefined) {
      this.#countOut(known);
      const isSame = known.publisher.looksLike(publisher);
      known.replace(publisher);
      this.#countIn(known);
      if (isSame) return { kind: 'silent', record: known };
      this.#issueVersion(datum, moment);
      return { kind: 'visible', record: known };
    }
    const record = new PublisherRecord(publisher, datum);
    datum.add(record);
    datum.emptiedAtMs = undefined;
    this.#countIn(record);
    this.#issueVersion(datum, moment);
    return { kind: 'visible', record };
  }

  /** By its client, whoever owns it: removes up to this version and leaves a tombstone even when nothing is known. */
  unpublish(dataInfoId: DataInfoId, registerId: string, version: RegisterVersion, moment: Moment): Applied {
    const record = this.find(dataInfoId, registerId);
    if (record !== undefined && compareRegisterVersion(version, record.publisher.registerVersion) < 0) {
      return { kind: 'stale', stored: record.publisher.registerVersion, tombstone: false };
    }
    this.#entomb(dataInfoId, registerId, version, moment, record);
    if (record === undefined) return { kind: 'unknown' };
    this.#remove(record, moment);
    return { kind: 'visible', record };
  }

  /**
   * The connection ended: removes only what this process still owns. No tombstone: the client may be connected to another Session by
   * now, whose older stamp must not be refused.
   */
  disconnect(owner: ProcessId, dataInfoId: DataInfoId, registerId: string, version: RegisterVersion, moment: Moment): Applied {
    const record = this.find(dataInfoId, registerId);
    if (record === undefined) return { kind: 'unknown' };
    if (record.publisher.owner !== owner || compareRegisterVersion(version, record.publisher.registerVersion) < 0) {
      return { kind: 'stale', stored: record.publisher.registerVersion, tombstone: false };
    }
    this.#remove(record, moment);
    return { kind: 'visible', record };
  }

  /** An expired lease, a dead Session, a repair: no tombstone, so that a late heartbeat or replay brings it back. */
  drop(record: PublisherRecord, moment: Moment): void {
    this.#remove(record, moment);
  }

  /** A follower's or reader's copy of a decision made elsewhere: the version comes with it. */
  applyPut(incoming: Publisher, version: DatumVersion, moment: Moment): Applied {
    const known = this.find(incoming.dataInfoId, incoming.registerId);
    if (known !== undefined && !known.isFlipped) {
      const order = compareRegisterVersion(incoming.registerVersion, known.publisher.registerVersion);
      if (order < 0) return { kind: 'stale', stored: known.publisher.registerVersion, tombstone: false };
      // The leader's word stands, also where this copy has something else under the same version.
      if (order === 0 && !sameFingerprint(known.fingerprint, fingerprintOf(incoming))) known.datum.markFlipped(known);
    }
    this.#tombstones.delete(tombstoneKey(incoming.dataInfoId, incoming.registerId));
    const applied = this.publish(incoming, moment);
    this.#adoptVersion(incoming.dataInfoId, version);
    return applied;
  }

  applyRemove(
    dataInfoId: DataInfoId,
    registerId: string,
    removed: RegisterVersion,
    reason: RemoveReason,
    version: DatumVersion,
    moment: Moment,
  ): Applied {
    const record = this.find(dataInfoId, registerId);
    const isNewer = record !== undefined && compareRegisterVersion(record.publisher.registerVersion, removed) > 0;
    if (reason === 'withdrawn') this.#entomb(dataInfoId, registerId, removed, moment, isNewer ? undefined : record);
    if (record !== undefined && !isNewer) this.#remove(record, moment);
    this.#adoptVersion(dataInfoId, version);
    return record === undefined || isNewer ? { kind: 'unknown' } : { kind: 'visible', record };
  }

  /** A leader's tombstone, learned as a whole and not through the log. */
  applyTombstone({ dataInfoId, registerId, registerVersion }: WithdrawnRecord, moment: Moment): void {
    const record = this.find(dataInfoId, registerId);
    if (record !== undefined && compareRegisterVersion(record.publisher.registerVersion, registerVersion) > 0) return;
    this.#entomb(dataInfoId, registerId, registerVersion, moment);
  }

  /** What was withdrawn lately, the newest last and at most `LIMITS.tombstonesPerCompare` of them. */
  tombstones(): readonly WithdrawnRecord[] {
    const all = [...this.#tombstones.values()].slice(-LIMITS.tombstonesPerCompare);
    return all.map(({ dataInfoId, registerId, version }) => ({ dataInfoId, registerId, registerVersion: version }));
  }

  /** Sets a group's floor above a version that a client holds. True when that raised the group's version. */
  raiseAbove(foldedId: FoldedId, held: DatumVersion, moment: Moment): boolean {
    this.learnVersion(held);
    if (this.groupVersion(foldedId) >= held) return false;
    const group = this.#group(foldedId);
    group.floor = nextDatumVersion(this.#highestVersion, moment.wallMs);
    this.learnVersion(group.floor);
    return true;
  }

  find(dataInfoId: DataInfoId, registerId: string): PublisherRecord | undefined {
    return this.#groups.get(foldDataInfoId(dataInfoId))?.datums.get(dataInfoId)?.find(registerId);
  }

  groupVersion(foldedId: FoldedId): DatumVersion {
    const group = this.#groups.get(foldedId);
    if (group === undefined) return 0n;
    let greatest = group.floor;
    for (const datum of group.datums.values()) if (datum.version > greatest) greatest = datum.version;
    return greatest;
  }

  group(foldedId: FoldedId, held: boolean): DatumGroup {
    const group = this.#groups.get(foldedId);
    const datums = group === undefined ? [] : [...group.datums.values()].map((datum) => datum.value());
    return { foldedId, floor: group?.floor ?? 0n, held, datums };
  }

  /** undefined when nobody ever published under this name here. */
  datum(dataInfoId: DataInfoId): Datum | undefined {
    return this.#groups.get(foldDataInfoId(dataInfoId))?.datums.get(dataInfoId)?.value();
  }

  /** Every datum in the order of its DataInfoId, empty ones included. */
  datums(): readonly Datum[] {
    const datums: Datum[] = [];
    for (const group of this.#groups.values()) for (const datum of group.datums.values()) datums.push(datum.value());
    return datums.sort((a, b) => (a.dataInfoId < b.dataInfoId ? -1 : 1));
  }

  *records(): IterableIterator<PublisherRecord> {
    for (const group of this.#groups.values()) for (const datum of group.datums.values()) yield* datum.records();
  }

  /** What is here at the moment when it is taken, however long the reader takes: a record that went meanwhile is left out, one that came is not seen. */
  *publishers(): IterableIterator<StoredPublisher> {
    for (const record of [...this.records()]) {
      if (record.datum.find(record.publisher.registerId) === record) yield record.publisher;
    }
  }

  /** Session processes that own connection publishers here. */
  owners(): IterableIterator<ProcessId> {
    return this.#ownerRoots.keys();
  }

  names(): IterableIterator<FoldedId> {
    return this.#groups.keys();
  }

  /**
   * Digests per datum: of the whole (`owner` undefined), or of one process's connection publishers. Datums without any are left out, and
   * those with a flipped record, so that whoever is asked sends what it has of them.
   */
  digests(owner: ProcessId | undefined): { readonly dataInfoId: DataInfoId; readonly digest: Digest }[] {
    const digests: { readonly dataInfoId: DataInfoId; readonly digest: Digest }[] = [];
    for (const group of this.#groups.values()) {
      for (const datum of group.datums.values()) {
        if (datum.hasFlipped) continue;
        const digest = owner === undefined ? datum.digest.value() : ownedDigest(datum, owner);
        if (digest.count > 0 || owner === undefined) digests.push({ dataInfoId: datum.dataInfoId, digest });
      }
    }
    return digests.sort((a, b) => (a.dataInfoId < b.dataInfoId ? -1 : 1));
  }

  /** Forgets tombstones and empty datums that have outlived every message that could need them. */
  compact(monotonicMs: number): void {
    for (const [key, tombstone] of this.#tombstones) if (monotonicMs - tombstone.atMs > LIMITS.tombstoneMs) this.#tombstones.delete(key);
    for (const [foldedId, group] of this.#groups) {
      for (const [id, datum] of group.datums) {
        if (datum.emptiedAtMs === undefined || monotonicMs - datum.emptiedAtMs <= 2 * LIMITS.tombstoneMs) continue;
        // The view must not fall back to an older version when its newest member is forgotten.
        if (datum.version > group.floor) group.floor = datum.version;
        group.datums.delete(id);
      }
      if (group.datums.size === 0 && group.floor === 0n) this.#groups.delete(foldedId);
    }
  }

  /** Whether a record is still what was stored. Costs the length of its payload. One that is not is marked. */
  verify(record: PublisherRecord): boolean {
    if (record.isFlipped) return false;
    if (sameFingerprint(record.fingerprint, fingerprintOf(record.publisher))) return true;
    record.datum.markFlipped(record);
    return false;
  }

  /** Such a datum is not shown to other copies, which would take it over. */
  hasFlipped(dataInfoId: DataInfoId): boolean {
    return this.#groups.get(foldDataInfoId(dataInfoId))?.datums.get(dataInfoId)?.hasFlipped === true;
  }

  #group(foldedId: FoldedId): StoredGroup {
    let group = this.#groups.get(foldedId);
    if (group === undefined) {
      group = { foldedId, datums: new Map(), floor: 0n };
      this.#groups.set(foldedId, group);
    }
    return group;
  }

  #datum(foldedId: FoldedId, dataInfoId: DataInfoId): StoredDatum {
    const group = this.#group(foldedId);
    let datum = group.datums.get(dataInfoId);
    if (datum === undefined) {
      datum = new StoredDatum(dataInfoId, group, 0n);
      group.datums.set(dataInfoId, datum);
    }
    return datum;
  }

  #issueVersion(datum: StoredDatum, moment: Moment): void {
    const last = datum.version > datum.group.floor ? datum.version : datum.group.floor;
    datum.version = nextDatumVersion(this.#highestVersion > last ? this.#highestVersion : last, moment.wallMs);
    this.learnVersion(datum.version);
  }

  #adoptVersion(dataInfoId: DataInfoId, version: DatumVersion): void {
    this.learnVersion(version);
    this.#datum(foldDataInfoId(dataInfoId), dataInfoId).version = version;
  }

  #remove(record: PublisherRecord, moment: Moment): void {
    const { datum } = record;
    if (!datum.remove(record)) return;
    this.#countOut(record);
    this.#issueVersion(datum, moment);
    if (datum.size === 0) datum.emptiedAtMs = moment.monotonicMs;
  }

  #entomb(dataInfoId: DataInfoId, registerId: string, version: RegisterVersion, moment: Moment, record?: PublisherRecord): void {
    const key = tombstoneKey(dataInfoId, registerId);
    const known = this.#tombstones.get(key);
    if (known !== undefined && compareRegisterVersion(version, known.version) <= 0) return;
    const removed = record?.publisher;
    const withdrew = removed === undefined ? known?.withdrew : { version: removed.registerVersion, owner: removed.owner };
    this.#tombstones.set(key, { dataInfoId, registerId, version, withdrew, atMs: moment.monotonicMs });
  }

  #countIn({ publisher, datum, fingerprint }: PublisherRecord): void {
    this.#publisherCount += 1;
    this.#root.add(fingerprint);
    datum.digest.add(fingerprint);
    if (publisher.liveness.kind !== 'connection') return;
    let root = this.#ownerRoots.get(publisher.owner);
    if (root === undefined) {
      root = new DigestAccumulator();
      this.#ownerRoots.set(publisher.owner, root);
    }
    root.add(fingerprint);
  }

  /** By what was counted in, whatever has become of the publisher in memory. */
  #countOut(record: PublisherRecord): void {
    const { publisher, datum, fingerprint } = record;
    this.#publisherCount -= 1;
    this.#root.remove(fingerprint);
    datum.digest.remove(fingerprint);
    datum.forgetFlipped(record);
    if (publisher.liveness.kind !== 'connection') return;
    const root = this.#ownerRoots.get(publisher.owner);
    root?.remove(fingerprint);
    if (root?.count === 0) this.#ownerRoots.delete(publisher.owner);
  }
}

function tombstoneKey(dataInfoId: DataInfoId, registerId: string): string {
  return `${dataInfoId}\u0000${registerId}`;
}

function ownedDigest(datum: StoredDatum, owner: ProcessId): Digest {
  const digest = new DigestAccumulator();
  for (const { publisher, fingerprint } of datum.records()) {
    if (publisher.owner === owner && publisher.liveness.kind === 'connection') digest.add(fingerprint);
  }
  return digest.value();
}

/**
 * Two Sessions, or two incarnations of one, may lift their stamps to the same number. Of two different registrations with one version
 * the second is refused, so that its Session stamps its client's word anew.
 */
function isRival(incoming: Publisher, known: Publisher): boolean {
  return incoming.liveness.kind === 'connection' ? incoming.owner !== known.owner : !sameVisiblePublisher(incoming, known);
}
