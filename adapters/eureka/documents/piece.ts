import { crc32, constants as zlib } from 'node:zlib';
import { crcShift } from './crc-combine.ts';

/** Compresses one raw deflate block off the event loop, ended so that another may follow. */
export type Deflate = (body: Buffer) => Promise<Buffer>;

/**
 * Options of `node:zlib`'s deflateRaw with which its output can be continued by another block: byte aligned, without an end mark. The level
 * takes half the time of the best: the documents repeat themselves so much that more effort gains little.
 */
export const CONTINUED_DEFLATE = { level: 4, finishFlush: zlib.Z_FULL_FLUSH } as const;

/** A piece in compressed form, with what a gzip member over several pieces needs of it. */
export interface DeflatedPiece {
  readonly bytes: Buffer;
  readonly crc: number;
  /** Length before compression. */
  readonly length: number;
  /** The CRC operator that appends this many bytes. */
  readonly shift: number;
}

/**
 * A run of a document's bytes that stays the same while other runs change. Immutable: it encodes what it was made of, whenever it is
 * asked. The plain bytes are kept only if somebody reads them plain; the compressed ones are made at most once.
 */
export class Piece {
  readonly #encode: () => Buffer;
  #body: Buffer | undefined;
  #deflated: DeflatedPiece | Promise<DeflatedPiece> | undefined;

  constructor(encode: () => Buffer) {
    this.#encode = encode;
  }

  body(): Buffer {
    this.#body ??= this.#encode();
    return this.#body;
  }

  /** Not a promise once it is there: a document has hundreds of pieces, and after a change all but one are. */
  deflated(deflate: Deflate): DeflatedPiece | Promise<DeflatedPiece> {
    this.#deflated ??= this.#compress(deflate);
    return this.#deflated;
  }

  async #compress(deflate: Deflate): Promise<DeflatedPiece> {
    const body = this.#body ?? this.#encode();
    const crc = crc32(body);
    const deflated = { bytes: await deflate(body), crc, length: body.length, shift: crcShift(body.length) };
    this.#deflated = deflated;
    return deflated;
  }
}
