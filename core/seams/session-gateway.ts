import type { DataInfoId, FoldedId } from '../model/data-info-id.ts';
import type { DatumVersion } from '../model/datum-version.ts';
import type { DerivedPublisher } from '../model/derived-publisher.ts';
import type { LeaseHold } from '../model/lease-hold.ts';
import type { Publisher } from '../model/publisher.ts';
import type { Subscriber } from '../model/subscriber.ts';
import type { Closeable } from './transport.ts';

/** What an adapter says of one registration; the Session adds owner and stamp. */
export interface Registration {
  readonly dataInfoId: DataInfoId;
  readonly registerId: string;
  readonly format: string;
  readonly payload: Uint8Array;
  readonly zone: string;
  readonly appName: string;
  readonly clientAddress: string;
}

/**
 * What one name looks like to readers of one format at one moment. Immutable, and one object for all subscribers who
 * see the same: `memo` is where an adapter keeps the bytes it encoded, so that they are encoded once.
 */
export interface ServiceView {
  readonly dataInfoId: DataInfoId;
  /** Greatest version of the members; never goes back for one subscriber. `UNKNOWN_DATUM_VERSION` when nobody ever published. */
  readonly version: DatumVersion;
  /** Publishers of exactly this DataInfoId in the reader's own format, sorted by registerId. */
  readonly publishers: readonly Publisher[];
  /** What other formats publish under the same public name, as far as policy lets it through, in the reader's format; sorted by the source's format, name and registerId. */
  readonly derived: readonly DerivedPublisher[];
  /** Calls `make` once per view and key, e.g. per zone filter and encoding, and keeps the result as long as the view lives. */
  memo<T>(key: string, make: () => T): T;
}

/** One push to one client connection: the newest view for those of its subscribers that share the name and scope. */
export interface Push {
  readonly view: ServiceView;
  /** At least one; all of one DataInfoId, scope, zone and `acceptsSeveralDataCenters`. */
  readonly subscribers: readonly Subscriber[];
  /** `first`: at least one subscriber has never been sent anything. */
  readonly cause: 'first' | 'change' | 'repeat';
}

/** `acknowledged`: the client has it. `failed`: worth another try. `closed`: the client is gone or must be left alone. */
export type PushOutcome = 'acknowledged' | 'failed' | 'closed';

/** Where pushes of one connection go. Called with at most one push in flight per DataInfoId; `done` must be called exactly once, at any time. */
export type PushSink = (push: Push, done: (outcome: PushOutcome) => void) => void;

/** The numbers by which the push path treats one protocol's connections. */
export interface PushProfile {
  /** Wait before a first push that would be empty, so that it does not overtake data that is on its way. Bolt 300, others 0. */
  readonly emptyFirstPushWaitMs: number;
  /** Least time between two pushes of one name to one client. Bolt 150, others 0. */
  readonly leastPushGapMs: number;
  /** After this long without `done` a push counts as failed; a late acknowledgement is still believed. */
  readonly acknowledgeTimeoutMs: number;
  /** Waits before the second, third ... try of a failed push. Afterwards the repair scan drives it. */
  readonly retryDelaysMs: readonly number[];
}

export interface ClientInfo {
  readonly protocol: string;
  /** `ip:port`. */
  readonly address: string;
  readonly format: string;
  readonly push: PushSink;
  readonly pushProfile: PushProfile;
}

/** `clean`: the client said goodbye or its process ended. `broken`: the link ended without a word. `idle`: silent too long. */
export type CloseReason = 'clean' | 'broken' | 'idle';

/**
 * A client whose registrations live as long as its connection. All methods act in memory at once: when they return, the
 * Session holds the change (design: what an acknowledgement promises).
 */
export interface ClientConnection {
  /**
   * Stores or replaces by (clientVersion, arrival). An older clientVersion than the stored one is ignored.
   * @throws RegistryError `limit-exceeded`, `invalid-argument`, `stopped`.
   */
  publish(registration: Registration, clientVersion: number): void;
  /** Removes whether or not it is known. */
  unpublish(dataInfoId: DataInfoId, registerId: string, clientVersion: number): void;
  /** A first push follows, even an empty one. The same registerId replaces. @throws RegistryError `limit-exceeded`, `stopped`. */
  subscribe(subscriber: Subscriber): void;
  unsubscribe(dataInfoId: DataInfoId, registerId: string): void;
  /** Withdraws what this connection registered, after a grace when many connections break at once. */
  close(reason: CloseReason): void;
}

/** `renewed`: the lease runs again for its whole duration. `unknown`: nobody has the record, the client must register again. */
export type RenewOutcome = 'renewed' | 'unknown';

/** Registrations that live by heartbeats, which may arrive at any Session. */
export interface LeaseGateway {
  /**
   * Resolves when the slot leader has applied it and readers of this Session see it, or, if the leader cannot be reached
   * within 1 s, when the Session holds it. The newest arrival wins.
   * @throws RegistryError `limit-exceeded`, `invalid-argument`, `stopped`.
   */
  register(registration: Registration, durationMs: number): Promise<void>;
  /** Answers at once for a record this Session holds; otherwise asks the slot leader. */
  renew(dataInfoId: DataInfoId, registerId: string): RenewOutcome | Promise<RenewOutcome>;
  /** An explicit deregistration; it wins over every earlier registration. Resolves as `register` does. `false`: nobody had it. */
  cancel(dataInfoId: DataInfoId, registerId: string): Promise<boolean>;
}

/** `upsert`, `remove`: registrations of the reader's format. `derived`, `derived-removed`: what it is shown of others; `derived` replaces an earlier one with its registerId. */
export type GlobalChange =
  | { readonly kind: 'upsert'; readonly publisher: Publisher; readonly version: DatumVersion }
  | {
      readonly kind: 'remove';
      readonly dataInfoId: DataInfoId;
      readonly registerId: string;
      readonly format: string;
      readonly version: DatumVersion;
      readonly reason: RemoveReason;
    }
  | { readonly kind: 'derived' | 'derived-removed'; readonly publisher: DerivedPublisher };

/** `withdrawn`: by its client. `expired`: lease or connection ended. `repaired`: digests found it gone. */
export type RemoveReason = 'withdrawn' | 'expired' | 'repaired';

/** A reader of everything. */
export interface GlobalReading extends Closeable {
  /** Resolves when every slot has been read completely once; until then lists may be short and must not be shown. */
  readonly ready: Promise<void>;
  isReady(): boolean;
  /**
   * False while it is not ready, and while a restart waits for publishers of names that this reader may be shown: its lists would be shorter
   * than those of before. For 30 s at most.
   */
  isSettled(): boolean;
  whenSettled(): Promise<void>;
}

/** A durable document: operator overrides, configuration. */
export interface StoredDocument {
  readonly key: string;
  readonly value: Uint8Array;
  readonly revision: number;
}

/**
 * Durable records. Reads are served from this Session's copy of the prefixes it watches; writes resolve when the MetaStore
 * has committed, and are visible to this Session's watchers when they do.
 */
export interface DocumentGateway {
  /** @throws RegistryError `store-unavailable`, `conflict`, `unavailable`, `limit-exceeded`. Returns the new revision. */
  put(key: string, value: Uint8Array, expectedRevision?: number): Promise<number>;
  /** Resolves false when it did not exist. */
  delete(key: string): Promise<boolean>;
  /** Keeps a copy of all documents below a prefix; `ready` resolves when it is complete, or when the Session stops. `changed` hears every later change. */
  watch(prefix: string, changed: (change: DocumentChange) => void): DocumentWatch;
}

export type DocumentChange =
  | { readonly kind: 'put'; readonly document: StoredDocument }
  | { readonly kind: 'delete'; readonly key: string };

export interface DocumentWatch extends Closeable {
  readonly ready: Promise<void>;
  get(key: string): StoredDocument | undefined;
  entries(): IterableIterator<StoredDocument>;
}

export interface SessionAddress {
  /** `host:port`; '' for this Session when its configuration names none. */
  readonly address: string;
  readonly isSelf: boolean;
}

/** What an adapter sees of the core: values, never slots, epochs or roles. */
export interface SessionGateway {
  readonly dataCenter: string;
  connect(client: ClientInfo): ClientConnection;
  readonly leases: LeaseGateway;
  readonly documents: DocumentGateway;
  /** The current view of a name for a format, read once. Waits for the slot to be readable. @throws RegistryError `unavailable`. */
  query(dataInfoId: DataInfoId, format: string): Promise<ServiceView>;
  /**
   * Reads everything that readers of a format see: first all there is, then each change, in batches. All readers of a Session share one copy.
   * `changed` is called synchronously while the change is applied; a `register` or `cancel` of this Session resolves after it.
   */
  readEverything(format: string, changed: (changes: readonly GlobalChange[]) => void): GlobalReading;
  /**
   * Where clients reach the Sessions of this cluster, for protocols that hand out a list: this one first, the others by address.
   * `listener` is the configuration name of the port, e.g. `sofa.port`.
   */
  sessions(listener: string): readonly SessionAddress[];
  /**
   * Client connections of the other Sessions by their address in `sessions(listener)`, a second or two old. Those of which that is not known
   * are missing: all, when no Meta answers within 500 ms.
   */
  otherLoads(listener: string): Promise<ReadonlyMap<string, number>>;
  /** Slots with names that are held after a restart: how many, for readiness pages. */
  heldNames(): readonly FoldedId[];
  /** Why overdue leases are kept at present, by domain, as the Data nodes said a moment ago. */
  leaseHolds(): readonly LeaseHold[];
}
