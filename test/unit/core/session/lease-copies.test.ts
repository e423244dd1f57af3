import { describe, expect, it } from 'vitest';
import { LeaseCopies } from '../../../../core/session/lease-copies.ts';
import { HandClock } from '../../../support/hand-clock.ts';
import { publisherOf } from './formats.ts';

const SLOT = 3;
const LEASE_MS = 15_000;

function leaseCopies() {
  const clock = new HandClock();
  const copies = new LeaseCopies(clock, () => SLOT);
  const publisher = publisherOf('red', 'a', 'one', { liveness: { kind: 'lease', durationMs: LEASE_MS } });
  const { dataInfoId, registerId } = publisher;
  copies.put(publisher);
  return {
    copies,
    publisher,
    /** Awake: every timer runs in time. */
    pass: (ms: number) => {
      for (let passed = 0; passed < ms; passed += 1_000) clock.advance(1_000);
    },
    sleep: (ms: number) => clock.advance(ms),
    renew: () => copies.renewed(dataInfoId, registerId),
    isKept: () => copies.get(dataInfoId, registerId) !== undefined,
    offered: () => [...copies.liveOfSlot(SLOT).values()].flat().map((each) => each.registerId),
  };
}

describe('copies of lease publishers', () => {
  it('are for a new leader while the client was heard of within its period', () => {
    const { copies, pass, renew, offered } = leaseCopies();
    pass(LEASE_MS - 1_000);
    expect(offered()).toEqual(['a']);
    expect(copies.liveOfSlot(SLOT + 1).size).toBe(0);
    renew();
    pass(LEASE_MS);
    expect(offered()).toEqual(['a']);
    pass(1_000);
    expect(offered()).toEqual([]);
  });

  it('answer heartbeats for half a period more, and are for a new leader again from then on', () => {
    const { pass, renew, offered, isKept } = leaseCopies();
    pass(LEASE_MS + LEASE_MS / 3);
    expect([offered(), isKept()]).toEqual([[], true]);
    expect(renew()).toBe('queue');
    expect(offered()).toEqual(['a']);
    pass(2 * LEASE_MS);
    expect([offered(), isKept(), renew()]).toEqual([[], false, undefined]);
  });

  it('are kept over a sleep, but are not for a new leader any longer than without it: the leader of before was awake', () => {
    const { pass, sleep, renew, offered, isKept } = leaseCopies();
    pass(LEASE_MS - 5_000);
    sleep(4_000);
    expect(offered()).toEqual(['a']);
    pass(2_000);
    expect(offered()).toEqual([]);
    sleep(2 * LEASE_MS);
    expect([offered(), isKept()]).toEqual([[], true]);
    renew();
    expect(offered()).toEqual(['a']);
  });
});
