import { beforeEach, describe, expect, it } from 'vitest';
import { AckDeadlines, type PushFlight } from '../../../../../core/session/push/ack-deadlines.ts';
import { HandClock } from '../../../../support/hand-clock.ts';

describe('the deadlines of pushes in flight', () => {
  let clock: HandClock;
  let deadlines: AckDeadlines;
  let expired: string[];

  beforeEach(() => {
    clock = new HandClock();
    deadlines = new AckDeadlines(clock);
    expired = [];
  });

  function flightOf(timeoutMs: number, end: () => void): PushFlight {
    return { expiresAtMs: clock.monotonicMs() + timeoutMs, hasLanded: false, expired: end };
  }

  function watch(name: string, timeoutMs: number): PushFlight {
    const flight = flightOf(timeoutMs, () => void expired.push(`${name} at ${clock.monotonicMs()}`));
    deadlines.watch(flight, timeoutMs);
    return flight;
  }

  it('end each flight when its own time is up, with one timer', () => {
    watch('a', 2_000);
    clock.advance(500);
    watch('b', 2_000);
    expect(clock.waitsMs).toEqual([1_500]);
    clock.advance(1_500);
    expect(expired).toEqual(['a at 2000']);
    clock.advance(500);
    expect(expired).toEqual(['a at 2000', 'b at 2500']);
    expect(clock.waitsMs).toEqual([]);
  });

  it('say nothing of a flight that has landed', () => {
    const first = watch('first', 2_000);
    const second = watch('second', 2_000);
    watch('third', 2_000);
    second.hasLanded = true;
    clock.advance(1_999);
    first.hasLanded = true;
    clock.advance(1);
    expect(expired).toEqual(['third at 2000']);
  });

  it('keep timeouts of different length apart', () => {
    watch('slow', 5_000);
    watch('quick', 1_000);
    clock.advance(1_000);
    expect(expired).toEqual(['quick at 1000']);
    clock.advance(4_000);
    expect(expired).toEqual(['quick at 1000', 'slow at 5000']);
  });

  it('go on when a flight that ends begins another one', () => {
    const beginAgain = () => watch('again', 2_000);
    deadlines.watch(flightOf(2_000, beginAgain), 2_000);
    clock.advance(2_000);
    clock.advance(2_000);
    expect(expired).toEqual(['again at 4000']);
  });
});
