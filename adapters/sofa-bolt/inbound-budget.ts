/**
 * The bytes of half frames that all clients of a process have sent and that are kept until the rest comes. One client may keep a whole frame, many
 * of them together may not: who would pass the limit has to go.
 */
export class InboundBudget {
  readonly #limitBytes: number;
  #usedBytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Something more or, below 0, less is kept. False, and nothing is noted, when it would be too much. */
  change(bytes: number): boolean {
    if (bytes > 0 && this.#usedBytes + bytes > this.#limitBytes) return false;
    this.#usedBytes += bytes;
    return true;
  }
}
