import { assertTerm, assertValueSizes } from '../../core/host/store-rules.ts';
import { StoreWatchers } from '../../core/host/store-watchers.ts';
import { RegistryError, RegistryErrorCode } from '../../core/model/errors.ts';
import type { ProcessId } from '../../core/model/node.ts';
import type {
  CommitResult,
  Fence,
  Leadership,
  MetaStore,
  StoreCondition,
  StoredValue,
  StoreWatcher,
  StoreWrite,
} from '../../core/seams/store.ts';
import type { Closeable } from '../../core/seams/transport.ts';

/** A MetaStore that forgets: the model the durable ones are tested against. Like the embedded one it grants leadership to whoever asks. */
export class MemoryStore implements MetaStore {
  readonly #values = new Map<string, StoredValue>();
  #revision = 0;
  readonly #watchers = new StoreWatchers();
  #term = 0;
  #holder: ProcessId | undefined;
  #closed = false;

  async get(key: string): Promise<StoredValue | undefined> {
    return this.#values.get(key);
  }

  async list(prefix: string, options: { readonly after?: string; readonly limit: number }): Promise<readonly StoredValue[]> {
    const { after = '', limit } = options;
    const keys = [...this.#values.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
    return keys.slice(0, limit).map((key) => this.#values.get(key) as StoredValue);
  }

  async commit(writes: readonly StoreWrite[], fence?: Fence): Promise<CommitResult> {
    if (this.#closed) throw new RegistryError(RegistryErrorCode.StoreUnavailable, 'the store is closed');
    assertValueSizes(writes);
    assertTerm(fence, this.#term);
    for (const write of writes) {
      const revision = this.#values.get(write.key)?.revision ?? 0;
      if (write.expectedRevision !== undefined && write.expectedRevision !== revision)
        return { committed: false, conflictingKey: write.key };
    }
    this.#revision += 1;
    for (const write of writes) {
      if (write.kind === 'delete') this.#values.delete(write.key);
      else this.#values.set(write.key, { key: write.key, value: new Uint8Array(write.value), revision: this.#revision });
    }
    this.#watchers.committed(writes, this.#revision);
    return { committed: true, revision: this.#revision };
  }

  async revision(): Promise<number> {
    return this.#revision;
  }

  async campaign(name: string, holder: ProcessId, validForMs: number): Promise<Leadership> {
    if (holder !== this.#holder) this.#term += 1;
    this.#holder = holder;
    return { name, holder, term: this.#term, validForMs };
  }

  async resign(): Promise<void> {
    this.#holder = undefined;
  }

  watch(prefix: string, watcher: StoreWatcher): Closeable {
    return this.#watchers.add(prefix, watcher);
  }

  condition(): StoreCondition {
    return this.#closed ? { state: 'closed' } : { state: 'serving' };
  }

  async close(): Promise<void> {
    this.#closed = true;
  }
}
