import { describe, expect, it } from 'vitest';
import { type FoldedId, foldDataInfoId, foldText, formatDataInfoId } from '../../../../core/model/data-info-id.ts';
import { crc32c, crc32cOfText } from '../../../../core/slot/crc32c.ts';
import { assertSlotCount, SLOT_COUNTS, slotOf } from '../../../../core/slot/slot-of.ts';

const ascii = (text: string) => new TextEncoder().encode(text);
const ascending = Uint8Array.from({ length: 32 }, (_, i) => i);

describe('crc32c', () => {
  // The check value of the Castagnoli CRC catalogue, and the examples of RFC 3720 appendix B.4.
  it.each([
    ['nothing', new Uint8Array(0), 0x00000000],
    ['the check text', ascii('123456789'), 0xe3069283],
    ['32 zeros', new Uint8Array(32), 0x8a9136aa],
    ['32 ones', new Uint8Array(32).fill(0xff), 0x62a8ab43],
    ['32 ascending bytes', ascending, 0x46dd794e],
    ['32 descending bytes', ascending.toReversed(), 0x113fdb5c],
    ['one letter', ascii('a'), 0xc1d04330],
  ])('of %s', (_name, bytes, expected) => {
    expect(crc32c(bytes)).toBe(expected);
  });

  it('of a window is that of the window alone', () => {
    const buffer = Uint8Array.of(1, 2, ...ascii('123456789'), 3);
    expect(crc32c(buffer.subarray(2, 11))).toBe(0xe3069283);
  });
});

describe('crc32c of a text', () => {
  it.each(['', '123456789', 'größe', 'ß', '服务.orders', 'orders 😀', '\ud83d alone'])('%j is that of its UTF-8', (text) => {
    expect(crc32cOfText(text)).toBe(crc32c(new TextEncoder().encode(text)));
  });
});

describe('the slot of a name', () => {
  it.each([
    ['123456789', 256, 0x83],
    ['123456789', 1_024, 0x283],
    ['123456789', 4_096, 0x283],
    ['a', 256, 0x30],
    ['', 256, 0],
    ['a', 1, 0],
  ])('%j of %d slots is the low bits of its checksum', (name, slotCount, expected) => {
    expect(slotOf(name as FoldedId, slotCount)).toBe(expected);
  });

  it('hashes the UTF-8 of a name beyond ASCII', () => {
    expect(slotOf('订单' as FoldedId, 4_096)).toBe(crc32c(Uint8Array.of(0xe8, 0xae, 0xa2, 0xe5, 0x8d, 0x95)) & 4_095);
  });

  it('is the same for all spellings of one name', () => {
    for (const dataId of ['com.acme.OrderService:1.0', 'ORDER-SERVICE', 'straße', 'İstanbul']) {
      const slots = [dataId, dataId.toLowerCase(), dataId.toUpperCase()].map((spelling) =>
        slotOf(foldDataInfoId(formatDataInfoId({ dataId: spelling, instanceId: 'public', group: 'G' })), 256),
      );
      expect(new Set(slots).size, dataId).toBe(1);
    }
  });

  it.each(SLOT_COUNTS)('stays within %d slots', (slotCount) => {
    const slots = names(20_000).map((name) => slotOf(name, slotCount));
    expect(Math.min(...slots)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...slots)).toBeLessThan(slotCount);
    expect(slots.every(Number.isInteger)).toBe(true);
  });

  it('spreads names that differ by a number evenly over 256 slots', () => {
    const perSlot = new Array<number>(256).fill(0);
    for (const name of names(51_200)) {
      const slot = slotOf(name, 256);
      perSlot[slot] = (perSlot[slot] ?? 0) + 1;
    }
    // 200 expected; the standard deviation of chance is 14, and six of them are far beyond what it does.
    expect(Math.min(...perSlot)).toBeGreaterThan(200 - 85);
    expect(Math.max(...perSlot)).toBeLessThan(200 + 85);
  });
});

describe('a slot count', () => {
  it.each([1, 2, 16, ...SLOT_COUNTS])('of %d is taken', (slotCount) => {
    expect(() => assertSlotCount(slotCount)).not.toThrow();
  });

  it.each([0, -1, -256, 3, 255, 257, 1.5, 8_192, 2 ** 32, Number.NaN, Number.POSITIVE_INFINITY])('of %d is refused', (slotCount) => {
    expect(() => assertSlotCount(slotCount)).toThrow(expect.objectContaining({ name: 'RegistryError', code: 'invalid-argument' }));
  });
});

function names(count: number): FoldedId[] {
  return Array.from({ length: count }, (_, i) => foldText(`com.acme.Service${i}#@#DEFAULT_INSTANCE_ID#@#DEFAULT_GROUP`) as FoldedId);
}
