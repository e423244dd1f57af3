import { crc32, constants as zlib } from 'node:zlib';
import { combineCrc, crcShift } from './crc-combine.ts';

/** Compresses one raw deflate block, ended so that another may follow; at once or on another thread. */
export type Deflate = (body: Buffer) => Buffer | Promise<Buffer>;

/**
 * Options of `node:zlib`'s deflateRaw with which its output can be continued by another block: byte aligned, without an end mark. The level
 * takes half the time of the best: the documents repeat themselves so much that more effort gains little.
 */
export const CONTINUED_DEFLATE = { level: 4, finishFlush: zlib.Z_FULL_FLUSH } as const;

/** Bytes in compressed form, with what a gzip member that holds them needs to know. */
export interface Deflated {
  readonly bytes: Buffer;
  readonly crc: number;
  /** Length before compression. */
  readonly length: number;
  /** The CRC operator that appends this many bytes. */
  readonly shift: number;
}

const STORED_MOST_BYTES = 65_535;

export async function compressed(body: Buffer, deflate: Deflate): Promise<Deflated> {
  return { bytes: await deflate(body), crc: crc32(body), length: body.length, shift: crcShift(body.length) };
}

/** A few bytes as deflate blocks without compression. */
export function stored(body: Buffer): Deflated {
  const blocks: Buffer[] = [];
  for (let at = 0; at < body.length; at += STORED_MOST_BYTES) {
    const part = body.subarray(at, at + STORED_MOST_BYTES);
    const head = Buffer.alloc(5);
    head.writeUInt16LE(part.length, 1);
    head.writeUInt16LE(part.length ^ 0xffff, 3);
    blocks.push(head, part);
  }
  return { bytes: Buffer.concat(blocks), crc: crc32(body), length: body.length, shift: crcShift(body.length) };
}

/** CRC and length of what several say together. */
export function sumOf(pieces: readonly Deflated[]): { readonly crc: number; readonly length: number } {
  let crc = 0;
  let length = 0;
  for (const piece of pieces) {
    crc = combineCrc(crc, piece.crc, piece.shift);
    length += piece.length;
  }
  return { crc, length };
}

/** Several as one, copied. */
export function joined(pieces: readonly Deflated[]): Deflated {
  const { crc, length } = sumOf(pieces);
  return { bytes: Buffer.concat(pieces.map(({ bytes }) => bytes)), crc, length, shift: crcShift(length) };
}
