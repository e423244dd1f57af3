import { RegistryError, RegistryErrorCode } from '../model/errors.ts';

const decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads what ByteWriter wrote. Every length is checked against the bytes that are there before anything is allocated, so
 * hostile bytes give a value or a RegistryError `malformed` with the offset, and cost no more memory than they have bytes.
 */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #mayEndLater: boolean;
  #offset = 0;

  /** `mayEndLater`: the sender is of a later version, which may have added fields at the end; `end` then takes them. */
  constructor(bytes: Uint8Array, mayEndLater = false) {
    this.#bytes = bytes;
    this.#mayEndLater = mayEndLater;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get offset(): number {
    return this.#offset;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  bool(): boolean {
    const value = this.u8();
    if (value > 1) this.#fail(`a boolean is 0 or 1, not ${value}`);
    return value === 1;
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8));
  }

  f64(): number {
    return this.#view.getFloat64(this.#take(8));
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 8; i += 1) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (!Number.isSafeInteger(value)) this.#fail('a varint is larger than a safe integer');
        return value;
      }
      scale *= 128;
    }
    return this.#fail('a varint has more than eight bytes');
  }

  text(): string {
    const length = this.varint();
    const start = this.#take(length);
    try {
      return decoder.decode(this.#bytes.subarray(start, start + length));
    } catch (cause) {
      throw new RegistryError(RegistryErrorCode.Malformed, `invalid UTF-8 at offset ${start}`, { cause });
    }
  }

  /** A window on the message, not a copy: the message must not be changed while it is in use. */
  blob(): Uint8Array {
    return this.raw(this.varint());
  }

  raw(length: number): Uint8Array {
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** Each item takes at least one byte, so a count above the bytes that remain is refused before the list is made. */
  list<T>(read: (reader: ByteReader) => T): T[] {
    const count = this.varint();
    if (count > this.remaining) this.#fail(`a list of ${count} items does not fit into ${this.remaining} bytes`);
    const items: T[] = [];
    for (let i = 0; i < count; i += 1) items.push(read(this));
    return items;
  }

  /** Bytes left over mean that the two sides do not speak the same version. */
  end(): void {
    if (this.remaining > 0 && !this.#mayEndLater) this.#fail(`${this.remaining} bytes too many`);
  }

  #take(length: number): number {
    const start = this.#offset;
    if (length > this.#bytes.length - start) this.#fail(`${length} bytes wanted, ${this.#bytes.length - start} there`);
    this.#offset = start + length;
    return start;
  }

  #fail(message: string): never {
    throw new RegistryError(RegistryErrorCode.Malformed, `${message} (offset ${this.#offset})`);
  }
}
