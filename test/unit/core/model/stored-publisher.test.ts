import { describe, expect, it } from 'vitest';
import { type DataInfoId, type ProcessId, type Publisher, sameVisiblePublisher } from '../../../../core/index.ts';
import { fingerprintOf } from '../../../../core/model/fingerprint.ts';
import { StoredPublisher } from '../../../../core/model/stored-publisher.ts';

function publisher(over: Partial<Publisher> = {}): Publisher {
  return {
    dataInfoId: 'orders#@#DEFAULT_INSTANCE_ID#@#DEFAULT_GROUP' as DataInfoId,
    registerId: 'r-1',
    registerVersion: { version: 3, stamp: 1_820_000_000_000 * 1_024 + 17 },
    owner: 'session-1' as ProcessId,
    liveness: { kind: 'connection' },
    format: 'sofa-bolt',
    payload: Uint8Array.of(0, 1, 127, 128, 255),
    zone: 'EAST',
    appName: 'orders-app',
    clientAddress: '10.0.0.1:4711',
    ...over,
  };
}

/** All that a reader sees, as a plain value. */
function seen(stored: Publisher): Publisher {
  const { dataInfoId, registerId, registerVersion, owner, liveness, format, payload, zone, appName, clientAddress } = stored;
  return { dataInfoId, registerId, registerVersion, owner, liveness, format, payload, zone, appName, clientAddress };
}

describe('a stored publisher', () => {
  it('is what was stored', () => {
    expect(seen(StoredPublisher.of(publisher()))).toEqual(publisher());
  });

  it.each([0, 1, 4_096, 4_097, 200_000])('keeps %i bytes of payload as they are', (length) => {
    const payload = Uint8Array.from({ length }, (_, i) => (i * 31) % 256);
    expect(StoredPublisher.of(publisher({ payload })).payload).toEqual(payload);
  });

  it.each([4, 8_192])('shares no memory with a message of %i bytes', (length) => {
    const message = new Uint8Array(length).fill(7);
    const stored = StoredPublisher.of(publisher({ payload: message.subarray(1) }));
    message.fill(9);
    expect(stored.payload.every((byte) => byte === 7)).toBe(true);
  });

  it.each([0, 1, 2 ** 26 - 1, 2 ** 26, Number.MAX_SAFE_INTEGER])('keeps the stamp %i', (stamp) => {
    expect(StoredPublisher.of(publisher({ registerVersion: { version: 0, stamp } })).registerVersion).toEqual({ version: 0, stamp });
  });

  it('differs from others of the same client where they differ', () => {
    const variants: Partial<Publisher>[] = [
      { zone: 'WEST' },
      { appName: 'other' },
      { format: 'eureka' },
      { owner: 'session-2' as ProcessId },
      { liveness: { kind: 'lease', durationMs: 90_000 } },
      { liveness: { kind: 'lease', durationMs: 30_000 } },
      {},
    ];
    const stored = variants.map((variant) => StoredPublisher.of(publisher(variant)));
    expect(stored.map(seen)).toEqual(variants.map(publisher));
  });

  it('changes hands without changing', () => {
    const taken = StoredPublisher.of(publisher()).ownedBy('session-2' as ProcessId);
    expect(seen(taken)).toEqual(publisher({ owner: 'session-2' as ProcessId }));
  });

  it.each([5, 5_000])('has the fingerprint of what was stored, with %i bytes', (length) => {
    const plain = publisher({ payload: Uint8Array.from({ length }, (_, i) => (i * 37) % 256) });
    expect(fingerprintOf(StoredPublisher.of(plain))).toEqual(fingerprintOf(plain));
  });

  it.each([5, 5_000])('looks like others as plain ones do, with %i bytes', (length) => {
    const payload = new Uint8Array(length);
    const other = payload.map((_, index) => (index === length - 1 ? 1 : 0));
    const variants = [
      { payload },
      { payload: other },
      { payload, zone: 'WEST' },
      { payload, appName: 'b' },
      { payload, registerId: 'r-2' },
    ];
    for (const a of variants) {
      for (const b of variants) {
        const isSame = sameVisiblePublisher(publisher(a), publisher(b));
        expect(StoredPublisher.of(publisher(a)).looksLike(StoredPublisher.of(publisher(b)))).toBe(isSame);
      }
    }
  });

  it('takes names that objects know for something else', () => {
    const odd = publisher({ registerId: '__proto__', appName: 'constructor', zone: '42' });
    expect(seen(StoredPublisher.of(odd))).toEqual(odd);
  });
});
