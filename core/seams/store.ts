import type { ProcessId } from '../model/node.ts';
import type { Closeable } from './transport.ts';

/** A durable value and the revision of the store at which it was last written. Revisions only grow. */
export interface StoredValue {
  readonly key: string;
  readonly value: Uint8Array;
  readonly revision: number;
}

/** One condition and change of an atomic commit. */
export type StoreWrite =
  | {
      readonly kind: 'put';
      readonly key: string;
      readonly value: Uint8Array;
      /** undefined: unconditionally. 0: only when absent. Otherwise: only at this revision. */
      readonly expectedRevision?: number;
    }
  | { readonly kind: 'delete'; readonly key: string; readonly expectedRevision?: number };

export type CommitResult =
  | { readonly committed: true; readonly revision: number }
  | { readonly committed: false; readonly conflictingKey: string };

/** `serving`: reads and writes. `refusing-writes`: reads only, with the reason (disk full, quota). `closed`. */
export type StoreCondition =
  | { readonly state: 'serving' }
  | { readonly state: 'refusing-writes'; readonly reason: string }
  | { readonly state: 'closed' };

/** Who leads what has this name, as the store knows it. */
export interface Leadership {
  readonly name: string;
  /** The incarnation that leads: the one that asked, or another. */
  readonly holder: ProcessId;
  /** Grows with every change of the holder, also when the same node leads again. */
  readonly term: number;
  /** How long the asker may rely on it, counted from the moment it asked; 0 when another one leads. */
  readonly validForMs: number;
}

/** Ties a commit to a term of office: it is refused once somebody else has come to lead, however late it arrives. */
export interface Fence {
  readonly name: string;
  readonly term: number;
}

/** Told of commits by whomever, in the order of their revisions. */
export interface StoreWatcher {
  changed(keys: readonly string[], revision: number): void;
  /** Commits may have gone unseen (the store was out of reach, its history is gone): what is known must be read again. */
  missed(): void;
}

/**
 * The only durable state of the registry. Two implementations stand behind it: embedded (one Meta) and etcd (several).
 * A commit is durable when its promise resolves: it survives kill -9 and, for the embedded store, loss of power.
 *
 * Every call may throw RegistryError `store-unavailable` when the store cannot be reached; it heals by itself and is asked again by
 * the next call.
 */
export interface MetaStore {
  get(key: string): Promise<StoredValue | undefined>;
  /** Values whose key starts with `prefix`, in key order, after `after` (exclusive), at most `limit`. */
  list(prefix: string, options: { readonly after?: string; readonly limit: number }): Promise<readonly StoredValue[]>;
  /**
   * Applies all writes or none, and only while the fence's term lasts. Of several writes to one key the last one holds.
   * @throws RegistryError `store-unavailable` when nothing durable can be written now or, after a lost connection, nobody can tell yet
   * whether it was; `not-leader` when the term is over; `limit-exceeded` for a value above `LIMITS.documentBytes`.
   */
  commit(writes: readonly StoreWrite[], fence?: Fence): Promise<CommitResult>;
  /** Not below the greatest revision committed so far; 0 for an empty store. Rises only with commits. */
  revision(): Promise<number>;
  /**
   * Takes or renews leadership for `holder`, or tells who has it. It is lost when it was not renewed for `validForMs`. The embedded
   * store always grants, with a term per opening.
   */
  campaign(name: string, holder: ProcessId, validForMs: number): Promise<Leadership>;
  /** Gives up what this store holds, so that another need not wait. */
  resign(name: string): Promise<void>;
  watch(prefix: string, watcher: StoreWatcher): Closeable;
  condition(): StoreCondition;
  close(): Promise<void>;
}

/**
 * Where a Data node keeps the cache that protects a restart (design: restart): a snapshot and a journal of what came after.
 * Losing it costs only that protection, so nothing here is synced to the disk, and an error never stops a registration.
 */
export interface SlotCache {
  /** What was left by the last run: the pieces of the snapshot and the records of the journal, each as far as they are undamaged. */
  load(): Promise<{ readonly snapshot: readonly Uint8Array[]; readonly journal: readonly Uint8Array[] }>;
  /** Hands one record to the operating system before it returns, so that the death of the process does not lose it. */
  append(record: Uint8Array): void;
  /**
   * Replaces snapshot and journal atomically, when the last piece is written: records appended after this call began belong to the new
   * journal. The pieces are taken one by one, with other work in between, so that making them should not take long either. One rotation at
   * a time.
   */
  rotate(pieces: Iterable<Uint8Array>): Promise<void>;
  /** Bytes appended since the last rotation that succeeded, to decide when to rotate. */
  journalBytes(): number;
  close(): Promise<void>;
}
