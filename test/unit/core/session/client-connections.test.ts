import { describe, expect, it } from 'vitest';
import type { ClientInfo } from '../../../../core/seams/session-gateway.ts';
import { ClientConnections, type ConnectionParts } from '../../../../core/session/client-connections.ts';
import { HandClock } from '../../../support/hand-clock.ts';

const CLIENT = { address: '10.0.0.1:4000', format: 'red', push: () => undefined } as unknown as ClientInfo;

/** A Session's connections that hold publishers, and how many of them had these withdrawn. */
function connections() {
  const clock = new HandClock();
  let withdrawn = 0;
  const publishers = {
    disconnect: () => {
      withdrawn += 1;
    },
  };
  const parts = { host: { clock }, publishers, massCloseShare: 0.3, massCloseGraceMs: 3_000 } as unknown as ConnectionParts;
  return { all: new ClientConnections(parts), clock, withdrawn: () => withdrawn };
}

describe('client connections that break', () => {
  it('are withdrawn after a moment when one breaks alone', () => {
    const { all, clock, withdrawn } = connections();
    all.connect(CLIENT).close('broken');
    expect(withdrawn()).toBe(0);
    clock.advance(250);
    expect(withdrawn()).toBe(1);
  });

  it('are withdrawn after a grace when many break together', () => {
    const { all, clock, withdrawn } = connections();
    for (const each of Array.from({ length: 12 }, () => all.connect(CLIENT))) each.close('broken');
    clock.advance(250);
    expect(withdrawn()).toBe(0);
    clock.advance(3_000);
    expect(withdrawn()).toBe(12);
  });

  it.each([
    ['before it is decided whether many broke', 1, 0],
    ['within the grace', 12, 250],
  ])('are not withdrawn by a Session that stops %s: its clients move on', (_when, count, afterMs) => {
    const { all, clock, withdrawn } = connections();
    for (const each of Array.from({ length: count }, () => all.connect(CLIENT))) each.close('broken');
    clock.advance(afterMs);
    all.stop();
    clock.advance(250);
    clock.advance(3_000);
    expect(withdrawn()).toBe(0);
  });
});
