import { ByteReader } from '../codec/byte-reader.ts';
import { ByteWriter } from '../codec/byte-writer.ts';
import { RegistryError, RegistryErrorCode } from '../model/errors.ts';
import type { Member } from '../model/node.ts';
import { EMPTY_SLOT_TABLE, type SlotTable } from '../model/slot-table.ts';
import type { Fence, MetaStore } from '../seams/store.ts';
import { readMember, readSlotTable, writeMember, writeSlotTable } from '../wire/heartbeat.ts';

const CLUSTER_KEY = 'meta/cluster';
const TABLE_KEY = 'meta/slot-table';
const MEMBERS_KEY = 'meta/members';

/** What a cluster is and stays: written at its first start, compared at every later one. */
export interface ClusterRecord {
  readonly cluster: string;
  readonly slotCount: number;
}

/** @throws RegistryError `wrong-cluster`, with a sentence that names both sides. */
export function assertSameCluster(own: ClusterRecord, other: ClusterRecord): void {
  if (own.cluster !== other.cluster) {
    throw new RegistryError(RegistryErrorCode.WrongCluster, `this is cluster "${own.cluster}", not "${other.cluster}"`);
  }
  if (own.slotCount !== other.slotCount) {
    throw new RegistryError(
      RegistryErrorCode.WrongCluster,
      `cluster "${own.cluster}" was created with ${own.slotCount} slots and keeps them; ${other.slotCount} were asked for`,
    );
  }
}

/** Writes the record at the first start; later refuses another name or slot count. @throws RegistryError `wrong-cluster`. */
export async function openCluster(store: MetaStore, wanted: ClusterRecord): Promise<void> {
  const stored = await store.get(CLUSTER_KEY);
  if (stored !== undefined) {
    const reader = new ByteReader(stored.value);
    assertSameCluster({ cluster: reader.text(), slotCount: reader.varint() }, wanted);
    return;
  }
  const value = new ByteWriter().text(wanted.cluster).varint(wanted.slotCount).finish();
  const result = await store.commit([{ kind: 'put', key: CLUSTER_KEY, value, expectedRevision: 0 }]);
  // Another Meta was first: its record decides.
  if (!result.committed) await openCluster(store, wanted);
}

/** The slot table in the store, with the revision that fences the next write. */
export class StoredSlotTable {
  readonly #store: MetaStore;
  #revision = 0;

  constructor(store: MetaStore) {
    this.#store = store;
  }

  async load(): Promise<SlotTable> {
    const stored = await this.#store.get(TABLE_KEY);
    this.#revision = stored?.revision ?? 0;
    return stored === undefined ? EMPTY_SLOT_TABLE : readSlotTable(new ByteReader(stored.value));
  }

  /**
   * @throws RegistryError `conflict` when the stored table is not the one loaded or saved last, `not-leader` when the term is over,
   * `store-unavailable`, after which it may have been saved.
   */
  async save(table: SlotTable, fence: Fence): Promise<void> {
    const writer = new ByteWriter(1_024);
    writeSlotTable(writer, table);
    const write = { kind: 'put' as const, key: TABLE_KEY, value: writer.finish(), expectedRevision: this.#revision };
    const result = await this.#store.commit([write], fence);
    if (!result.committed) throw new RegistryError(RegistryErrorCode.Conflict, 'another slot table was stored');
    this.#revision = result.revision;
  }
}

/**
 * The members of before, with their incarnations and addresses, so that a Meta that comes to lead does not take silence for absence: a
 * slot leader must have compared itself with every Session before it serves, and a list that is still short would let it serve too early.
 */
export class StoredMembers {
  readonly #store: MetaStore;
  #saved: string | undefined;

  constructor(store: MetaStore) {
    this.#store = store;
  }

  async load(): Promise<readonly Member[]> {
    const stored = await this.#store.get(MEMBERS_KEY);
    if (stored === undefined) return [];
    const members = new ByteReader(stored.value).list(readMember);
    this.#saved = JSON.stringify(members);
    return members;
  }

  /** Written only when it changed. @throws RegistryError `not-leader`, `store-unavailable`. */
  async save(members: readonly Member[], fence: Fence): Promise<void> {
    const text = JSON.stringify(members);
    if (text === this.#saved) return;
    const writer = new ByteWriter();
    writer.list(members, writeMember);
    this.#saved = undefined;
    await this.#store.commit([{ kind: 'put', key: MEMBERS_KEY, value: writer.finish() }], fence);
    this.#saved = text;
  }
}
