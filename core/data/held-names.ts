import type { FoldedId } from '../model/data-info-id.ts';

/**
 * Names whose connection publishers are known from before a restart and are not all back yet. Their lists are shown to
 * nobody, because every client still holds the longer one. A name is released when each known publisher came back or was
 * withdrawn, when as many others took their place, or when the limit has passed.
 */
export class HeldNames {
  readonly #missing = new Map<FoldedId, Set<string>>();
  readonly #newcomers = new Map<FoldedId, number>();

  constructor(connections: ReadonlyMap<FoldedId, ReadonlySet<string>>) {
    for (const [foldedId, ids] of connections) if (ids.size > 0) this.#missing.set(foldedId, new Set(ids));
  }

  isHeld(foldedId: FoldedId): boolean {
    return this.#missing.has(foldedId);
  }

  names(): readonly FoldedId[] {
    return [...this.#missing.keys()].sort();
  }

  /** A connection publisher came (back). True when that releases its name. */
  returned(foldedId: FoldedId, registerId: string): boolean {
    const missing = this.#missing.get(foldedId);
    if (missing === undefined) return false;
    // A client whose process restarted too comes back under new ids: each newcomer stands for one that is missing.
    if (!missing.delete(registerId)) this.#newcomers.set(foldedId, (this.#newcomers.get(foldedId) ?? 0) + 1);
    return this.#releaseIfComplete(foldedId, missing);
  }

  /** It was withdrawn by its client: it is not missed any more. */
  withdrawn(foldedId: FoldedId, registerId: string): boolean {
    const missing = this.#missing.get(foldedId);
    if (missing === undefined || !missing.delete(registerId)) return false;
    return this.#releaseIfComplete(foldedId, missing);
  }

  releaseAll(): readonly FoldedId[] {
    const names = this.names();
    this.#missing.clear();
    return names;
  }

  #releaseIfComplete(foldedId: FoldedId, missing: ReadonlySet<string>): boolean {
    if (missing.size > (this.#newcomers.get(foldedId) ?? 0)) return false;
    this.#missing.delete(foldedId);
    this.#newcomers.delete(foldedId);
    return true;
  }
}
