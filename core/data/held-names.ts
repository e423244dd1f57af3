import type { FoldedId } from '../model/data-info-id.ts';
import type { MissingPublisher } from './restart-cache.ts';

/**
 * Names whose connection publishers are known from before a restart and are not all back yet. Their lists are shown to
 * nobody, because every client still holds the longer one. A name is released when each known publisher came back or was
 * withdrawn, or when the limit has passed. Once clients had time to connect again (`settle`), newcomers stand for those
 * that are missing: a client whose own process restarted comes back under new ids.
 */
export class HeldNames {
  readonly #missing = new Map<FoldedId, Set<string>>();
  /** Of the beginning; whoever reads it asks whether a name is still held. */
  readonly #bySlot = new Map<number, FoldedId[]>();
  readonly #newcomers = new Map<FoldedId, number>();
  #isSettled = false;

  constructor(connections: ReadonlyMap<FoldedId, ReadonlySet<string>>, slotOf: (foldedId: FoldedId) => number) {
    for (const [foldedId, ids] of connections) {
      if (ids.size === 0) continue;
      this.#missing.set(foldedId, new Set(ids));
      const slotId = slotOf(foldedId);
      this.#bySlot.set(slotId, [...(this.#bySlot.get(slotId) ?? []), foldedId]);
    }
  }

  isHeld(foldedId: FoldedId): boolean {
    return this.#missing.has(foldedId);
  }

  names(): readonly FoldedId[] {
    return [...this.#missing.keys()].sort();
  }

  namesIn(slotId: number): readonly FoldedId[] {
    return (this.#bySlot.get(slotId) ?? []).filter((foldedId) => this.#missing.has(foldedId));
  }

  /** A connection publisher came (back). True when that releases its name. */
  returned(foldedId: FoldedId, registerId: string): boolean {
    const missing = this.#missing.get(foldedId);
    if (missing === undefined) return false;
    if (!missing.delete(registerId)) this.#newcomers.set(foldedId, (this.#newcomers.get(foldedId) ?? 0) + 1);
    return this.#releaseIfComplete(foldedId, missing);
  }

  /** It was withdrawn by its client: it is not missed any more. */
  withdrawn(foldedId: FoldedId, registerId: string): boolean {
    const missing = this.#missing.get(foldedId);
    if (missing === undefined || !missing.delete(registerId)) return false;
    return this.#releaseIfComplete(foldedId, missing);
  }

  /** What is still missing, so that a second restart holds for it too. */
  *missing(): IterableIterator<MissingPublisher> {
    for (const [foldedId, ids] of this.#missing) for (const registerId of ids) yield { foldedId, registerId };
  }

  /** Clients have had their time to connect again. Names the names that this releases. */
  settle(): readonly FoldedId[] {
    if (this.#isSettled) return [];
    this.#isSettled = true;
    return this.names().filter((foldedId) => this.#releaseIfComplete(foldedId, this.#missing.get(foldedId) ?? new Set()));
  }

  /** Forgets the names that are none of this node's business any more. */
  keepOnly(isOurs: (foldedId: FoldedId) => boolean): void {
    for (const foldedId of [...this.#missing.keys()]) if (!isOurs(foldedId)) this.#missing.delete(foldedId);
  }

  releaseAll(): readonly FoldedId[] {
    const names = this.names();
    this.#missing.clear();
    return names;
  }

  #releaseIfComplete(foldedId: FoldedId, missing: ReadonlySet<string>): boolean {
    const newcomers = this.#isSettled ? (this.#newcomers.get(foldedId) ?? 0) : 0;
    if (missing.size > newcomers) return false;
    this.#missing.delete(foldedId);
    this.#newcomers.delete(foldedId);
    return true;
  }
}
