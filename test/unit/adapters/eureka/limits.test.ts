import { describe, expect, it } from 'vitest';
import { EUREKA_LIMITS } from '../../../../adapters/eureka/limits.ts';
import { dataInfoIdOf, toRegistration } from '../../../../adapters/eureka/translate.ts';
import { LIMITS } from '../../../../core/index.ts';
import { readWith } from './fixtures.ts';

describe('the limits of Eureka', () => {
  it('let any name that is accepted through the core', () => {
    expect(EUREKA_LIMITS.nameLength).toBeLessThanOrEqual(LIMITS.registerIdLength);
    const longest = 'N'.repeat(EUREKA_LIMITS.nameLength);
    const info = readWith({ app: longest, instanceId: longest });
    expect(dataInfoIdOf(info).length).toBeLessThanOrEqual(LIMITS.dataInfoIdLength);
    expect(toRegistration(info, '').registerId.length).toBeLessThanOrEqual(LIMITS.registerIdLength);
  });

  it('let any id that can be registered be named in a path', () => {
    expect(EUREKA_LIMITS.nameLength).toBeLessThanOrEqual(EUREKA_LIMITS.pathSegmentLength);
  });

  it('keep a lease within the longest of the core', () => {
    expect(readWith({ leaseInfo: { durationInSecs: 2 ** 31 } }).leaseInfo.durationInSecs * 1000).toBeLessThanOrEqual(
      LIMITS.leaseDurationMs,
    );
  });

  it('keep the payload of the largest body within that of the core, although each quote of a text needs two bytes', () => {
    const text = '"'.repeat(EUREKA_LIMITS.bodyBytes);
    const { payload } = toRegistration(readWith({ metadata: { text } }), '');
    expect(payload.length).toBeGreaterThan(2 * EUREKA_LIMITS.bodyBytes);
    expect(payload.length).toBeLessThanOrEqual(LIMITS.publisherPayloadBytes);
  });

  it('leave room for real registrations', () => {
    expect(EUREKA_LIMITS.bodyBytes).toBeGreaterThanOrEqual(256 * 1024);
    expect(EUREKA_LIMITS.metadataEntries).toBeGreaterThanOrEqual(256);
    expect(EUREKA_LIMITS.nameLength).toBeGreaterThanOrEqual(255);
    expect(EUREKA_LIMITS.depth).toBeGreaterThanOrEqual(5);
  });
});
