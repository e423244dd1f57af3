import { mkdirSync } from 'node:fs';
import type { ClassicLevel } from 'classic-level';
import { ByteReader } from '../codec/byte-reader.ts';
import { ByteWriter } from '../codec/byte-writer.ts';
import { RegistryError, RegistryErrorCode } from '../model/errors.ts';
import type { ProcessId } from '../model/node.ts';
import type { Clock } from '../seams/clock.ts';
import type { Log } from '../seams/log.ts';
import type { CommitResult, Fence, Leadership, MetaStore, StoreCondition, StoredValue, StoreWatcher, StoreWrite } from '../seams/store.ts';
import type { Closeable } from '../seams/transport.ts';
import { assertTerm, assertValueSizes } from './store-rules.ts';
import { StoreWatchers } from './store-watchers.ts';

type Level = ClassicLevel<string, Uint8Array>;
type LevelWrite =
  | { readonly type: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: string };

/** Raised when the layout changes; a folder written by a newer one is refused. */
const FORMAT = 1;
const FORMAT_KEY = '!format';
const REVISION_KEY = '!revision';
const TERM_KEY = '!term';
/** Values live behind this prefix, so that no key of a caller meets the store's own. */
const VALUE_PREFIX = 'v/';
const REOPEN_LEAST_MS = 100;
const REOPEN_MOST_MS = 5_000;

export interface EmbeddedStoreOptions {
  readonly folder: string;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * The MetaStore of a single node: LevelDB in a folder, one process at a time. Commits are serialised and written with sync,
 * so a resolved commit survives kill -9 and loss of power. After an I/O error (a full disk makes LevelDB refuse everything
 * until it is opened again) the store refuses writes, reads on from what it last knew, and reopens itself with backoff.
 *
 * @throws RegistryError `unavailable` when another process has the folder or it cannot be written, `wrong-cluster` for a newer format.
 */
export async function openEmbeddedStore(options: EmbeddedStoreOptions): Promise<MetaStore> {
  try {
    mkdirSync(options.folder, { recursive: true });
  } catch (cause) {
    throw new RegistryError(RegistryErrorCode.Unavailable, `the data folder ${options.folder} cannot be written: ${describe(cause)}`, {
      cause,
    });
  }
  const level = await openLevel(options.folder);
  try {
    const format = await readNumber(level, FORMAT_KEY);
    if (format > FORMAT) {
      throw new RegistryError(
        RegistryErrorCode.WrongCluster,
        `the data folder ${options.folder} has format ${format}, this version reads up to ${FORMAT}; start the version that wrote it`,
      );
    }
    const store = new EmbeddedStore(options, level);
    await store.initialise();
    return store;
  } catch (caught) {
    await level.close();
    if (caught instanceof RegistryError && caught.code === RegistryErrorCode.WrongCluster) throw caught;
    throw new RegistryError(RegistryErrorCode.Malformed, `the data folder ${options.folder} cannot be read: ${describe(caught)}`, {
      cause: caught,
    });
  }
}

class EmbeddedStore implements MetaStore {
  readonly #options: EmbeddedStoreOptions;
  #level: Level;
  /** All values, as committed. Meta's documents are small and reads must go on while the disk does not. */
  readonly #values = new Map<string, StoredValue>();
  readonly #watchers = new StoreWatchers();
  #revision = 0;
  #term = 0;
  #queue: Promise<unknown> = Promise.resolve();
  #failure: string | undefined;
  #reopenDelayMs = REOPEN_LEAST_MS;
  #closed = false;

  constructor(options: EmbeddedStoreOptions, level: Level) {
    this.#options = options;
    this.#level = level;
  }

  async initialise(): Promise<void> {
    this.#revision = await readNumber(this.#level, REVISION_KEY);
    this.#term = (await readNumber(this.#level, TERM_KEY)) + 1;
    for await (const [key, bytes] of this.#level.iterator({ gte: VALUE_PREFIX, lt: 'v0' })) {
      const reader = new ByteReader(bytes);
      const stored = { key: key.slice(VALUE_PREFIX.length), revision: reader.varint(), value: reader.blob().slice() };
      this.#values.set(stored.key, stored);
    }
    await this.#level.batch(
      [
        { type: 'put', key: FORMAT_KEY, value: encodeNumber(FORMAT) },
        { type: 'put', key: TERM_KEY, value: encodeNumber(this.#term) },
      ],
      { sync: true },
    );
  }

  async get(key: string): Promise<StoredValue | undefined> {
    return this.#values.get(key);
  }

  async list(prefix: string, options: { readonly after?: string; readonly limit: number }): Promise<readonly StoredValue[]> {
    const { after = '', limit } = options;
    const keys = [...this.#values.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
    return keys.slice(0, limit).map((key) => this.#values.get(key) as StoredValue);
  }

  async commit(writes: readonly StoreWrite[], fence?: Fence): Promise<CommitResult> {
    assertValueSizes(writes);
    assertTerm(fence, this.#term);
    const own = writes.map((write) => (write.kind === 'put' ? { ...write, value: new Uint8Array(write.value) } : write));
    const run = this.#queue.then(() => this.#commitNow(own));
    this.#queue = run.catch(() => undefined);
    return run;
  }

  async revision(): Promise<number> {
    return this.#revision;
  }

  async campaign(name: string, holder: ProcessId, validForMs: number): Promise<Leadership> {
    return { name, holder, term: this.#term, validForMs };
  }

  /** Nobody else could take over: the folder is locked. */
  async resign(): Promise<void> {}

  watch(prefix: string, watcher: StoreWatcher): Closeable {
    return this.#watchers.add(prefix, watcher);
  }

  condition(): StoreCondition {
    if (this.#closed) return { state: 'closed' };
    return this.#failure === undefined ? { state: 'serving' } : { state: 'refusing-writes', reason: this.#failure };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#queue;
    await this.#level.close();
  }

  async #commitNow(writes: readonly StoreWrite[]): Promise<CommitResult> {
    if (this.#closed) throw new RegistryError(RegistryErrorCode.StoreUnavailable, 'the store is closed');
    if (this.#failure !== undefined) throw this.#refusal();
    for (const write of writes) {
      const revision = this.#values.get(write.key)?.revision ?? 0;
      if (write.expectedRevision !== undefined && write.expectedRevision !== revision)
        return { committed: false, conflictingKey: write.key };
    }
    const revision = this.#revision + 1;
    try {
      await this.#level.batch(
        [...writes.map((write) => toLevel(write, revision)), { type: 'put', key: REVISION_KEY, value: encodeNumber(revision) }],
        {
          sync: true,
        },
      );
    } catch (cause) {
      this.#fail(cause);
      throw this.#refusal();
    }
    this.#revision = revision;
    for (const write of writes) {
      if (write.kind === 'delete') this.#values.delete(write.key);
      else this.#values.set(write.key, { key: write.key, value: write.value, revision });
    }
    this.#watchers.committed(writes, revision);
    return { committed: true, revision };
  }

  #refusal(): RegistryError {
    return new RegistryError(RegistryErrorCode.StoreUnavailable, `durable writes are refused: ${this.#failure ?? 'the store failed'}`);
  }

  #fail(cause: unknown): void {
    this.#failure = describe(cause);
    this.#options.log.error('the embedded store failed; durable writes are refused until it can be opened again', {
      reason: this.#failure,
    });
    this.#scheduleReopen();
  }

  #scheduleReopen(): void {
    this.#options.clock.schedule(this.#reopenDelayMs, () => {
      this.#queue = this.#queue.then(() => this.#reopen());
    });
    this.#reopenDelayMs = Math.min(REOPEN_MOST_MS, this.#reopenDelayMs * 2);
  }

  /** Opens again and proves by a synced write that the disk takes something; a batch that failed half way is not in memory and is overwritten. */
  async #reopen(): Promise<void> {
    if (this.#closed) return;
    try {
      await this.#level.close();
      this.#level = await openLevel(this.#options.folder);
      await this.#restoreLevel();
      this.#failure = undefined;
      this.#reopenDelayMs = REOPEN_LEAST_MS;
      this.#options.log.info('the embedded store works again');
    } catch (cause) {
      this.#failure = describe(cause);
      this.#scheduleReopen();
    }
  }

  /** A batch that was reported as failed may have reached the log all the same: what memory knows as committed is what holds. */
  async #restoreLevel(): Promise<void> {
    const batch: LevelWrite[] = [{ type: 'put', key: REVISION_KEY, value: encodeNumber(this.#revision) }];
    for await (const key of this.#level.keys({ gte: VALUE_PREFIX, lt: 'v0' })) {
      if (!this.#values.has(key.slice(VALUE_PREFIX.length))) batch.push({ type: 'del', key });
    }
    for (const { key, value, revision } of this.#values.values()) batch.push(toLevel({ kind: 'put', key, value }, revision));
    await this.#level.batch(batch, { sync: true });
  }
}

/** The database is loaded here: a node without Meta, or with Meta on etcd, does without. */
async function openLevel(folder: string): Promise<Level> {
  const { ClassicLevel } = await import('classic-level');
  const level: Level = new ClassicLevel(folder, { keyEncoding: 'utf8', valueEncoding: 'view' });
  try {
    await level.open();
    return level;
  } catch (caught) {
    const cause = caught instanceof Error && caught.cause !== undefined ? caught.cause : caught;
    const isLocked = cause instanceof Error && 'code' in cause && cause.code === 'LEVEL_LOCKED';
    const reason = isLocked ? 'is in use by another Isthmus' : `cannot be opened: ${describe(cause)}`;
    throw new RegistryError(RegistryErrorCode.Unavailable, `the data folder ${folder} ${reason}`, { cause: caught });
  }
}

function toLevel(write: StoreWrite, revision: number): LevelWrite {
  const key = VALUE_PREFIX + write.key;
  if (write.kind === 'delete') return { type: 'del', key };
  return { type: 'put', key, value: new ByteWriter(write.value.length + 16).varint(revision).blob(write.value).finish() };
}

async function readNumber(level: Level, key: string): Promise<number> {
  const bytes = await level.get(key);
  return bytes === undefined ? 0 : new ByteReader(bytes).varint();
}

function encodeNumber(value: number): Uint8Array {
  return new ByteWriter(8).varint(value).finish();
}

function describe(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
