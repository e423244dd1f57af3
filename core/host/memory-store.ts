import { RegistryError, RegistryErrorCode } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { CommitResult, MetaStore, StoreCondition, StoredValue, StoreWrite } from '../seams/store.ts';

/** A MetaStore that forgets: the model the durable ones are tested against, and the simulator's base. */
export class MemoryStore implements MetaStore {
  readonly #values = new Map<string, StoredValue>();
  #revision = 0;
  #term = 0;
  #closed = false;

  async get(key: string): Promise<StoredValue | undefined> {
    return this.#values.get(key);
  }

  async list(prefix: string, options: { readonly after?: string; readonly limit: number }): Promise<readonly StoredValue[]> {
    const { after = '', limit } = options;
    const keys = [...this.#values.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
    return keys.slice(0, limit).map((key) => this.#values.get(key) as StoredValue);
  }

  async commit(writes: readonly StoreWrite[]): Promise<CommitResult> {
    if (this.#closed) throw new RegistryError(RegistryErrorCode.StoreUnavailable, 'the store is closed');
    assertValueSizes(writes);
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
    return { committed: true, revision: this.#revision };
  }

  async revision(): Promise<number> {
    return this.#revision;
  }

  async campaign(name: string, _holder: string, validForMs: number) {
    this.#term += 1;
    return { name, term: this.#term, validForMs };
  }

  condition(): StoreCondition {
    return this.#closed ? { state: 'closed' } : { state: 'serving' };
  }

  async close(): Promise<void> {
    this.#closed = true;
  }
}

/** @throws RegistryError `limit-exceeded` before anything is written. */
export function assertValueSizes(writes: readonly StoreWrite[]): void {
  for (const write of writes) {
    if (write.kind === 'put' && write.value.length > LIMITS.documentBytes) {
      throw new RegistryError(
        RegistryErrorCode.LimitExceeded,
        `the value of ${write.key} has ${write.value.length} bytes, ${LIMITS.documentBytes} are allowed`,
      );
    }
  }
}
