import type { StoreWatcher, StoreWrite } from '../seams/store.ts';
import type { Closeable } from '../seams/transport.ts';

/** Who watches a store of this process: told after each commit. */
export class StoreWatchers {
  readonly #watchers = new Set<{ readonly prefix: string; readonly watcher: StoreWatcher }>();

  add(prefix: string, watcher: StoreWatcher): Closeable {
    const entry = { prefix, watcher };
    this.#watchers.add(entry);
    return { close: () => this.#watchers.delete(entry) };
  }

  committed(writes: readonly StoreWrite[], revision: number): void {
    for (const { prefix, watcher } of [...this.#watchers]) {
      const keys = [...new Set(writes.map((write) => write.key))].filter((key) => key.startsWith(prefix));
      if (keys.length > 0) watcher.changed(keys, revision);
    }
  }
}
