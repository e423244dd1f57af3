import { createHash, type Hash } from 'node:crypto';

/** What happened in a run: a hash over all of it, and on demand the story as lines. */
export class Trace {
  readonly #hash: Hash = createHash('sha256');
  readonly #tell: ((line: string) => void) | undefined;

  constructor(tell?: (line: string) => void) {
    this.#tell = tell;
  }

  /** An event of the story. */
  add(atMs: number, who: string, what: string): void {
    this.#hash.update(`${atMs}|${who}|${what}\n`);
    this.#tell?.(`${(atMs / 1_000).toFixed(3).padStart(9)} s  ${who.padEnd(8)} ${what}`);
  }

  /** A detail that must replay, but nobody reads. */
  fold(detail: string): void {
    this.#hash.update(detail);
  }

  digest(): string {
    return this.#hash.copy().digest('hex').slice(0, 16);
  }
}
