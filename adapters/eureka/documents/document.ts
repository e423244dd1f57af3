import { crc32 } from 'node:zlib';
import type { Form } from '../negotiation.ts';
import { combineCrc, crcShift } from './crc-combine.ts';
import { type Deflate, type DeflatedPiece, Piece } from './piece.ts';

/** A part of a document: a piece that lives over many documents, or a few bytes of this one. */
export type Part = Piece | Buffer;

const GZIP_HEAD = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
/** An empty last block. */
const GZIP_LAST_BLOCK = Buffer.from([3, 0]);
const STORED_MOST_BYTES = 65_535;

/** A finished document of one moment: what it says was fixed when it was made, its bytes are made when they are asked for, once. */
export class EncodedDocument {
  readonly form: Form;
  readonly #parts: readonly Part[];
  #buffers: readonly Buffer[] | undefined;
  #gzip: Promise<Buffer> | undefined;

  constructor(form: Form, parts: readonly Part[]) {
    this.form = form;
    this.#parts = parts;
  }

  /** The plain bytes in order; not joined, because the large ones belong to pieces that many documents share. */
  get buffers(): readonly Buffer[] {
    this.#buffers ??= this.#parts.map((part) => (part instanceof Piece ? part.body() : part));
    return this.#buffers;
  }

  /** The plain bytes as one copy. */
  get body(): Buffer {
    return Buffer.concat(this.buffers);
  }

  /**
   * The document as one gzip member, joined of the pieces' deflate blocks: only pieces that nobody has compressed yet are compressed. At
   * most once for all readers.
   */
  gzip(deflate: Deflate): Promise<Buffer> {
    this.#gzip ??= this.#join(deflate);
    return this.#gzip;
  }

  async #join(deflate: Deflate): Promise<Buffer> {
    const all = this.#parts.map((part) => (part instanceof Piece ? part.deflated(deflate) : stored(part)));
    const pieces = all.some((piece) => piece instanceof Promise) ? await Promise.all(all) : (all as readonly DeflatedPiece[]);
    let crc = 0;
    let length = 0;
    for (const piece of pieces) {
      crc = combineCrc(crc, piece.crc, piece.shift);
      length += piece.length;
    }
    const tail = Buffer.alloc(8);
    tail.writeUInt32LE(crc, 0);
    tail.writeUInt32LE(length % 0x1_0000_0000, 4);
    return Buffer.concat([GZIP_HEAD, ...pieces.map(({ bytes }) => bytes), GZIP_LAST_BLOCK, tail]);
  }
}

/** Separators are one buffer, used hundreds of times in a document. */
const STORED = new WeakMap<Buffer, DeflatedPiece>();

function stored(bytes: Buffer): DeflatedPiece {
  const known = STORED.get(bytes);
  if (known !== undefined) return known;
  const piece = storedBlock(bytes);
  STORED.set(bytes, piece);
  return piece;
}

/** A few bytes as deflate blocks without compression. */
function storedBlock(bytes: Buffer): DeflatedPiece {
  const blocks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += STORED_MOST_BYTES) {
    const part = bytes.subarray(at, at + STORED_MOST_BYTES);
    const head = Buffer.alloc(5);
    head.writeUInt16LE(part.length, 1);
    head.writeUInt16LE(part.length ^ 0xffff, 3);
    blocks.push(head, part);
  }
  return { bytes: Buffer.concat(blocks), crc: crc32(bytes), length: bytes.length, shift: crcShift(bytes.length) };
}
