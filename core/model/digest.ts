import type { Fingerprint } from './fingerprint.ts';

/**
 * Commutative digest of a set of publishers, by their fingerprints: equal sets have equal digests whatever the order, and one
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

  add(fingerprint: Fingerprint): void {
    this.#apply(fingerprint, 1);
  }

  remove(fingerprint: Fingerprint): void {
    this.#apply(fingerprint, -1);
  }

  /** A copy that later changes do not touch. */
  value(): Digest {
    return { count: this.count, xorHigh: this.xorHigh, xorLow: this.xorLow, sumHigh: this.sumHigh, sumLow: this.sumLow };
  }

  #apply({ high, low }: Fingerprint, sign: 1 | -1): void {
    this.count += sign;
    this.xorHigh = (this.xorHigh ^ high) >>> 0;
    this.xorLow = (this.xorLow ^ low) >>> 0;
    this.sumHigh = (this.sumHigh + sign * (high >>> 0)) >>> 0;
    this.sumLow = (this.sumLow + sign * (low >>> 0)) >>> 0;
  }
}
