import { compressed, type Deflate, type Deflated } from './deflated.ts';

/**
 * Bytes of a document that stay the same while others change. Immutable: it encodes what it was made of, whenever it is
 * asked. The plain bytes are kept only if somebody reads them plain; the compressed ones are made at most once.
 */
export class Piece {
  readonly #encode: () => Buffer;
  #body: Buffer | undefined;
  #deflated: Deflated | Promise<Deflated> | undefined;

  constructor(encode: () => Buffer) {
    this.#encode = encode;
  }

  body(): Buffer {
    this.#body ??= this.#encode();
    return this.#body;
  }

  /** Not a promise once it is there: a document has hundreds of pieces, and after a change all but one are. */
  deflated(deflate: Deflate): Deflated | Promise<Deflated> {
    this.#deflated ??= this.#compress(deflate);
    return this.#deflated;
  }

  async #compress(deflate: Deflate): Promise<Deflated> {
    const deflated = await compressed(this.#body ?? this.#encode(), deflate);
    this.#deflated = deflated;
    return deflated;
  }
}
