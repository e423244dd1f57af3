import { describe, expect, it } from 'vitest';
import { ByteReader, ByteWriter } from '../../../../core/codec/index.ts';
import { Chance } from '../../../sim/world/chance.ts';

const MALFORMED = expect.objectContaining({ name: 'RegistryError', code: 'malformed' });
const MAX = Number.MAX_SAFE_INTEGER;

interface Field {
  readonly name: string;
  readonly value: unknown;
  readonly bytes: readonly number[];
  readonly write: (writer: ByteWriter) => ByteWriter;
  readonly read: (reader: ByteReader) => unknown;
}

const FIELDS: readonly Field[] = [
  ...[0, 1, 127, 128, 255].map((value) =>
    field(
      `u8 ${value}`,
      value,
      [value],
      (w) => w.u8(value),
      (r) => r.u8(),
    ),
  ),
  field(
    'bool false',
    false,
    [0],
    (w) => w.bool(false),
    (r) => r.bool(),
  ),
  field(
    'bool true',
    true,
    [1],
    (w) => w.bool(true),
    (r) => r.bool(),
  ),
  u32(0, [0, 0, 0, 0]),
  u32(1, [0, 0, 0, 1]),
  u32(0x01020304, [1, 2, 3, 4]),
  u32(0xffffffff, [255, 255, 255, 255]),
  u64(0n, [0, 0, 0, 0, 0, 0, 0, 0]),
  u64(0x0102030405060708n, [1, 2, 3, 4, 5, 6, 7, 8]),
  u64(2n ** 53n + 1n, [0, 32, 0, 0, 0, 0, 0, 1]),
  u64(2n ** 64n - 1n, [255, 255, 255, 255, 255, 255, 255, 255]),
  f64(0, [0, 0, 0, 0, 0, 0, 0, 0]),
  f64(-0, [128, 0, 0, 0, 0, 0, 0, 0]),
  f64(1.5, [0x3f, 0xf8, 0, 0, 0, 0, 0, 0]),
  f64(Number.NEGATIVE_INFINITY, [0xff, 0xf0, 0, 0, 0, 0, 0, 0]),
  f64(Number.NaN, [0x7f, 0xf8, 0, 0, 0, 0, 0, 0]),
  varint(0, [0]),
  varint(1, [1]),
  varint(127, [127]),
  varint(128, [0x80, 1]),
  varint(300, [0xac, 2]),
  varint(16_383, [0xff, 0x7f]),
  varint(16_384, [0x80, 0x80, 1]),
  varint(2 ** 31, [0x80, 0x80, 0x80, 0x80, 8]),
  varint(2 ** 32 - 1, [0xff, 0xff, 0xff, 0xff, 15]),
  varint(2 ** 49 - 1, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]),
  varint(2 ** 49, [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1]),
  varint(MAX, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 15]),
  text('', [0]),
  text('abc', [3, 97, 98, 99]),
  text('é', [2, 0xc3, 0xa9]),
  text('漢', [3, 0xe6, 0xbc, 0xa2]),
  text('😀', [4, 0xf0, 0x9f, 0x98, 0x80]),
  text('a\0b', [3, 97, 0, 98]),
  field(
    'blob of nothing',
    new Uint8Array(0),
    [0],
    (w) => w.blob(new Uint8Array(0)),
    (r) => r.blob(),
  ),
  field(
    'blob',
    Uint8Array.of(0, 255, 7),
    [3, 0, 255, 7],
    (w) => w.blob(Uint8Array.of(0, 255, 7)),
    (r) => r.blob(),
  ),
  field(
    'blob of a text',
    Uint8Array.of(0, 255, 7),
    [3, 0, 255, 7],
    (w) => w.byteText('\u0000\u00ff\u0007'),
    (r) => r.blob(),
  ),
  field(
    'raw',
    Uint8Array.of(9, 8),
    [9, 8],
    (w) => w.raw(Uint8Array.of(9, 8)),
    (r) => r.raw(2),
  ),
  field(
    'empty list',
    [],
    [0],
    (w) => w.list([], () => undefined),
    (r) => r.list((item) => item.u8()),
  ),
  field(
    'list',
    [1, 300],
    [2, 1, 0xac, 2],
    (w) => w.list([1, 300], (item) => w.varint(item)),
    (r) => r.list((item) => item.varint()),
  ),
  field(
    'list of lists',
    [[], ['abc', 'def']],
    [2, 0, 2, 3, 97, 98, 99, 3, 100, 101, 102],
    (w) => w.list([[], ['abc', 'def']], (inner) => w.list(inner, (item) => w.text(item))),
    (r) => r.list((inner) => inner.list((item) => item.text())),
  ),
];

describe('each type of field', () => {
  it.each(FIELDS)('$name has its bytes and comes back', ({ value, bytes, write, read }) => {
    const written = write(new ByteWriter()).finish();
    expect([...written]).toEqual(bytes);
    const reader = new ByteReader(written);
    expect(read(reader)).toEqual(value);
    expect(reader.remaining).toBe(0);
    reader.end();
  });

  it.each(FIELDS.filter(({ bytes }) => bytes.length > 0))('$name cut short anywhere is malformed', ({ bytes, read }) => {
    for (let length = 0; length < bytes.length; length += 1) {
      expect(() => read(new ByteReader(Uint8Array.from(bytes.slice(0, length)))), `${length} bytes`).toThrow(MALFORMED);
    }
  });

  it.each(FIELDS)('$name is found at an offset of a larger buffer', ({ value, bytes, read }) => {
    const around = Uint8Array.from([1, 2, 3, ...bytes, 4, 5]);
    const reader = new ByteReader(around.subarray(3, 3 + bytes.length));
    expect(read(reader)).toEqual(value);
    expect(reader.offset).toBe(bytes.length);
  });

  it('keeps the sign of zero', () => {
    expect(Object.is(new ByteReader(new ByteWriter().f64(-0).finish()).f64(), -0)).toBe(true);
  });
});

describe('a message of many fields', () => {
  it('comes back whatever the size the buffer began with', () => {
    for (const initialBytes of [0, 1, 7, 64, 4_096]) {
      const writer = new ByteWriter(initialBytes);
      for (let i = 0; i < 200; i += 1)
        writer
          .u8(i)
          .u32(i)
          .u64(BigInt(i))
          .f64(i)
          .varint(i * 1_000)
          .blob(new Uint8Array(i).fill(i));
      const bytes = writer.finish();
      expect(bytes).toHaveLength(writer.length);
      const reader = new ByteReader(bytes);
      for (let i = 0; i < 200; i += 1) {
        expect([reader.u8(), reader.u32(), reader.u64(), reader.f64(), reader.varint()]).toEqual([i, i, BigInt(i), i, i * 1_000]);
        expect(reader.blob()).toEqual(new Uint8Array(i).fill(i));
      }
      reader.end();
    }
  });

  it('keeps texts of every length around the steps of their length field', () => {
    for (const letter of ['a', 'é', '漢', '😀']) {
      for (const count of [3, 42, 43, 63, 64, 127, 128, 129, 5_461, 5_462, 8_191, 8_192, 16_383, 16_384, 100_000]) {
        const value = letter.repeat(count);
        const writer = new ByteWriter().u8(1).text(value).u8(2);
        const reader = new ByteReader(writer.finish());
        expect(reader.u8()).toBe(1);
        expect(reader.text() === value, `${count} of ${letter}`).toBe(true);
        expect(reader.u8()).toBe(2);
        reader.end();
      }
    }
  });

  it('survives growing at every place within a field', () => {
    for (let before = 200; before < 260; before += 1) {
      const bytes = new ByteWriter()
        .raw(new Uint8Array(before).fill(9))
        .text('three or more')
        .u32(5)
        .varint(MAX)
        .u64(6n)
        .blob(Uint8Array.of(1, 2))
        .finish();
      const reader = new ByteReader(bytes);
      reader.raw(before);
      expect([reader.text(), reader.u32(), reader.varint(), reader.u64(), [...reader.blob()]], `after ${before} bytes`).toEqual([
        'three or more',
        5,
        MAX,
        6n,
        [1, 2],
      ]);
      reader.end();
    }
  });

  it('counts offset and what remains', () => {
    const reader = new ByteReader(Uint8Array.of(1, 2, 3, 4, 5));
    reader.u8();
    expect([reader.offset, reader.remaining]).toEqual([1, 4]);
    reader.u32();
    expect([reader.offset, reader.remaining]).toEqual([5, 0]);
  });

  it('gives blobs as windows, not as copies', () => {
    const bytes = Uint8Array.of(2, 7, 8);
    const blob = new ByteReader(bytes).blob();
    bytes[1] = 9;
    expect([...blob]).toEqual([9, 8]);
  });

  it('with bytes left over is malformed', () => {
    const reader = new ByteReader(Uint8Array.of(1, 2));
    reader.u8();
    expect(() => reader.end()).toThrow(MALFORMED);
  });
});

describe('a writer', () => {
  it.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, MAX + 1])('refuses %d as a varint', (value) => {
    expect(() => new ByteWriter().varint(value)).toThrow(RangeError);
  });
});

describe('hostile bytes', () => {
  it.each<[string, number[], (reader: ByteReader) => unknown]>([
    ['a boolean of 2', [2], (r) => r.bool()],
    ['a boolean of 255', [255], (r) => r.bool()],
    ['a varint one above the safe integers', [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 16], (r) => r.varint()],
    ['a varint of eight full bytes', [255, 255, 255, 255, 255, 255, 255, 127], (r) => r.varint()],
    ['a varint that never ends', [128, 128, 128, 128, 128, 128, 128, 128, 128, 0], (r) => r.varint()],
    ['UTF-8 that ends within a letter', [1, 0xc3], (r) => r.text()],
    ['UTF-8 of a surrogate', [3, 0xed, 0xa0, 0x80], (r) => r.text()],
    ['UTF-8 with an overlong letter', [2, 0xc0, 0xaf], (r) => r.text()],
    ['a byte that UTF-8 never has', [1, 0xff], (r) => r.text()],
  ])('%s are malformed', (_name, bytes, read) => {
    expect(() => read(new ByteReader(Uint8Array.from(bytes)))).toThrow(MALFORMED);
  });

  it.each<[string, (reader: ByteReader) => unknown]>([
    ['text', (r) => r.text()],
    ['blob', (r) => r.blob()],
  ])('a %s of 2^53 - 1 bytes is refused by its length alone', (_name, read) => {
    expect(() => read(new ByteReader(new ByteWriter().varint(MAX).u32(1).finish()))).toThrow(MALFORMED);
  });

  it('a list of more items than bytes is refused before its first item is read', () => {
    for (const count of [6, 2 ** 31, MAX]) {
      let reads = 0;
      const reader = new ByteReader(new ByteWriter().varint(count).raw(new Uint8Array(5)).finish());
      const readAll = () =>
        reader.list((item) => {
          reads += 1;
          return item.u8();
        });
      expect(readAll).toThrow(MALFORMED);
      expect(reads, `${count} items`).toBe(0);
    }
  });

  it('a list of as many items as bytes is read', () => {
    const reader = new ByteReader(Uint8Array.of(3, 7, 8, 9));
    expect(reader.list((item) => item.u8())).toEqual([7, 8, 9]);
  });

  it('an error names the offset and leaves the reader where it was', () => {
    const reader = new ByteReader(Uint8Array.of(1, 2, 3));
    reader.u8();
    expect(() => reader.u32()).toThrow(/4 bytes wanted, 2 there \(offset 1\)/);
    expect(reader.remaining).toBe(2);
  });

  it('give a value or a malformed error, whatever is read from them', () => {
    const chance = new Chance(21, 'bytes');
    const reads: ((reader: ByteReader) => unknown)[] = [
      (r) => r.u8(),
      (r) => r.bool(),
      (r) => r.u32(),
      (r) => r.u64(),
      (r) => r.f64(),
      (r) => r.varint(),
      (r) => r.text(),
      (r) => r.blob(),
      (r) => r.list((item) => item.text()),
    ];
    const outcomes = { value: 0, malformed: 0 };
    for (let round = 0; round < 3_000; round += 1) {
      const reader = new ByteReader(Uint8Array.from({ length: chance.between(0, 40) }, () => chance.between(0, 255)));
      try {
        for (let reading = chance.between(1, 5); reading > 0; reading -= 1) chance.pick(reads)(reader);
        outcomes.value += 1;
      } catch (caught) {
        expect(caught).toEqual(MALFORMED);
        outcomes.malformed += 1;
      }
      expect(reader.offset).toBeLessThanOrEqual(40);
    }
    expect(Math.min(outcomes.value, outcomes.malformed)).toBeGreaterThan(100);
  });
});

function field(name: string, value: unknown, bytes: readonly number[], write: Field['write'], read: Field['read']): Field {
  return { name, value, bytes, write, read };
}

function u32(value: number, bytes: readonly number[]): Field {
  return field(
    `u32 ${value}`,
    value,
    bytes,
    (w) => w.u32(value),
    (r) => r.u32(),
  );
}

function u64(value: bigint, bytes: readonly number[]): Field {
  return field(
    `u64 ${value}`,
    value,
    bytes,
    (w) => w.u64(value),
    (r) => r.u64(),
  );
}

function f64(value: number, bytes: readonly number[]): Field {
  return field(
    `f64 ${value}`,
    value,
    bytes,
    (w) => w.f64(value),
    (r) => r.f64(),
  );
}

function varint(value: number, bytes: readonly number[]): Field {
  return field(
    `varint ${value}`,
    value,
    bytes,
    (w) => w.varint(value),
    (r) => r.varint(),
  );
}

function text(value: string, bytes: readonly number[]): Field {
  return field(
    `text ${JSON.stringify(value)}`,
    value,
    bytes,
    (w) => w.text(value),
    (r) => r.text(),
  );
}
