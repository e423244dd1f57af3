import type { DataInfoId } from './data-info-id.ts';
import type { ProcessId } from './node.ts';
import { CONNECTION, type Liveness, type Publisher, sameVisiblePublisher } from './publisher.ts';
import type { RegisterVersion } from './register-version.ts';

/** Beyond this size a payload's own array costs little beside its bytes. */
const TEXT_PAYLOAD_MOST_BYTES = 4_096;
/** About 2 MB. */
const MOST_ORIGINS = 20_000;
const STAMP_LOW_SPAN = 2 ** 26;

/** What a client says of a publisher. */
export type PublisherContent = Omit<Publisher, keyof PublisherLife>;

/** What its Session adds. */
export type PublisherLife = Pick<Publisher, 'owner' | 'liveness' | 'registerVersion'>;

/** What all publishers of one client have in common, once for all of them. */
type PublisherOrigin = Pick<Publisher, 'owner' | 'liveness' | 'format' | 'zone' | 'appName' | 'clientAddress'>;

/**
 * Which texts of a publisher are looked for in the process, so that equal ones are kept once. `names`: the DataInfoId, which all publishers
 * of a datum have. `all`: also registerId and payload, which pays where another role of the process keeps the same publisher, and nowhere
 * else: to find that a text is new costs as much as to read the whole publisher from its message.
 */
export type SharedTexts = 'names' | 'all';

/**
 * A publisher as stores keep it, by the hundred thousand: a small payload as a text of one byte per character, because an array of its own
 * would take 200 bytes more, equal texts once in the process, whichever role read them from which message, and once per client what its
 * publishers share. It shares no memory with the message it came from. `payload` and `registerVersion` are made anew with each look.
 *
 * Not to be spread: what it computes would be lost. `ownedBy` gives a changed one.
 */
export class StoredPublisher implements Publisher {
  readonly dataInfoId: DataInfoId;
  readonly registerId: string;
  readonly #origin: PublisherOrigin;
  readonly #version: number;
  /** The stamp in two small integers: a large number would be an object of its own. */
  readonly #stampHigh: number;
  readonly #stampLow: number;
  readonly #data: string | Uint8Array;

  constructor(content: PublisherContent, life: PublisherLife, shared: SharedTexts = 'all') {
    this.dataInfoId = internText(content.dataInfoId);
    this.registerId = shared === 'all' ? internText(content.registerId) : content.registerId;
    this.#origin = originOf(content, life);
    const { version, stamp } = life.registerVersion;
    this.#version = version;
    this.#stampHigh = Math.floor(stamp / STAMP_LOW_SPAN);
    this.#stampLow = stamp % STAMP_LOW_SPAN;
    this.#data = content instanceof StoredPublisher ? content.#data : compactBytes(content.payload, shared);
  }

  static of(publisher: Publisher, shared?: SharedTexts): StoredPublisher {
    return new StoredPublisher(publisher, publisher, shared);
  }

  get registerVersion(): RegisterVersion {
    return { version: this.#version, stamp: this.#stampHigh * STAMP_LOW_SPAN + this.#stampLow };
  }

  get payload(): Uint8Array {
    return typeof this.#data === 'string' ? bytesOf(this.#data) : this.#data;
  }

  /** See `compactPayload`. */
  get compactPayload(): string | Uint8Array {
    return this.#data;
  }

  get owner(): ProcessId {
    return this.#origin.owner;
  }

  get liveness(): Liveness {
    return this.#origin.liveness;
  }

  get format(): string {
    return this.#origin.format;
  }

  get zone(): string {
    return this.#origin.zone;
  }

  get appName(): string {
    return this.#origin.appName;
  }

  get clientAddress(): string {
    return this.#origin.clientAddress;
  }

  /** What `sameVisiblePublisher` says, without making payloads anew. */
  looksLike(other: StoredPublisher): boolean {
    if (typeof this.#data !== 'string' || typeof other.#data !== 'string') return sameVisiblePublisher(this, other);
    const isSameOrigin = this.format === other.format && this.zone === other.zone && this.appName === other.appName;
    return isSameOrigin && this.#data === other.#data;
  }

  ownedBy(owner: ProcessId): StoredPublisher {
    return new StoredPublisher(this, { owner, liveness: this.liveness, registerVersion: this.registerVersion }, 'names');
  }
}

/** A payload without making it anew: as a text of one byte per character, or as bytes. */
export function compactPayload(publisher: Publisher): string | Uint8Array {
  return publisher instanceof StoredPublisher ? publisher.compactPayload : publisher.payload;
}

/** The length of a payload without making it anew. */
export function payloadBytes(publisher: Publisher): number {
  return compactPayload(publisher).length;
}

/** By client address, the latest of each. Forgotten together when there are too many: then new publishers share anew. */
const origins = new Map<string, PublisherOrigin>();

function originOf({ format, zone, appName, clientAddress }: PublisherContent, { owner, liveness }: PublisherLife): PublisherOrigin {
  const known = origins.get(clientAddress);
  const isSame =
    known?.owner === owner &&
    known.format === format &&
    known.zone === zone &&
    known.appName === appName &&
    sameLiveness(known.liveness, liveness);
  if (known !== undefined && isSame) return known;
  if (origins.size >= MOST_ORIGINS) origins.clear();
  const ownLiveness = liveness.kind === 'connection' ? CONNECTION : liveness;
  const origin = { owner, liveness: ownLiveness, format, zone, appName, clientAddress };
  origins.set(clientAddress, origin);
  return origin;
}

function sameLiveness(a: Liveness, b: Liveness): boolean {
  return a.kind === 'lease' && b.kind === 'lease' ? a.durationMs === b.durationMs : a.kind === b.kind;
}

function compactBytes(payload: Uint8Array, shared: SharedTexts): string | Uint8Array {
  if (payload.length > TEXT_PAYLOAD_MOST_BYTES) return Uint8Array.from(payload);
  // `apply` takes an array of bytes as it is; spreading one would walk it.
  const text = String.fromCharCode.apply(null, payload as unknown as number[]);
  return shared === 'all' ? internText(text) : text;
}

function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i += 1) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Used and emptied at once; see below. */
const keys: Record<string, true> = Object.create(null);

/**
 * The same text, so that equal ones share memory. Whatever is a key of an object the engine keeps once, for as long as anybody uses it; so
 * there is no table of ours that would have to forget. Costs some microseconds for a new text: for what is kept, not for what passes by.
 */
function internText<T extends string>(text: T): T {
  keys[text] = true;
  delete keys[text];
  return text;
}
