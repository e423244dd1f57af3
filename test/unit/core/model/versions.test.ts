import { describe, expect, it } from 'vitest';
import type { DataInfoId, FoldedId } from '../../../../core/model/data-info-id.ts';
import { groupVersion } from '../../../../core/model/datum.ts';
import { DATUM_VERSION_EPOCH_MS, datumVersionAt, nextDatumVersion, UNKNOWN_DATUM_VERSION } from '../../../../core/model/datum-version.ts';
import { compareRegisterVersion, nextStamp, STAMPS_PER_MS } from '../../../../core/model/register-version.ts';

describe('the order of register versions', () => {
  const ASCENDING = [
    { version: 0, stamp: 0 },
    { version: 0, stamp: 1 },
    { version: 0, stamp: 2 ** 40 },
    { version: 1, stamp: 0 },
    { version: 1, stamp: 5 },
    { version: 2, stamp: 4 },
    { version: 2 ** 32, stamp: 0 },
    { version: 2 ** 32 + 1, stamp: 0 },
    { version: Number.MAX_SAFE_INTEGER, stamp: 0 },
    { version: Number.MAX_SAFE_INTEGER, stamp: Number.MAX_SAFE_INTEGER },
  ];

  it('is by the client version first and by the stamp among equals', () => {
    ASCENDING.forEach((a, i) => {
      ASCENDING.forEach((b, j) => {
        expect(Math.sign(compareRegisterVersion(a, b)), `${JSON.stringify(a)} against ${JSON.stringify(b)}`).toBe(Math.sign(i - j));
      });
    });
  });

  it('sorts a shuffled list back', () => {
    const shuffled = [7, 2, 9, 0, 4, 1, 8, 3, 6, 5].map((i) => ASCENDING[i] ?? { version: -1, stamp: -1 });
    expect(shuffled.sort(compareRegisterVersion)).toEqual(ASCENDING);
  });
});

describe('the stamp of a Session', () => {
  it.each([
    ['follows the wall clock', 0, 1_000, 1_000 * STAMPS_PER_MS],
    ['counts within one millisecond', 1_000 * STAMPS_PER_MS, 1_000, 1_000 * STAMPS_PER_MS + 1],
    ['runs over into the next millisecond', 1_000 * STAMPS_PER_MS + 1_023, 1_000, 1_001 * STAMPS_PER_MS],
    ['goes on when the clock steps back', 5_000 * STAMPS_PER_MS, 1_000, 5_000 * STAMPS_PER_MS + 1],
    ['stays above a stamp heard from elsewhere', 9_999 * STAMPS_PER_MS + 7, 9_998, 9_999 * STAMPS_PER_MS + 8],
    ['cuts fractions of a millisecond', 0, 1_000.9, 1_000 * STAMPS_PER_MS],
  ])('%s', (_name, last, wallMs, expected) => {
    expect(nextStamp(last, wallMs)).toBe(expected);
  });

  it('is a safe integer until the year 2248', () => {
    const stamp = nextStamp(0, Date.UTC(2247, 11, 31));
    expect(Number.isSafeInteger(stamp)).toBe(true);
    expect(Number.isSafeInteger(nextStamp(0, Date.UTC(2250, 0, 1)))).toBe(false);
  });

  it('grows with every call whatever the clock does', () => {
    let last = 0;
    for (const wallMs of [10, 10, 10, 5, 0, -3, 11, 11, 10_000, 9_000, 9_000]) {
      const stamp = nextStamp(last, wallMs);
      expect(stamp).toBeGreaterThan(last);
      last = stamp;
    }
  });
});

describe('datum versions', () => {
  const MAY_2026 = Date.UTC(2026, 4, 1);

  it('count from 2019-01-01 00:00 +08:00, as SOFARegistry does', () => {
    expect(DATUM_VERSION_EPOCH_MS).toBe(Date.parse('2019-01-01T00:00:00+08:00'));
    expect(datumVersionAt(DATUM_VERSION_EPOCH_MS)).toBe(0n);
  });

  it.each([
    ['one millisecond after the epoch', DATUM_VERSION_EPOCH_MS + 1, 32_768n],
    ['a day after the epoch', DATUM_VERSION_EPOCH_MS + 86_400_000, 86_400_000n << 15n],
    ['a moment in 2026', MAY_2026, BigInt(MAY_2026 - 1_546_272_000_000) << 15n],
    ['a fraction of a millisecond', DATUM_VERSION_EPOCH_MS + 1.99, 32_768n],
    ['a clock that was never set', 0, 0n],
  ])('are milliseconds shifted by 15 bits: %s', (_name, wallMs, expected) => {
    expect(datumVersionAt(wallMs)).toBe(expected);
  });

  it('stay exact when they pass 2^53 in September 2027', () => {
    const before = datumVersionAt(Date.parse('2027-09-17T02:58:25Z'));
    const after = datumVersionAt(Date.parse('2027-09-17T02:58:27Z'));
    expect(before).toBeLessThan(2n ** 53n);
    expect(after).toBeGreaterThan(2n ** 53n);
    expect(nextDatumVersion(after, 0)).toBe(after + 1n);
    expect(nextDatumVersion(2n ** 53n, 0)).toBe(2n ** 53n + 1n);
  });

  it('are greater than a plain millisecond clock, which a client may have seen before', () => {
    expect(datumVersionAt(MAY_2026)).toBeGreaterThan(BigInt(MAY_2026));
  });

  it.each([
    ['takes the clock when it is ahead', 5n, DATUM_VERSION_EPOCH_MS + 1, 32_768n],
    ['counts within a millisecond', 32_768n, DATUM_VERSION_EPOCH_MS + 1, 32_769n],
    ['does not repeat the version of the first moment', 0n, DATUM_VERSION_EPOCH_MS, 1n],
    ['runs over into the next millisecond', 65_535n, DATUM_VERSION_EPOCH_MS + 1, 65_536n],
    ['ignores a clock that stepped back', 1n << 50n, DATUM_VERSION_EPOCH_MS + 1, (1n << 50n) + 1n],
    ['ignores a clock that was never set', 77n, 0, 78n],
  ])('the next one %s', (_name, last, wallMs, expected) => {
    expect(nextDatumVersion(last, wallMs)).toBe(expected);
  });

  it('are strictly increasing over a hundred thousand changes in one millisecond', () => {
    let last = datumVersionAt(MAY_2026);
    const first = last;
    for (let i = 0; i < 100_000; i += 1) {
      const next = nextDatumVersion(last, MAY_2026);
      if (next <= last) throw new Error(`${next} after ${last}`);
      last = next;
    }
    expect(last - first).toBe(100_000n);
    expect(nextDatumVersion(last, MAY_2026 + 10)).toBe(datumVersionAt(MAY_2026 + 10));
  });

  it('of an unknown name lie below every version of a real one', () => {
    expect(UNKNOWN_DATUM_VERSION).toBe(1n);
    expect(nextDatumVersion(0n, MAY_2026)).toBeGreaterThan(UNKNOWN_DATUM_VERSION);
  });
});

describe('the version of a group', () => {
  const datum = (version: bigint) => ({ dataInfoId: `d${version}` as DataInfoId, version, publishers: [] });
  const group = (floor: bigint, ...versions: bigint[]) => ({
    foldedId: 'd' as FoldedId,
    floor,
    held: false,
    datums: versions.map(datum),
  });

  it.each([
    ['nothing for a name nobody published', group(0n), 0n],
    ['its only spelling', group(0n, 7n), 7n],
    ['the greatest spelling, wherever it stands', group(0n, 7n, 12n, 9n), 12n],
    ['the floor above its spellings', group(20n, 7n, 12n), 20n],
    ['a spelling above the floor', group(5n, 7n), 7n],
    ['the floor of an empty name', group(5n), 5n],
    ['beyond 2^53 without rounding', group(2n ** 60n, 2n ** 60n + 1n), 2n ** 60n + 1n],
  ])('is %s', (_name, value, expected) => {
    expect(groupVersion(value)).toBe(expected);
  });
});
