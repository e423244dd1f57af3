import { describe, expect, it } from 'vitest';
import { DecayingRate } from '../../../../core/data/decaying-rate.ts';

const MINUTE_MS = 60_000;

describe('a decaying rate', () => {
  it('is nothing before anything happened', () => {
    expect(new DecayingRate().perMinute(1_000_000)).toBe(0);
  });

  it('settles at the rate of what happens regularly', () => {
    const rate = new DecayingRate();
    for (let second = 0; second < 3_600; second += 1) rate.add(10, second * 1_000);
    expect(rate.perMinute(3_600_000)).toBeGreaterThan(590);
    expect(rate.perMinute(3_600_000)).toBeLessThan(610);
  });

  it('forgets a burst, and never goes below nothing', () => {
    const rate = new DecayingRate();
    rate.add(5_000, 0);
    expect(rate.perMinute(0)).toBe(1_000);
    expect(rate.perMinute(5 * MINUTE_MS)).toBe(368);
    expect(rate.perMinute(120 * MINUTE_MS)).toBe(0);
  });

  it('takes a clock that stands still or comes late', () => {
    const rate = new DecayingRate();
    rate.add(5, 10_000);
    rate.add(5, 10_000);
    expect(rate.perMinute(9_000)).toBe(2);
  });
});
