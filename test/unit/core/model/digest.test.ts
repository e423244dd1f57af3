import { describe, expect, it } from 'vitest';
import type { DataInfoId } from '../../../../core/model/data-info-id.ts';
import { type Digest, DigestAccumulator, EMPTY_DIGEST, sameDigest } from '../../../../core/model/digest.ts';
import { type Fingerprint, fingerprintOf } from '../../../../core/model/fingerprint.ts';
import type { RegisterVersion } from '../../../../core/model/register-version.ts';
import { Chance } from '../../../sim/world/chance.ts';
import { PUBLISHER } from '../wire/samples.ts';

type Entry = readonly [dataInfoId: string, registerId: string, version: RegisterVersion];

const NAME = 'com.acme.Pay#@#DEFAULT_INSTANCE_ID#@#DEFAULT_GROUP';
const STAMP = 1_780_000_000_000 * 1_024;
const BASE: Entry = [NAME, 'r1', { version: 1, stamp: STAMP }];

describe('the digest of a set of registrations', () => {
  it('does not depend on the order of the additions', () => {
    const chance = new Chance(11, 'digest-order');
    const entries = someEntries(chance, 500);
    const expected = digestOf(entries);
    for (let round = 0; round < 20; round += 1) expect(digestOf(shuffled(chance, entries))).toEqual(expected);
    expect(expected.count).toBe(500);
  });

  it('is empty again when everything was removed in another order', () => {
    const chance = new Chance(12, 'digest-remove');
    const entries = someEntries(chance, 300);
    const digest = new DigestAccumulator();
    for (const entry of entries) digest.add(printOf(entry));
    expect(sameDigest(digest, EMPTY_DIGEST)).toBe(false);
    for (const entry of shuffled(chance, entries)) digest.remove(printOf(entry));
    expect(digest.value()).toEqual(EMPTY_DIGEST);
  });

  it('equals the digest of what is left after additions and removals in any mixture', () => {
    const chance = new Chance(13, 'digest-mixture');
    for (let round = 0; round < 50; round += 1) {
      const entries = someEntries(chance, 40);
      const digest = new DigestAccumulator();
      const kept: Entry[] = [];
      for (const entry of entries) {
        digest.add(printOf(entry));
        if (chance.isLucky(0.5)) kept.push(entry);
        else digest.remove(printOf(entry));
      }
      expect(digest.value()).toEqual(digestOf(kept));
    }
  });

  it('comes out the same when a removal arrives before its addition', () => {
    const digest = new DigestAccumulator();
    digest.remove(printOf(BASE));
    expect(digest.count).toBe(-1);
    digest.add(printOf(BASE));
    expect(digest.value()).toEqual(EMPTY_DIGEST);
  });

  it('keeps every lane an unsigned 32-bit number', () => {
    const chance = new Chance(14, 'digest-lanes');
    const digest = new DigestAccumulator();
    for (const entry of someEntries(chance, 2_000)) {
      if (chance.isLucky(0.5)) digest.add(printOf(entry));
      else digest.remove(printOf(entry));
      for (const lane of [digest.xorHigh, digest.xorLow, digest.sumHigh, digest.sumLow]) {
        if (!Number.isInteger(lane) || lane < 0 || lane > 0xffffffff) throw new Error(`a lane of ${lane}`);
      }
    }
    expect(digest.xorHigh).not.toBe(0);
  });

  it('hands out a value that later changes do not touch', () => {
    const digest = new DigestAccumulator();
    digest.add(printOf(BASE));
    const value = digest.value();
    digest.add(printOf([NAME, 'r2', { version: 1, stamp: 2 }]));
    expect(value.count).toBe(1);
    expect(sameDigest(value, digest)).toBe(false);
  });
});

describe('two different registrations have different digests', () => {
  it.each<[string, Entry, Entry]>([
    ['another version', BASE, [NAME, 'r1', { version: 2, stamp: STAMP }]],
    ['another stamp', BASE, [NAME, 'r1', { version: 1, stamp: STAMP + 1 }]],
    ['another registerId', BASE, [NAME, 'r2', { version: 1, stamp: STAMP }]],
    ['another DataInfoId', BASE, [`${NAME}2`, 'r1', { version: 1, stamp: STAMP }]],
    ['version and stamp swapped', [NAME, 'r1', { version: 3, stamp: 4 }], [NAME, 'r1', { version: 4, stamp: 3 }]],
    ['DataInfoId and registerId swapped', ['a', 'b', { version: 1, stamp: 1 }], ['b', 'a', { version: 1, stamp: 1 }]],
    ['a letter moved from one name to the other', ['ab', 'c', { version: 1, stamp: 1 }], ['a', 'bc', { version: 1, stamp: 1 }]],
    ['a version beyond 32 bits', [NAME, 'r1', { version: 5, stamp: 1 }], [NAME, 'r1', { version: 2 ** 32 + 5, stamp: 1 }]],
    ['a stamp beyond 32 bits', [NAME, 'r1', { version: 5, stamp: 1 }], [NAME, 'r1', { version: 5, stamp: 2 ** 32 + 1 }]],
    [
      'the halves of a version swapped',
      [NAME, 'r', { version: 2 ** 32 * 2 + 1, stamp: 0 }],
      [NAME, 'r', { version: 2 ** 32 + 2, stamp: 0 }],
    ],
    ['the case of a letter', ['Pay', 'r', { version: 1, stamp: 1 }], ['pay', 'r', { version: 1, stamp: 1 }]],
    ['empty names', ['', 'a', { version: 0, stamp: 0 }], ['a', '', { version: 0, stamp: 0 }]],
  ])('that differ by %s', (_name, one, other) => {
    const [a, b] = [digestOf([one]), digestOf([other])];
    // All four lanes see the difference, so that no lane is dead weight.
    expect([a.xorHigh === b.xorHigh, a.xorLow === b.xorLow]).toEqual([false, false]);
    expect([a.sumHigh === b.sumHigh, a.sumLow === b.sumLow]).toEqual([false, false]);
  });

  it.each<[string, Entry[], Entry[]]>([
    [
      'two registrations with their versions swapped',
      [
        [NAME, 'r1', { version: 1, stamp: 10 }],
        [NAME, 'r2', { version: 2, stamp: 20 }],
      ],
      [
        [NAME, 'r1', { version: 2, stamp: 20 }],
        [NAME, 'r2', { version: 1, stamp: 10 }],
      ],
    ],
    ['the same registration twice and none', [BASE, BASE], []],
    ['three times and once, which only sum and count tell apart', [BASE, BASE, BASE], [BASE]],
    ['one more registration', [BASE], [BASE, [NAME, 'r2', { version: 1, stamp: 1 }]]],
  ])('in sets: %s', (_name, one, other) => {
    expect(sameDigest(digestOf(one), digestOf(other))).toBe(false);
  });

  it('for a hundred thousand registrations of neighbouring stamps', () => {
    const seen = new Set<string>();
    for (let i = 0; i < 100_000; i += 1) {
      const { xorHigh, xorLow } = digestOf([[NAME, `r${i % 100}`, { version: i % 7, stamp: STAMP + i }]]);
      seen.add(`${xorHigh}.${xorLow}`);
    }
    expect(seen.size).toBe(100_000);
  });
});

describe('comparing digests', () => {
  it.each(['count', 'xorHigh', 'xorLow', 'sumHigh', 'sumLow'] as const)('sees a difference in %s alone', (field) => {
    const digest: Digest = { count: 1, xorHigh: 2, xorLow: 3, sumHigh: 4, sumLow: 5 };
    expect(sameDigest(digest, { ...digest })).toBe(true);
    expect(sameDigest(digest, { ...digest, [field]: 9 })).toBe(false);
  });
});

function printOf([dataInfoId, registerId, registerVersion]: Entry): Fingerprint {
  return fingerprintOf({ ...PUBLISHER, dataInfoId: dataInfoId as DataInfoId, registerId, registerVersion });
}

function digestOf(entries: readonly Entry[]): Digest {
  const digest = new DigestAccumulator();
  for (const entry of entries) digest.add(printOf(entry));
  return digest.value();
}

function someEntries(chance: Chance, count: number): Entry[] {
  return Array.from({ length: count }, () => [
    `name-${chance.between(0, 9)}#@#i#@#g`,
    chance.uuid(),
    { version: chance.between(0, 3), stamp: chance.between(0, Number.MAX_SAFE_INTEGER) },
  ]);
}

function shuffled<T>(chance: Chance, items: readonly T[]): T[] {
  const keyed = items.map((item) => ({ item, key: chance.next() }));
  return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item);
}
