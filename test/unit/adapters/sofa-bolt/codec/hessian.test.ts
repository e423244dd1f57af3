import { describe, expect, it } from 'vitest';
import { BoltClass } from '../../../../../adapters/sofa-bolt/codec/class-names.ts';
import { decodeHessian } from '../../../../../adapters/sofa-bolt/codec/hessian-reader.ts';
import { HessianDate, HessianObject, type HessianValue } from '../../../../../adapters/sofa-bolt/codec/hessian-value.ts';
import { HessianClass, HessianWriter } from '../../../../../adapters/sofa-bolt/codec/hessian-writer.ts';
import {
  ALL_CLASSES,
  ALL_FRAMES,
  bytesOf,
  contentOf,
  HESSIAN_VECTORS,
  hessianOf,
  hexOf,
  type Json,
  seededRandom,
  TOLERANCE_VECTORS,
  withoutMapType,
} from './vectors.ts';

const SCOPE_ENUM = 'com.alipay.sofa.registry.core.model.ScopeEnum';
const CLASSES: ReadonlySet<string> = new Set([...ALL_CLASSES, SCOPE_ENUM]);
/** Java wrote a type or a reference here, which we only read. */
const ONLY_READ = new Set(['ReceivedData.emptyMapClass', 'List.asList', 'Map.linked', 'Set', 'sharedRef', 'typedListTwice']);

function decode(hex: string): HessianValue {
  return decodeHessian(bytesOf(hex), CLASSES);
}

function write(value: HessianValue, writer: HessianWriter): void {
  if (value === null) writer.null();
  else if (typeof value === 'boolean') writer.bool(value);
  else if (typeof value === 'bigint') writer.long(value);
  else if (typeof value === 'string') writer.text(value);
  else if (typeof value === 'number') Number.isInteger(value) ? writer.int(value) : writer.double(value);
  else if (value instanceof Uint8Array) writer.bytes(value);
  else if (value instanceof HessianDate) writer.date(value.epochMs);
  else if (value instanceof HessianObject) {
    writer.object(new HessianClass(value.className, [...value.fields.keys()]));
    for (const field of value.fields.values()) write(field, writer);
  } else if (value instanceof Map) writer.map(value as ReadonlyMap<string, HessianValue>, write);
  else writer.list(value as readonly HessianValue[], write);
}

function encode(value: HessianValue): Uint8Array {
  const writer = new HessianWriter();
  write(value, writer);
  return writer.finish();
}

function expected(name: string, decoded: Json): HessianValue {
  return name === 'date' ? new HessianDate(BigInt(Date.parse(decoded as string))) : hessianOf(decoded);
}

describe('contents that Java wrote', () => {
  it.each(HESSIAN_VECTORS.map((vector) => [vector.name, vector] as const))(
    '%s is read, and written as Java did',
    (name, { hex, decoded }) => {
      expect(decode(hex)).toStrictEqual(expected(name, decoded));
      if (!ONLY_READ.has(name)) expect(hexOf(encode(decode(hex)))).toBe(hex);
    },
  );

  it('are read in every recorded frame, and written as Java did', () => {
    const contents = ALL_FRAMES.filter(
      ({ parsed }) => typeof parsed.content?.['$class'] === 'string' && parsed.content['note'] === undefined,
    );
    expect(contents.length).toBeGreaterThan(100);
    for (const { hex, parsed } of contents) {
      const end = parsed.crc32 === undefined ? undefined : -8;
      const content = hex.slice(0, end).slice(-2 * parsed.contentLen);
      expect(decode(content)).toStrictEqual(hessianOf(parsed.content as Json));
      expect(hexOf(encode(decode(content)))).toBe(withoutMapType(content));
    }
  });

  it('share one object where Java wrote a reference', () => {
    const list = decode(hexOf(contentOf('sharedRef'))) as readonly HessianValue[];
    expect(list[1]).toBe(list[0]);
  });

  it('with a stack trace are read when their classes are allowed: typed arrays, references to the object itself', () => {
    const { hex, parsed } = ALL_FRAMES.find((frame) => frame.parsed.content?.['note'] !== undefined) ?? expect.unreachable();
    const classes = new Set([parsed.className, 'java.lang.StackTraceElement']);
    const exception = decodeHessian(bytesOf(hex.slice(-2 * parsed.contentLen)), classes) as HessianObject;
    expect(exception.className).toBe(parsed.className);
    expect(exception.fields.get('detailMessage')).toBe(parsed.content?.['detailMessage']);
    expect(exception.fields.get('cause')).toBe(exception);
    expect((exception.fields.get('stackTrace') as readonly HessianObject[])[0]?.fields.get('declaringClass')).toContain('alipay');
  });

  it('have their fields by name, whatever the definition of the class that came before', () => {
    const a = Buffer.from(BoltClass.Result).toString('hex');
    const head = `4f${(0x90 + BoltClass.Result.length).toString(16)}${a}`;
    for (const [fields, values] of [
      ['92 0161 0162', '91 92'],
      ['92 0162 0161', '92 91'],
      ['93 0161 0162 0163', '91 92 93'],
      ['92 0161 0162', '91 92'],
    ]) {
      const object = decode(`${head}${fields}6f90${values}`) as HessianObject;
      expect([object.fields.get('a'), object.fields.get('b')]).toEqual([1, 2]);
    }
  });

  it('as a typed map of an allowed class are an object, as in Java', () => {
    const map = decode(TOLERANCE_VECTORS.find(({ name }) => name === 'mapform')?.hex ?? '') as HessianObject;
    expect(map).toBeInstanceOf(HessianObject);
    expect(map.className).toBe(BoltClass.RegisterResponse);
    expect(map.fields.get('version')).toBe(7n);
  });
});

describe('scalars at their limits', () => {
  it.each([
    ['int', 'c7ef', -17],
    ['int', 'c000', -2048],
    ['int', 'd3f7ff', -2049],
    ['int', 'd00000', -262144],
    ['int', '49fffbffff', -262145],
    ['int', '4980000000', -2147483648],
    ['long', 'd8', -8n],
    ['long', '3bf7ff', -2049n],
    ['long', '77fffbffff', -262145n],
    ['long', '4cffffffff7fffffff', -2147483649n],
    ['long', '4c7fffffffffffffff', 2n ** 63n - 1n],
    ['long', '4c8000000000000000', -(2n ** 63n)],
  ])('%s %s', (_, hex, value) => {
    expect(decode(hex)).toBe(value);
    expect(hexOf(encode(value))).toBe(hex);
  });

  it.each([
    ['67', 0],
    ['68', 1],
    ['6980', -128],
    ['697f', 127],
    ['6a0080', 128],
    ['6a8000', -32768],
    ['6b47000000', 32768],
    ['6bbfc00000', -1.5],
    ['443fb999999999999a', 0.1],
    ['6b7f800000', Number.POSITIVE_INFINITY],
    ['6b80000000', -0],
    ['447ff8000000000000', Number.NaN],
  ])('double %s', (hex, value) => {
    expect(decode(hex)).toBe(value);
    expect(hexOf(new HessianWriter().double(value).finish())).toBe(hex);
  });

  it('refuses numbers that no int or long can hold', () => {
    for (const value of [1.5, 2 ** 31, -(2 ** 31) - 1, Number.NaN]) expect(() => new HessianWriter().int(value)).toThrow(RangeError);
    for (const value of [2n ** 63n, -(2n ** 63n) - 1n]) expect(() => new HessianWriter().long(value)).toThrow(RangeError);
  });
});

describe('texts and byte arrays', () => {
  it.each([
    ['at the limit of the short form', 'x'.repeat(31), '1f78'],
    ['beyond the short form', 'x'.repeat(32), '53002078'],
    ['of one full chunk', 'x'.repeat(32_768), '53800078'],
    ['of one character more', 'x'.repeat(32_769), '73800078'],
    ['with a character over the border of chunks', `${'x'.repeat(32_767)}\u{1f600}y`, '737fff78'],
    ['of 70,000 characters outside ASCII', 'é中'.repeat(35_000), '738000c3a9'],
    ['of characters outside the basic plane', '\u{1f600}'.repeat(40_000), '738000eda0bdedb880'],
    ['with half characters', '\ud800x\udc00'.repeat(50), '530096eda08078edb080'],
    ['with NUL and DEL', '\u0000\u007f\u0080\u07ff\u0800\uffff', '06007fc280dfbfe0a080efbfbf'],
  ])('%s keep every UTF-16 unit', (_, text, start) => {
    const bytes = encode(text);
    expect(hexOf(bytes.subarray(0, start.length / 2))).toBe(start);
    expect(decodeHessian(bytes, CLASSES)).toBe(text);
  });

  it('ends no chunk between the halves of a character', () => {
    const bytes = Buffer.from(encode(`${'x'.repeat(32_767)}\u{1f600}y`));
    expect(hexOf(bytes.subarray(3 + 32_767))).toBe('03eda0bdedb88079');
  });

  it.each([
    [0, '20'],
    [15, '2f'],
    [16, '420010'],
    [32_768, '428000'],
    [32_769, '628000'],
    [100_000, '628000'],
  ])('byte arrays of %i bytes', (length, start) => {
    const value = Buffer.from(Array.from({ length }, (_, index) => index % 251));
    const bytes = encode(value);
    expect(hexOf(bytes.subarray(0, start.length / 2))).toBe(start);
    expect(Buffer.compare(decodeHessian(bytes, CLASSES) as Uint8Array, value)).toBe(0);
  });
});

describe('lists and maps', () => {
  it('lists of more than 255 items have a long length', () => {
    const list = Array.from({ length: 300 }, (_, index) => index);
    expect(hexOf(encode(list).subarray(0, 6))).toBe('566c0000012c');
    expect(decodeHessian(encode(list), CLASSES)).toEqual(list);
  });

  it('a list may come without a length, with a type by number, and with items that refer to the list itself', () => {
    expect(decode('5691927a')).toEqual([1, 2]);
    expect(decode('56 56740001616e0291927a 5675906e01937a 7a')).toEqual([[1, 2], [3]]);
    const loop = decode('564a007a') as readonly HessianValue[];
    expect(loop[0]).toBe(loop);
  });

  it('references are read in all three widths', () => {
    const list = decode('56 4d7a 4a01 4b0001 5200000001 7a') as readonly HessianValue[];
    expect(list).toHaveLength(4);
    for (const item of list) expect(item).toBe(list[0]);
  });

  it('keys that JavaScript objects treat specially are ordinary keys', () => {
    const map = decode(
      hexOf(
        encode(
          new Map([
            ['__proto__', 'x'],
            ['constructor', 'y'],
          ]),
        ),
      ),
    ) as Map<string, string>;
    expect([...map]).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
    expect(Object.getPrototypeOf(map)).toBe(Map.prototype);
  });

  it('random values come back as they were', () => {
    const random = seededRandom(7);
    const pick = (most: number) => Math.floor(random() * most);
    const text = () => String.fromCharCode(...Array.from({ length: pick(40) }, () => pick(0x10000)));
    const make = (depth: number): HessianValue => {
      switch (pick(depth > 5 ? 7 : 10)) {
        case 0:
          return null;
        case 1:
          return random() < 0.5;
        case 2:
          return Math.floor((random() - 0.5) * 2 ** pick(33));
        case 3:
          return BigInt.asIntN(1 + pick(64), BigInt(Math.floor(random() * 2 ** 53)) * 4099n);
        case 4:
          return text();
        case 5:
          return Buffer.from(text());
        case 6:
          return new HessianDate(BigInt(pick(2 ** 45)));
        case 7:
          return Array.from({ length: pick(4) }, () => make(depth + 1));
        case 8:
          return new Map(Array.from({ length: pick(4) }, () => [text(), make(depth + 1)]));
        default:
          return new HessianObject(
            BoltClass.RegisterResponse,
            new Map([
              ['success', make(depth + 1)],
              ['other', make(depth + 1)],
            ]),
          );
      }
    };
    for (let run = 0; run < 1000; run += 1) {
      const value = make(0);
      expect(decodeHessian(encode(value), CLASSES)).toStrictEqual(value);
    }
  });
});
