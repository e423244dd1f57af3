const INITIAL_BYTES = 256;
/** Their length fits one byte of a varint. */
const SHORT_TEXT_UNITS = 127;
const encoder = new TextEncoder();

/** A growing buffer of big-endian fields and varints. One writer makes one message; `finish` hands the bytes out without a copy. */
export class ByteWriter {
  #bytes: Uint8Array;
  #view: DataView;
  #length = 0;

  constructor(initialBytes: number = INITIAL_BYTES) {
    this.#bytes = new Uint8Array(initialBytes);
    this.#view = new DataView(this.#bytes.buffer);
  }

  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    this.#reserve(1);
    this.#bytes[this.#length] = value;
    this.#length += 1;
    return this;
  }

  bool(value: boolean): this {
    return this.u8(value ? 1 : 0);
  }

  u32(value: number): this {
    this.#reserve(4);
    this.#view.setUint32(this.#length, value);
    this.#length += 4;
    return this;
  }

  u64(value: bigint): this {
    this.#reserve(8);
    this.#view.setBigUint64(this.#length, value);
    this.#length += 8;
    return this;
  }

  f64(value: number): this {
    this.#reserve(8);
    this.#view.setFloat64(this.#length, value);
    this.#length += 8;
    return this;
  }

  /** A safe non-negative integer in 1 to 8 bytes, seven bits each, low bits first. */
  varint(value: number): this {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`varint takes a safe integer >= 0, not ${value}`);
    this.#reserve(8);
    let rest = value;
    while (rest > 0x7f) {
      this.#bytes[this.#length] = (rest % 128) | 0x80;
      this.#length += 1;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#length] = rest;
    this.#length += 1;
    return this;
  }

  /** UTF-8 behind its length in bytes. */
  text(value: string): this {
    if (value.length <= SHORT_TEXT_UNITS && this.#shortText(value)) return this;
    // Three bytes per UTF-16 unit is the most UTF-8 ever needs, so the text is encoded in place behind a length field.
    const most = value.length * 3;
    const lengthBytes = varintLength(most);
    this.#reserve(lengthBytes + most);
    const { written } = encoder.encodeInto(value, this.#bytes.subarray(this.#length + lengthBytes));
    const exact = varintLength(written);
    if (exact !== lengthBytes)
      this.#bytes.copyWithin(this.#length + exact, this.#length + lengthBytes, this.#length + lengthBytes + written);
    this.varint(written);
    this.#length += written;
    return this;
  }

  /** Names and addresses are short and nearly always ASCII: a loop is faster than the platform's encoder. False, and nothing written, for others. */
  #shortText(value: string): boolean {
    this.#reserve(1 + value.length);
    const bytes = this.#bytes;
    const start = this.#length + 1;
    for (let i = 0; i < value.length; i += 1) {
      const code = value.charCodeAt(i);
      if (code > 0x7f) return false;
      bytes[start + i] = code;
    }
    bytes[start - 1] = value.length;
    this.#length = start + value.length;
    return true;
  }

  /** Bytes behind their length. */
  blob(value: Uint8Array): this {
    this.varint(value.length);
    return this.raw(value);
  }

  /** The same as `blob` of a text whose characters are bytes. */
  byteText(value: string): this {
    this.varint(value.length);
    this.#reserve(value.length);
    const bytes = this.#bytes;
    const start = this.#length;
    for (let i = 0; i < value.length; i += 1) bytes[start + i] = value.charCodeAt(i);
    this.#length = start + value.length;
    return this;
  }

  /** Bytes as they are. */
  raw(value: Uint8Array): this {
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
    return this;
  }

  list<T>(items: readonly T[], write: (item: T, writer: ByteWriter) => void): this {
    this.varint(items.length);
    for (const item of items) write(item, this);
    return this;
  }

  /** The bytes written. The writer must not be used afterwards. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 128)) length += 1;
  return length;
}
