import { ByteReader } from '../codec/byte-reader.ts';
import { ByteWriter } from '../codec/byte-writer.ts';
import { RegistryError, RegistryErrorCode } from '../model/errors.ts';
import type { PeerId } from '../model/node.ts';
import { EMPTY_SLOT_TABLE, type SlotTable } from '../model/slot-table.ts';
import type { MetaStore } from '../seams/store.ts';
import { readSlotTable, writeSlotTable } from '../wire/heartbeat.ts';

const CLUSTER_KEY = 'meta/cluster';
const TABLE_KEY = 'meta/slot-table';
const SESSIONS_KEY = 'meta/sessions';

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
    if (stored === undefined) return EMPTY_SLOT_TABLE;
    this.#revision = stored.revision;
    return readSlotTable(new ByteReader(stored.value));
  }

  /** @throws RegistryError `conflict` when another Meta wrote in between, `store-unavailable`. */
  async save(table: SlotTable): Promise<void> {
    const writer = new ByteWriter(1_024);
    writeSlotTable(writer, table);
    const result = await this.#store.commit([{ kind: 'put', key: TABLE_KEY, value: writer.finish(), expectedRevision: this.#revision }]);
    if (!result.committed) throw new RegistryError(RegistryErrorCode.Conflict, 'another Meta has written a slot table');
    this.#revision = result.revision;
  }
}

/**
 * The Sessions that were members last, so that a Meta that starts anew knows whom to wait for: a slot leader must have compared itself
 * with every Session before it serves, and a list that is still short would let it serve too early.
 */
export class StoredSessions {
  readonly #store: MetaStore;
  #saved = '';

  constructor(store: MetaStore) {
    this.#store = store;
  }

  async load(): Promise<readonly PeerId[]> {
    const stored = await this.#store.get(SESSIONS_KEY);
    if (stored === undefined) return [];
    const reader = new ByteReader(stored.value);
    const peers = reader.list((item) => item.text() as PeerId);
    this.#saved = peers.join(' ');
    return peers;
  }

  /** Written only when it changed. @throws RegistryError `store-unavailable`. */
  async save(peers: readonly PeerId[]): Promise<void> {
    const text = peers.join(' ');
    if (text === this.#saved) return;
    const writer = new ByteWriter();
    writer.list(peers, (peer) => writer.text(peer));
    await this.#store.commit([{ kind: 'put', key: SESSIONS_KEY, value: writer.finish() }]);
    this.#saved = text;
  }
}
