import type { Publisher } from './publisher.ts';
import { compactPayload } from './stored-publisher.ts';

/** 64 bits that stand for one publisher, as two signed 32-bit numbers, which engines keep without a box. */
export interface Fingerprint {
  readonly high: number;
  readonly low: number;
}

/**
 * Over everything that copies of a record must agree about: its names, its version, and what readers see of it. Who holds it and
 * where its client sits is not part of it, because that may change silently.
 */
export function fingerprintOf(publisher: Publisher): Fingerprint {
  const { dataInfoId, registerId, registerVersion, format, zone, appName } = publisher;
  const payload = compactPayload(publisher);
  const hash = new PairHash();
  hash.text(dataInfoId);
  hash.text(registerId);
  hash.number(registerVersion.version);
  hash.number(registerVersion.stamp);
  hash.text(format);
  hash.text(zone);
  hash.text(appName);
  if (typeof payload === 'string') hash.byteText(payload);
  else hash.bytes(payload);
  return hash.finish();
}

export function sameFingerprint(a: Fingerprint, b: Fingerprint): boolean {
  return a.high === b.high && a.low === b.low;
}

const PRIME_HIGH = 0x01000193;
const PRIME_LOW = 0x010001b5;

/** FNV-1a twice, from different beginnings and with different primes, finished by a murmur mix so that near values differ in all bits. */
class PairHash {
  #high = 0x9e3779b1 | 0;
  #low = 0x85ebca77 | 0;

  text(text: string): void {
    // In local variables: this loop and the next one are where the time goes.
    let high = this.#high;
    let low = this.#low;
    for (let i = 0; i < text.length; i += 1) {
      const code = text.charCodeAt(i);
      high = Math.imul(high ^ code, PRIME_HIGH);
      low = Math.imul(low ^ code, PRIME_LOW);
    }
    this.#high = high;
    this.#low = low;
    // A mark, so that no letter can move from one text to the next.
    this.#take(0x1f);
  }

  number(value: number): void {
    this.#take(value | 0);
    this.#take(Math.floor(value / 0x1_0000_0000));
  }

  bytes(bytes: Uint8Array): void {
    let high = this.#high;
    let low = this.#low;
    for (let i = 0; i < bytes.length; i += 1) {
      const byte = bytes[i] as number;
      high = Math.imul(high ^ byte, PRIME_HIGH);
      low = Math.imul(low ^ byte, PRIME_LOW);
    }
    this.#high = high;
    this.#low = low;
    this.#take(bytes.length);
  }

  /** The same as `bytes` of a text whose characters are bytes. */
  byteText(text: string): void {
    let high = this.#high;
    let low = this.#low;
    for (let i = 0; i < text.length; i += 1) {
      const byte = text.charCodeAt(i);
      high = Math.imul(high ^ byte, PRIME_HIGH);
      low = Math.imul(low ^ byte, PRIME_LOW);
    }
    this.#high = high;
    this.#low = low;
    this.#take(text.length);
  }

  finish(): Fingerprint {
    return { high: mix(this.#high), low: mix(this.#low) };
  }

  #take(value: number): void {
    this.#high = Math.imul(this.#high ^ value, PRIME_HIGH);
    this.#low = Math.imul(this.#low ^ value, PRIME_LOW);
  }
}

function mix(hash: number): number {
  let h = Math.imul(hash ^ (hash >>> 16), 0x7feb352d);
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b);
  return (h ^ (h >>> 16)) | 0;
}
