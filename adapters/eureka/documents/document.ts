import type { Form } from '../negotiation.ts';
import { type Deflate, type Deflated, stored, sumOf } from './deflated.ts';
import type { Run } from './run.ts';

const GZIP_HEAD = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
/** An empty last block. */
const GZIP_LAST_BLOCK = Buffer.from([3, 0]);

/** What a document is made of: its own first and last bytes, and runs that it shares with the documents before and after it. */
export interface DocumentParts {
  readonly head: Buffer;
  readonly runs: readonly Run[];
  readonly tail: Buffer;
}

/** A finished document of one moment: what it says was fixed when it was made, its bytes are made when they are asked for, once. */
export class EncodedDocument {
  readonly form: Form;
  readonly #parts: DocumentParts;
  #buffers: readonly Buffer[] | undefined;
  #gzip: Promise<readonly Buffer[]> | undefined;

  constructor(form: Form, parts: DocumentParts) {
    this.form = form;
    this.#parts = parts;
  }

  /** The plain bytes in order; not joined, because the large ones belong to pieces that many documents share. */
  get buffers(): readonly Buffer[] {
    const { head, runs, tail } = this.#parts;
    this.#buffers ??= [head, ...runs.flatMap((run) => run.bodies()), tail];
    return this.#buffers;
  }

  /** The plain bytes as one copy. */
  get body(): Buffer {
    return Buffer.concat(this.buffers);
  }

  /**
   * The document as one gzip member of the runs' deflate blocks, in order and not joined: only pieces that nobody has compressed yet are
   * compressed, and only runs with such a piece copied. At most once for all readers.
   */
  gzip(deflate: Deflate): Promise<readonly Buffer[]> {
    this.#gzip ??= this.#compress(deflate);
    return this.#gzip;
  }

  async #compress(deflate: Deflate): Promise<readonly Buffer[]> {
    const { head, runs, tail } = this.#parts;
    const middle = await Promise.all(runs.map((run) => run.deflated(deflate)));
    const pieces: readonly Deflated[] = [stored(head), ...middle, stored(tail)];
    const { crc, length } = sumOf(pieces);
    const end = Buffer.alloc(8);
    end.writeUInt32LE(crc, 0);
    end.writeUInt32LE(length % 0x1_0000_0000, 4);
    return [GZIP_HEAD, ...pieces.map(({ bytes }) => bytes), GZIP_LAST_BLOCK, end];
  }
}
