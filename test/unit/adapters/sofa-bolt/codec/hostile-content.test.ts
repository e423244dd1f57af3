import { describe, expect, it } from 'vitest';
import { BoltClass } from '../../../../../adapters/sofa-bolt/codec/class-names.ts';
import { decodeHessian } from '../../../../../adapters/sofa-bolt/codec/hessian-reader.ts';
import { HessianClass, HessianWriter } from '../../../../../adapters/sofa-bolt/codec/hessian-writer.ts';
import { BOLT_LIMITS } from '../../../../../adapters/sofa-bolt/codec/limits.ts';
import { decodeReceivedData } from '../../../../../adapters/sofa-bolt/codec/received-data.ts';
import {
  ALL_CLASSES,
  ALL_FRAMES,
  bytesOf,
  codeOf,
  contentOf,
  HESSIAN_VECTORS,
  hexOf,
  MESSAGES,
  outcome,
  seededRandom,
  TOLERANCE_VECTORS,
} from './vectors.ts';

/** Defines a class `a` without fields: the name is an int and then the letter, without the tag of a text. */
const CLASS_A = '4f916190';
const CODES = ['invalid-argument', 'limit-exceeded', 'malformed'];

function codeOfHex(hex: string, allowed: ReadonlySet<string> = ALL_CLASSES): string {
  return codeOf(() => decodeHessian(bytesOf(hex), allowed));
}

/** Both the bare decoder and every message decoder give a value or a typed error. */
function expectTyped(content: Uint8Array): Set<string> {
  const codes = new Set([codeOf(() => decodeHessian(content, ALL_CLASSES))]);
  for (const { decode } of MESSAGES.values()) codes.add(codeOf(() => decode(content)));
  for (const code of codes) expect([...CODES, 'a value']).toContain(code);
  return codes;
}

describe('broken contents', () => {
  it('are malformed at every truncation of every content that Java wrote', () => {
    const classes = new Set([
      ...ALL_CLASSES,
      'com.alipay.sofa.registry.core.model.ScopeEnum',
      'com.alipay.sofa.registry.core.model.NoSuchClass',
    ]);
    for (const { hex } of [...HESSIAN_VECTORS, ...TOLERANCE_VECTORS]) {
      const bytes = bytesOf(hex);
      for (let cut = 0; cut < bytes.length; cut += 1)
        expect(codeOf(() => decodeHessian(bytes.subarray(0, cut), classes))).toBe('malformed');
      expect(codeOf(() => decodeHessian(Buffer.concat([bytes, bytesOf('4e')]), classes))).toBe('malformed');
    }
  });

  it.each([
    ['nothing', ''],
    ['a final Hessian 2.0 class', '4301619160'],
    ['a remote reference', '72'],
    ['an unused tag', '40'],
    ['a reserved tag', '30'],
    ['an end without a beginning', '7a'],
    ['four-byte UTF-8', '02f09f9880'],
    ['a beginning of four-byte UTF-8', '01f48fbf'],
    ['a missing continuation byte', '01c361'],
    ['a lone continuation byte', '0180'],
    ['an overlong NUL', '01c080'],
    ['an overlong three-byte character', '01e08080'],
    ['a text longer than the content', '53ffff61'],
    ['a chunk that is followed by a number', '7300016190'],
    ['a byte chunk that is followed by a text', '620001010161'],
    ['a byte array longer than the content', '42ffff61'],
    ['a list longer than the content', '566c7fffffff90'],
    ['a list of negative length', '566cffffffff7a'],
    ['a list that is longer than it says', '566e0190917a'],
    ['a list that is shorter than it says', '566e02907a'],
    ['a typed list of negative length', '5656740001617a 7690 8f'],
    ['a typed list longer than the content', '56 5674000161 7a 7690497fffffff 90 7a'],
    ['a type that was not written before', '567590 7a'],
    ['a type by a negative number', '56758f 7a'],
    ['a type by a text', '56750161 7a'],
    ['a map without a value', '4d01617a'],
    ['an instance of no class', '6f90'],
    ['an instance of a negative class', `${CLASS_A}6f8f`],
    ['an object that does not exist', '564a017a'],
    ['an object that begins later', '56 4a01 4d7a 7a'],
    ['an object with a negative number', '5652ffffffff7a'],
    ['a class name longer than the content', '4fc8ff61'],
    ['a class name of negative length', '4f8f'],
    ['a class of negative size', '4f91618f'],
    ['a class with a number for a field', '4f916191 90'],
    ['a class with a field twice', '4f9161920161 0161'],
    ['a typed map of an allowed class with a number for a field', '4d74000161 9090 7a'],
  ])('that are %s are malformed', (_, hex) => {
    expect(codeOfHex(hex, new Set(['a']))).toBe('malformed');
  });

  it('with any one byte changed give a value or a typed error', () => {
    for (const { hex } of HESSIAN_VECTORS) {
      for (let at = 0; at < hex.length / 2; at += 1) {
        for (const byte of [0x00, 0x31, 0x4a, 0x4d, 0x53, 0x56, 0x6f, 0x7a, 0x80, 0xff]) {
          const changed = Buffer.from(bytesOf(hex));
          changed[at] = byte;
          const result = outcome(() => decodeHessian(changed, ALL_CLASSES));
          if ('error' in result) expect(CODES).toContain(result.error.code);
        }
      }
    }
  });
});

describe('bombs', () => {
  const classA = new Set(['a']);

  it.each([
    ['lists', '56'.repeat(1_000_000)],
    ['maps', `4d${'0161 4d'.repeat(100_000)}`],
    ['objects', `4f91619101616f90${'6f90'.repeat(100_000)}`],
    ['short lists', `56 56740001617a ${'769091'.repeat(100_000)}`],
    ['map keys', '4d'.repeat(1_000_000)],
  ])('nested %s are refused at the limit of depth', (_, hex) => {
    expect(codeOfHex(hex, classA)).toBe('limit-exceeded');
  });

  it('nesting as deep as allowed is read, one level more is not', () => {
    const nested = (levels: number) => `${'56'.repeat(levels)}${'7a'.repeat(levels)}`;
    expect(codeOfHex(nested(BOLT_LIMITS.depth))).toBe('a value');
    expect(codeOfHex(nested(BOLT_LIMITS.depth + 1))).toBe('limit-exceeded');
  });

  it.each([
    ['too many classes', CLASS_A.repeat(9)],
    ['endless classes', CLASS_A.repeat(1_000_000)],
    ['too many fields', `4f9161c841${Array.from({ length: 65 }, (_, index) => `01${(0x30 + index).toString(16)}`).join('')}`],
    ['two thousand million fields', '4f9161497fffffff'],
    ['a class name of two thousand million characters', '4f497fffffff61'],
    ['a field name that is too long', `4f9161915301 01${'61'.repeat(257)}`],
    ['a type name that is too long', `56740101${'61'.repeat(257)}7a`],
  ])('%s are refused', (_, hex) => {
    expect(codeOfHex(hex, classA)).toBe('limit-exceeded');
  });

  it('as many classes and fields as allowed are read', () => {
    const fields = Array.from({ length: BOLT_LIMITS.fieldsPerClass }, (_, index) => `01${(0x21 + index).toString(16)}`).join('');
    expect(codeOfHex(`${CLASS_A.repeat(BOLT_LIMITS.classDefinitions)}4e`, classA)).toBe('a value');
    expect(codeOfHex(`4f9161c840${fields} 6f90${'4e'.repeat(BOLT_LIMITS.fieldsPerClass)}`, classA)).toBe('a value');
  });

  it('classes outside the list are refused, also where no object of them follows, and names of types create nothing', () => {
    expect(codeOf(() => decodeHessian(contentOf('Result.ok'), new Set([BoltClass.RegisterResponse])))).toBe('invalid-argument');
    expect(codeOfHex(TOLERANCE_VECTORS.find(({ name }) => name === 'noclass')?.hex ?? '')).toBe('invalid-argument');
    expect(codeOfHex('4f8f', classA)).toBe('malformed');
    expect(codeOfHex('4f9162904e', classA)).toBe('invalid-argument');
    expect(decodeHessian(bytesOf(`4d740011${Buffer.from('java.lang.Runtime').toString('hex')}7a`), classA)).toEqual(new Map());
  });

  it('more values than allowed are refused however small each is', () => {
    const nulls = (count: number) => Buffer.concat([bytesOf('56'), Buffer.alloc(count, 0x4e), bytesOf('7a')]);
    expect(codeOf(() => decodeHessian(nulls(BOLT_LIMITS.values - 1), classA))).toBe('a value');
    expect(codeOf(() => decodeHessian(nulls(BOLT_LIMITS.values), classA))).toBe('limit-exceeded');
    expect(codeOf(() => decodeHessian(nulls(BOLT_LIMITS.contentBytes), classA))).toBe('limit-exceeded');
    expect(codeOfHex(`${CLASS_A}56${'6f90'.repeat(BOLT_LIMITS.values)}7a`, classA)).toBe('limit-exceeded');
  });

  it('one list that a map names thousands of times is converted once', () => {
    const zones = 30_000;
    const writer = new HessianWriter().object(new HessianClass(BoltClass.ReceivedData, ['data']));
    const boxes = new HessianWriter([BoltClass.ReceivedData]).list(
      Array.from({ length: 20_000 }, () => 'x'),
      (text, each) => {
        each.object(new HessianClass(BoltClass.DataBox, ['data'])).text(text);
      },
    );
    // Object 0 is the message, 1 the map, 2 the list.
    const names = Array.from({ length: zones }, (_, index) => `05${Buffer.from(String(10_000 + index)).toString('hex')}4a02`).join('');
    const content = bytesOf(`${hexOf(writer.finish())}4d0161${hexOf(boxes.finish())}${names}7a`);
    const { data } = decodeReceivedData(content);
    expect(data?.size).toBe(zones + 1);
    expect(new Set(data?.values()).size).toBe(1);
  });
});

describe('seeded random contents', () => {
  it('of 10,000 noises give a value or a typed error', () => {
    const random = seededRandom(2);
    const seen = new Set<string>();
    // Most first bytes that mean something, so that the noise gets past the first value.
    const tags = [...bytesOf('000342464a4c4d4e4f5253545662646667686b6c6e6f7374757677 7a 90 91 9f e0 f8 3c c8 d4')];
    for (let run = 0; run < 10_000; run += 1) {
      const noise = Array.from({ length: 1 + Math.floor(random() * 80) }, () =>
        random() < 0.7 ? (tags[Math.floor(random() * tags.length)] as number) : random() * 256,
      );
      for (const code of expectTyped(Buffer.from(noise))) seen.add(code);
    }
    expect([...seen].sort()).toEqual([...CODES, 'a value'].sort());
  });

  it('of 10,000 messages with some bytes changed give a value or a typed error', () => {
    const random = seededRandom(3);
    const contents = ALL_FRAMES.filter(({ parsed }) => MESSAGES.has(parsed.className)).map(({ hex, parsed }) =>
      bytesOf(hex.slice(0, parsed.crc32 === undefined ? undefined : -8).slice(-2 * parsed.contentLen)),
    );
    const seen = new Set<string>();
    for (let run = 0; run < 10_000; run += 1) {
      const changed = Buffer.from(contents[run % contents.length] as Uint8Array);
      for (let i = 0; i < 1 + (run % 4); i += 1) changed[Math.floor(random() * changed.length)] = random() * 256;
      for (const code of expectTyped(changed)) seen.add(code);
    }
    expect(seen).toContain('a value');
    expect(seen).toContain('malformed');
  });
});
