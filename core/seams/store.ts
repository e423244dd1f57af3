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

/** Exclusive leadership of a name, fenced by a term that grows with each new holder. */
export interface LeadershipGrant {
  readonly name: string;
  readonly term: number;
  readonly validForMs: number;
}

/**
 * The only durable state of the registry. Two implementations stand behind it: embedded (one Meta) and etcd (several).
 * A commit is durable when its promise resolves: it survives kill -9 and, for the embedded store, loss of power.
 */
export interface MetaStore {
  get(key: string): Promise<StoredValue | undefined>;
  /** Values whose key starts with `prefix`, in key order, after `after` (exclusive), at most `limit`. */
  list(prefix: string, options: { readonly after?: string; readonly limit: number }): Promise<readonly StoredValue[]>;
  /**
   * Applies all writes or none.
   * @throws RegistryError `store-unavailable` when nothing durable can be written now (the store heals by itself and is asked
   * again by the next commit), `limit-exceeded` for a value above `LIMITS.documentBytes`.
   */
  commit(writes: readonly StoreWrite[]): Promise<CommitResult>;
  /** Greatest revision committed so far; 0 for an empty store. */
  revision(): Promise<number>;
  /** Takes or renews leadership for `holder`. undefined: somebody else holds it. The embedded store always grants, with a term per opening. */
  campaign(name: string, holder: string, validForMs: number): Promise<LeadershipGrant | undefined>;
  condition(): StoreCondition;
  close(): Promise<void>;
}

/**
 * Where a Data node keeps the cache that protects a restart (design: restart): a snapshot and a journal of what came after.
 * Losing it costs only that protection, so nothing here is synced to the disk, and an error never stops a registration.
 */
export interface SlotCache {
  /** What was left by the last run: undefined when there is none or it is damaged. Torn journal records at the end are dropped. */
  load(): Promise<{ readonly snapshot: Uint8Array | undefined; readonly journal: readonly Uint8Array[] }>;
  /** Hands one record to the operating system before it returns, so that the death of the process does not lose it. */
  append(record: Uint8Array): void;
  /** Replaces snapshot and journal atomically: records appended after this call began belong to the new journal. */
  rotate(snapshot: Uint8Array): Promise<void>;
  /** Bytes appended since the last rotation, to decide when to rotate. */
  journalBytes(): number;
  close(): Promise<void>;
}
