import { RegistryError, RegistryErrorCode } from '../../../core/index.ts';

/** Characters that one call of String.fromCharCode takes without a deep argument stack. */
const UNITS_PER_CALL = 8_192;

/** A position in the bytes of one Hessian content, and the primitives that all values are made of. Reading past the end is `malformed`. */
export class HessianInput {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get offset(): number {
    return this.#offset;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  /** The next byte without taking it. */
  peek(): number {
    return this.#bytes[this.#offset] ?? this.fail('the content ends early');
  }

  u8(): number {
    return this.#bytes.readUInt8(this.#take(1));
  }

  u16(): number {
    return this.#bytes.readUInt16BE(this.#take(2));
  }

  i32(): number {
    return this.#bytes.readInt32BE(this.#take(4));
  }

  i64(): bigint {
    return this.#bytes.readBigInt64BE(this.#take(8));
  }

  /** An int by its tag; without one it is read here. Lengths, counts and indexes are ints as well. */
  int(tag: number = this.u8()): number {
    if (tag >= 0x80 && tag < 0xc0) return tag - 0x90;
    if (tag >= 0xc0 && tag < 0xd0) return (tag - 0xc8) * 0x100 + this.u8();
    if (tag >= 0xd0 && tag < 0xd8) return (tag - 0xd4) * 0x10000 + this.u16();
    if (tag === 0x49) return this.i32();
    return this.fail(`0x${tag.toString(16)} begins no int`);
  }

  /** A long by one of its short tags. */
  long(tag: number): bigint {
    if (tag < 0x40) return BigInt((tag - 0x3c) * 0x10000 + this.u16());
    if (tag < 0xf0) return BigInt(tag - 0xe0);
    return BigInt((tag - 0xf8) * 0x100 + this.u8());
  }

  double(tag: number): number {
    switch (tag) {
      case 0x44:
        return this.#bytes.readDoubleBE(this.#take(8));
      case 0x67:
        return 0;
      case 0x68:
        return 1;
      case 0x69:
        return this.#bytes.readInt8(this.#take(1));
      case 0x6a:
        return this.#bytes.readInt16BE(this.#take(2));
      case 0x6b:
        return this.#bytes.readFloatBE(this.#take(4));
      case 0x43:
        return this.fail('final Hessian 2.0 is not supported');
      default:
        return this.fail(`0x${tag.toString(16)} begins no value`);
    }
  }

  /** Takes these bytes if they come next. */
  skip(expected: Uint8Array): boolean {
    const end = this.#offset + expected.length;
    if (end > this.#bytes.length || this.#bytes.compare(expected, 0, expected.length, this.#offset, end) !== 0) return false;
    this.#offset = end;
    return true;
  }

  /** What was read since an offset, as a copy. */
  since(offset: number): Uint8Array {
    return new Uint8Array(this.#bytes.subarray(offset, this.#offset));
  }

  /** A window, not a copy. */
  raw(length: number): Uint8Array {
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  /**
   * A text of `units` UTF-16 code units, each encoded on its own in one to three bytes (CESU-8). Four-byte UTF-8 is refused, as Java does, and so
   * are overlong forms, which would give one text several encodings.
   */
  text(units: number): string {
    // Each unit takes at least a byte, so a wrong length is refused before anything is allocated.
    if (units > this.remaining) this.fail(`a text of ${units} characters does not fit into ${this.remaining} bytes`);
    const start = this.#offset;
    let ascii = start;
    while (ascii < start + units && (this.#bytes[ascii] as number) < 0x80) ascii += 1;
    this.#offset = ascii;
    const plain = this.#bytes.toString('latin1', start, ascii);
    return ascii === start + units ? plain : plain + this.#wideText(units - (ascii - start));
  }

  #wideText(units: number): string {
    const parts: string[] = [];
    let left = units;
    while (left > 0) {
      const codes = new Uint16Array(Math.min(left, UNITS_PER_CALL));
      for (let i = 0; i < codes.length; i += 1) codes[i] = this.#unit();
      parts.push(String.fromCharCode(...codes));
      left -= codes.length;
    }
    return parts.join('');
  }

  #unit(): number {
    const first = this.u8();
    if (first < 0x80) return first;
    if (first >= 0xc2 && first < 0xe0) return ((first & 0x1f) << 6) | this.#continuation();
    if (first < 0xe0 || first > 0xef) this.fail(`${first} begins no character`);
    const unit = ((first & 0x0f) << 12) | (this.#continuation() << 6) | this.#continuation();
    if (unit < 0x800) this.fail('an overlong character');
    return unit;
  }

  #continuation(): number {
    const byte = this.u8();
    if ((byte & 0xc0) !== 0x80) this.fail(`${byte} continues no character`);
    return byte & 0x3f;
  }

  #take(length: number): number {
    const start = this.#offset;
    if (length > this.#bytes.length - start) this.fail(`${length} bytes wanted, ${this.#bytes.length - start} there`);
    this.#offset = start + length;
    return start;
  }

  fail(message: string): never {
    throw new RegistryError(RegistryErrorCode.Malformed, `${message} (offset ${this.#offset})`);
  }
}
