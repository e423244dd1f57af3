import { RegistryError } from '../model/errors.ts';
import type { Clock } from '../seams/clock.ts';
import type { Log } from '../seams/log.ts';

/** Long after the first answer, and before anybody replaces the program's files. */
const LOAD_AFTER_MS = 1_000;

/**
 * For what the first answer does not need, and what takes long to load. Whoever needs it sooner than a second after the start loads it. It is
 * not left to the first need alone: that may come when the files have been replaced, or no more can be opened, and Node remembers a module
 * that could not be loaded as long as the process lives.
 */
export function loadLater<T>(load: () => Promise<T>, { clock, log }: { readonly clock: Clock; readonly log: Log }): () => Promise<T> {
  let loading: Promise<T> | undefined;
  const loaded = () => {
    loading ??= load();
    return loading;
  };
  clock.schedule(LOAD_AFTER_MS, () => {
    loaded().catch((caught: unknown) => {
      log.error('a part of the program cannot be loaded; start the gateway again', { reason: RegistryError.from(caught).sentence });
    });
  });
  return loaded;
}
