import type { Digest } from '../model/digest.ts';
import { LIMITS } from '../model/limits.ts';
import type { SlotLogEntry } from '../wire/slot-log.ts';

/** The last changes of a slot, numbered without gaps, for receivers that are a little behind. */
export class SlotLog {
  #entries: KeptEntry[] = [];
  #sequence: number;

  /** Begins after `sequence`, so that a new leader never reuses a number its followers have seen. */
  constructor(sequence: number) {
    this.#sequence = sequence;
  }

  get sequence(): number {
    return this.#sequence;
  }

  /** `root`: of the slot, with this change in it. */
  append(entry: NewLogEntry, root: Digest): void {
    this.#sequence += 1;
    this.#entries.push({ entry, root });
    // Cut in halves, so that the cost per entry stays constant.
    if (this.#entries.length > 2 * LIMITS.slotLogEntries) this.#entries = this.#entries.slice(-LIMITS.slotLogEntries);
  }

  /** Everybody who reads this log has what came up to here; who joins later compares itself first. */
  forgetUpTo(sequence: number): void {
    const known = this.#entries.length - (this.#sequence - sequence);
    if (known > 0) this.#entries = this.#entries.slice(known);
  }

  /** What came after a sequence, at most `limit` entries; undefined when that is no longer known. */
  since(sequence: number, limit: number): readonly SlotLogEntry[] | undefined {
    const missing = this.#sequence - sequence;
    if (missing < 0 || missing > this.#entries.length) return undefined;
    const start = this.#entries.length - missing;
    return this.#entries.slice(start, start + limit).map(({ entry }, index) => ({ ...entry, sequence: sequence + index + 1 }));
  }

  /** The slot's root when its log had come to a sequence; undefined when that is no longer known. */
  rootAt(sequence: number): Digest | undefined {
    return this.#entries[this.#entries.length - 1 - (this.#sequence - sequence)]?.root;
  }
}

interface KeptEntry {
  readonly entry: NewLogEntry;
  readonly root: Digest;
}

type Unnumbered<T> = T extends unknown ? Omit<T, 'sequence'> : never;
export type NewLogEntry = Unnumbered<SlotLogEntry>;
