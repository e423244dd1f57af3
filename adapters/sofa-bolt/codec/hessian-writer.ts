const INITIAL_BYTES = 256;
const CHUNK_UNITS = 0x8000;
const SHORT_TEXT_UNITS = 32;
/** Up to here a loop is faster than the platform's encoder. */
const LOOPED_UNITS = 64;
const SURROGATE = /[\ud800-\udfff]/;

const LIST_END = 0x7a;

/**
 * Writes what Java's Hessian2Output of sofa-hessian 3.x writes for the same values, byte for byte (SOFA bolt protocol, the exact dialect): always the
 * shortest form, lists and maps untyped, no references. One writer makes one content, or the later part of one.
 */
export class HessianWriter {
  /** By name, in the order in which they were defined. */
  readonly #classes: string[];
  #bytes: Buffer;
  #length = 0;

  /** `defined` are the classes that an earlier part of the content has defined already, in their order. */
  constructor(defined: readonly string[] = [], initialBytes: number = INITIAL_BYTES) {
    this.#bytes = Buffer.allocUnsafe(initialBytes);
    this.#classes = [...defined];
  }

  null(): this {
    return this.#u8(0x4e);
  }

  bool(value: boolean): this {
    return this.#u8(value ? 0x54 : 0x46);
  }

  /** @throws RangeError when the value is no 32-bit integer. */
  int(value: number): this {
    if (!Number.isInteger(value)) throw new RangeError(`an int is a whole number, not ${value}`);
    if (value >= -0x10 && value <= 0x2f) return this.#u8(0x90 + value);
    if (value >= -0x800 && value <= 0x7ff) return this.#u8(0xc8 + (value >> 8)).#u8(value & 0xff);
    if (value >= -0x40000 && value <= 0x3ffff) return this.#u8(0xd4 + (value >> 16)).#u16(value & 0xffff);
    return this.#u8(0x49).#i32(value);
  }

  /** @throws RangeError when the value is no 64-bit integer. */
  long(value: bigint): this {
    if (value < -0x80000000n || value > 0x7fffffffn) {
      this.#u8(0x4c).#reserve(8);
      this.#length = this.#bytes.writeBigInt64BE(value, this.#length);
      return this;
    }
    const small = Number(value);
    if (small >= -8 && small <= 15) return this.#u8(0xe0 + small);
    if (small >= -0x800 && small <= 0x7ff) return this.#u8(0xf8 + (small >> 8)).#u8(small & 0xff);
    if (small >= -0x40000 && small <= 0x3ffff) return this.#u8(0x3c + (small >> 16)).#u16(small & 0xffff);
    return this.#u8(0x77).#i32(small);
  }

  double(value: number): this {
    const isWhole = Number.isInteger(value) && !Object.is(value, -0);
    if (isWhole && (value === 0 || value === 1)) return this.#u8(0x67 + value);
    if (isWhole && value >= -0x80 && value <= 0x7f) return this.#u8(0x69).#u8(value & 0xff);
    if (isWhole && value >= -0x8000 && value <= 0x7fff) return this.#u8(0x6a).#u16(value & 0xffff);
    const isSingle = Math.fround(value) === value;
    this.#u8(isSingle ? 0x6b : 0x44).#reserve(8);
    this.#length = isSingle ? this.#bytes.writeFloatBE(value, this.#length) : this.#bytes.writeDoubleBE(value, this.#length);
    return this;
  }

  date(epochMs: bigint): this {
    this.#u8(0x64).#reserve(8);
    this.#length = this.#bytes.writeBigInt64BE(epochMs, this.#length);
    return this;
  }

  /** Null is written as null. */
  text(value: string | null): this {
    if (value === null) return this.null();
    let offset = 0;
    while (value.length - offset > CHUNK_UNITS) {
      // A chunk may not end between the two halves of a character.
      const isSplit = isHighSurrogate(value.charCodeAt(offset + CHUNK_UNITS - 1));
      const units = isSplit ? CHUNK_UNITS - 1 : CHUNK_UNITS;
      this.#u8(0x73)
        .#u16(units)
        .#units(value.slice(offset, offset + units));
      offset += units;
    }
    const rest = offset === 0 ? value : value.slice(offset);
    if (rest.length < SHORT_TEXT_UNITS) this.#u8(rest.length);
    else this.#u8(0x53).#u16(rest.length);
    return this.#units(rest);
  }

  /** Null is written as null. */
  bytes(value: Uint8Array | null): this {
    if (value === null) return this.null();
    let offset = 0;
    while (value.length - offset > CHUNK_UNITS) {
      this.#u8(0x62)
        .#u16(CHUNK_UNITS)
        .#raw(value.subarray(offset, offset + CHUNK_UNITS));
      offset += CHUNK_UNITS;
    }
    const rest = value.subarray(offset);
    if (rest.length < 0x10) this.#u8(0x20 + rest.length);
    else this.#u8(0x42).#u16(rest.length);
    return this.#raw(rest);
  }

  /** A list; null is written as null. */
  list<T>(items: readonly T[] | null, write: (item: T, writer: this) => void): this {
    if (items === null) return this.null();
    this.#u8(0x56);
    if (items.length <= 0xff) this.#u8(0x6e).#u8(items.length);
    else this.#u8(0x6c).#i32(items.length);
    for (const item of items) write(item, this);
    return this.#u8(LIST_END);
  }

  /** A map from texts, in its own order; null is written as null. */
  map<T>(entries: ReadonlyMap<string, T> | null, write: (value: T, writer: this) => void): this {
    if (entries === null) return this.null();
    this.#u8(0x4d);
    for (const [key, value] of entries) write(value, this.text(key));
    return this.#u8(LIST_END);
  }

  /** Begins an object: the caller writes one value for each field next. The class is defined before its first object. */
  object(javaClass: HessianClass): this {
    let index = this.#classes.indexOf(javaClass.name);
    if (index === -1) {
      index = this.#classes.push(javaClass.name) - 1;
      this.#raw(javaClass.definition);
    }
    return this.#u8(0x6f).int(index);
  }

  /** What makes a class known to the reader: its name, which has no tag, only its length as an int, and its fields. */
  definition(name: string, fields: readonly string[]): this {
    this.#u8(0x4f).int(name.length).#units(name).int(fields.length);
    for (const field of fields) this.text(field);
    return this;
  }

  /** The bytes written, not a copy. The writer must not be used afterwards. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #u8(value: number): this {
    this.#reserve(1);
    this.#bytes[this.#length] = value;
    this.#length += 1;
    return this;
  }

  #u16(value: number): this {
    this.#reserve(2);
    this.#length = this.#bytes.writeUInt16BE(value, this.#length);
    return this;
  }

  #i32(value: number): this {
    this.#reserve(4);
    this.#length = this.#bytes.writeInt32BE(value, this.#length);
    return this;
  }

  #raw(value: Uint8Array): this {
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
    return this;
  }

  /** The UTF-16 units of a text, each encoded on its own. Without surrogates that is UTF-8, which the platform writes faster. */
  #units(value: string): this {
    this.#reserve(value.length * 3);
    if (value.length > LOOPED_UNITS && !SURROGATE.test(value)) {
      this.#length += this.#bytes.write(value, this.#length, 'utf8');
      return this;
    }
    const bytes = this.#bytes;
    let at = this.#length;
    for (let i = 0; i < value.length; i += 1) {
      const unit = value.charCodeAt(i);
      if (unit < 0x80) bytes[at++] = unit;
      else if (unit < 0x800) {
        bytes[at++] = 0xc0 | (unit >> 6);
        bytes[at++] = 0x80 | (unit & 0x3f);
      } else {
        bytes[at++] = 0xe0 | (unit >> 12);
        bytes[at++] = 0x80 | ((unit >> 6) & 0x3f);
        bytes[at++] = 0x80 | (unit & 0x3f);
      }
    }
    this.#length = at;
    return this;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

/** A class as Java defines it in a content, encoded once. */
export class HessianClass {
  readonly name: string;
  readonly definition: Uint8Array;

  constructor(name: string, fields: readonly string[]) {
    this.name = name;
    this.definition = new HessianWriter().definition(name, fields).finish();
  }
}
