import { type Deflate, type Deflated, joined, stored } from './deflated.ts';
import { Piece } from './piece.ts';

/** A piece that lives over many documents, or a few bytes between pieces. */
export type Part = Piece | Buffer;

/**
 * So many neighbours are joined. With 10,000 instances, which are 155 chunks, a change copies a thirteenth of the compressed document, and
 * an answer is written in thirteen buffers.
 */
export const RUN_PARTS = 24;

/** Neighbouring parts whose compressed forms are joined, once for all documents in which none of them has changed. */
export class Run {
  readonly #parts: readonly Part[];
  #deflated: Deflated | Promise<Deflated> | undefined;

  constructor(parts: readonly Part[]) {
    this.#parts = parts;
  }

  isOf(parts: readonly Part[]): boolean {
    return this.#parts.length === parts.length && this.#parts.every((part, index) => part === parts[index]);
  }

  /** The plain bytes in order, not joined: each buffer is shared with all readers of its piece. */
  bodies(): readonly Buffer[] {
    return this.#parts.map((part) => (part instanceof Piece ? part.body() : part));
  }

  /** Not a promise once it is there. */
  deflated(deflate: Deflate): Deflated | Promise<Deflated> {
    this.#deflated ??= this.#join(deflate);
    return this.#deflated;
  }

  #join(deflate: Deflate): Deflated | Promise<Deflated> {
    const all = this.#parts.map((part) => (part instanceof Piece ? part.deflated(deflate) : storedOnce(part)));
    if (areThere(all)) return joined(all);
    return Promise.all(all).then((pieces) => {
      const deflated = joined(pieces);
      this.#deflated = deflated;
      return deflated;
    });
  }
}

/** The parts in runs; those of `earlier`, the runs of the document before, that have the same parts stay. */
export function toRuns(parts: readonly Part[], earlier: readonly Run[] = []): readonly Run[] {
  return Array.from({ length: Math.ceil(parts.length / RUN_PARTS) }, (_, index) => {
    const own = parts.slice(index * RUN_PARTS, (index + 1) * RUN_PARTS);
    const before = earlier[index];
    return before?.isOf(own) === true ? before : new Run(own);
  });
}

function areThere(all: readonly (Deflated | Promise<Deflated>)[]): all is readonly Deflated[] {
  return !all.some((each) => each instanceof Promise);
}

/** Separators are one buffer, used hundreds of times in a document. */
const STORED = new WeakMap<Buffer, Deflated>();

function storedOnce(bytes: Buffer): Deflated {
  const known = STORED.get(bytes) ?? stored(bytes);
  STORED.set(bytes, known);
  return known;
}
