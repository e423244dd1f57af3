import type { Form } from '../negotiation.ts';
import { Piece } from './piece.ts';

/** About the bytes of one chunk: compresses well, and costs less than a millisecond to compress again. */
export const CHUNK_BYTES = 64 * 1024;

/** Members that are encoded and compressed together. */
export class Chunk<Member> {
  readonly members = new Map<string, Member>();
  weight = 0;
  readonly #pieces = new Map<Form, Piece>();

  /** Whatever it was made into before is out of date. */
  touch(): void {
    this.#pieces.clear();
  }

  /** The piece of the members as they are now. `capture` takes what it needs of them at once and returns what encodes that later. */
  piece(form: Form, capture: (members: Iterable<Member>) => () => Buffer): Piece {
    let piece = this.#pieces.get(form);
    if (piece === undefined) {
      piece = new Piece(capture(this.members.values()));
      this.#pieces.set(form, piece);
    }
    return piece;
  }
}

/**
 * Keyed members in chunks of about equal weight. A member stays in its chunk as long as it fits, so that a change touches one chunk; new
 * ones fill up the chunk that has lost most.
 */
export class Chunks<Member> {
  readonly #chunkOf = new Map<string, { readonly chunk: Chunk<Member>; readonly weight: number }>();
  readonly #chunks = new Set<Chunk<Member>>();
  #open: Chunk<Member> | undefined;
  #weight = 0;

  get size(): number {
    return this.#chunkOf.size;
  }

  get weight(): number {
    return this.#weight;
  }

  chunks(): Iterable<Chunk<Member>> {
    return this.#chunks;
  }

  /** Adds or replaces; `weight` is about the bytes of its encoded form. */
  put(key: string, member: Member, weight: number): void {
    const known = this.#chunkOf.get(key);
    if (known !== undefined && (known.chunk.members.size === 1 || known.chunk.weight - known.weight + weight <= 2 * CHUNK_BYTES)) {
      known.chunk.members.set(key, member);
      this.#weigh(known.chunk, weight - known.weight);
      this.#chunkOf.set(key, { chunk: known.chunk, weight });
      known.chunk.touch();
      return;
    }
    this.delete(key);
    let chunk = this.#open;
    if (chunk === undefined || (chunk.weight + weight > CHUNK_BYTES && chunk.members.size > 0)) {
      chunk = new Chunk();
      this.#chunks.add(chunk);
      this.#open = chunk;
    }
    chunk.members.set(key, member);
    this.#weigh(chunk, weight);
    this.#chunkOf.set(key, { chunk, weight });
    chunk.touch();
  }

  delete(key: string): void {
    const known = this.#chunkOf.get(key);
    if (known === undefined) return;
    const { chunk, weight } = known;
    this.#chunkOf.delete(key);
    chunk.members.delete(key);
    this.#weigh(chunk, -weight);
    chunk.touch();
    if (chunk.members.size === 0) {
      this.#chunks.delete(chunk);
      if (this.#open === chunk) this.#open = undefined;
    } else if (this.#open === undefined || chunk.weight < this.#open.weight) this.#open = chunk;
  }

  #weigh(chunk: Chunk<Member>, change: number): void {
    chunk.weight += change;
    this.#weight += change;
  }
}
