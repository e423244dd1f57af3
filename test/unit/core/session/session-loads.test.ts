import { beforeEach, describe, expect, it } from 'vitest';
import { RegistryError, RegistryErrorCode } from '../../../../core/model/errors.ts';
import type { PeerId } from '../../../../core/model/node.ts';
import type { RoleHost } from '../../../../core/seams/host.ts';
import { SessionLoads } from '../../../../core/session/session-loads.ts';
import { encodeError } from '../../../../core/wire/frame.ts';
import type { MetaClient } from '../../../../core/wire/meta-client.ts';
import { encodeSessionLoads, encodeSessionLoadsAnswer } from '../../../../core/wire/session-loads.ts';
import { HandClock } from '../../../support/hand-clock.ts';
import { SILENT_LOG } from '../../../support/standalone.ts';

const OTHER = 'n2/session' as PeerId;

describe('the client connections of all Sessions', () => {
  let clock: HandClock;
  let asked: Uint8Array[];
  let answer: () => Uint8Array;
  let loads: SessionLoads;

  beforeEach(() => {
    clock = new HandClock();
    asked = [];
    answer = () => encodeSessionLoadsAnswer([{ peer: OTHER, connections: asked.length }]);
    const meta = {
      request: async (message: Uint8Array) => {
        asked.push(message);
        return answer();
      },
    } as unknown as MetaClient;
    loads = new SessionLoads({ clock, log: SILENT_LOG } as unknown as RoleHost, meta);
  });

  it('are asked of Meta at most once a second, whoever reads them', async () => {
    expect(asked).toEqual([]);
    const [first, beside] = await Promise.all([loads.read(), loads.read()]);
    expect([first, beside]).toEqual([new Map([[OTHER, 1]]), new Map([[OTHER, 1]])]);
    clock.advance(999);
    expect(await loads.read()).toEqual(first);
    expect(asked).toEqual([encodeSessionLoads()]);
    clock.advance(1);
    expect(await loads.read()).toEqual(new Map([[OTHER, 2]]));
  });

  it.each([
    ['nobody leads', () => Promise.reject(new RegistryError(RegistryErrorCode.Unavailable, 'nobody leads'))],
    [
      'Meta is of a version before the message',
      () => encodeError(new RegistryError(RegistryErrorCode.Malformed, 'unknown message kind 22')),
    ],
  ])('are not known while %s, and asked again 5 s later', async (_why, refuse) => {
    await loads.read();
    clock.advance(1_000);
    answer = refuse as () => Uint8Array;
    expect(await loads.read()).toEqual(new Map());
    answer = () => encodeSessionLoadsAnswer([{ peer: OTHER, connections: 7 }]);
    clock.advance(4_999);
    expect(await loads.read()).toEqual(new Map());
    expect(asked).toHaveLength(2);
    clock.advance(1);
    expect(await loads.read()).toEqual(new Map([[OTHER, 7]]));
  });
});
