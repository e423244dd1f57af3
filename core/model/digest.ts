import type { RegisterVersion } from './register-version.ts';

/**
 * Commutative digest of a set of (registerId, RegisterVersion): equal sets have equal digests whatever the order, and one
 * change costs O(1). 64 bits twice (xor and sum) in 32-bit lanes, plus the count.
 */
export interface Digest {
  readonly count: number;
  readonly xorHigh: number;
  readonly xorLow: number;
  readonly sumHigh: number;
  readonly sumLow: number;
}

export const EMPTY_DIGEST: Digest = { count: 0, xorHigh: 0, xorLow: 0, sumHigh: 0, sumLow: 0 };

export function sameDigest(a: Digest, b: Digest): boolean {
  return a.count === b.count && a.xorHigh === b.xorHigh && a.xorLow === b.xorLow && a.sumHigh === b.sumHigh && a.sumLow === b.sumLow;
}

/** A digest that is changed in place by `add` and `remove`. */
export class DigestAccumulator implements Digest {
  count = 0;
  xorHigh = 0;
  xorLow = 0;
  sumHigh = 0;
  sumLow = 0;

  add(dataInfoId: string, registerId: string, version: RegisterVersion): void {
    this.#apply(dataInfoId, registerId, version, 1);
  }

  remove(dataInfoId: string, registerId: string, version: RegisterVersion): void {
    this.#apply(dataInfoId, registerId, version, -1);
  }

  /** A copy that later changes do not touch. */
  value(): Digest {
    return { count: this.count, xorHigh: this.xorHigh, xorLow: this.xorLow, sumHigh: this.sumHigh, sumLow: this.sumLow };
  }

  #apply(dataInfoId: string, registerId: string, version: RegisterVersion, sign: 1 | -1): void {
    const high = hashEntry(dataInfoId, registerId, version, 0x9e3779b1);
    const low = hashEntry(dataInfoId, registerId, version, 0x85ebca77);
    this.count += sign;
    this.xorHigh = (this.xorHigh ^ high) >>> 0;
    this.xorLow = (this.xorLow ^ low) >>> 0;
    this.sumHigh = (this.sumHigh + sign * high) >>> 0;
    this.sumLow = (this.sumLow + sign * low) >>> 0;
  }
}

/** FNV-1a over the texts and the four 32-bit halves of the version, finished by a murmur mix so that near versions differ in all bits. */
function hashEntry(dataInfoId: string, registerId: string, version: RegisterVersion, seed: number): number {
  let h = seed | 0;
  for (let i = 0; i < dataInfoId.length; i += 1) h = Math.imul(h ^ dataInfoId.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ 0x1f, 0x01000193);
  for (let i = 0; i < registerId.length; i += 1) h = Math.imul(h ^ registerId.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (version.version | 0), 0x01000193);
  h = Math.imul(h ^ Math.floor(version.version / 0x1_0000_0000), 0x01000193);
  h = Math.imul(h ^ (version.stamp | 0), 0x01000193);
  h = Math.imul(h ^ Math.floor(version.stamp / 0x1_0000_0000), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d);
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b);
  return (h ^ (h >>> 16)) >>> 0;
}
