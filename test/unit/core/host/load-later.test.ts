import { beforeEach, describe, expect, it } from 'vitest';
import { loadLater } from '../../../../core/host/load-later.ts';
import { HandClock } from '../../../support/hand-clock.ts';
import { SILENT_LOG } from '../../../support/standalone.ts';

describe('what is loaded later', () => {
  let clock: HandClock;
  let loads: number;
  let logged: (object | undefined)[];

  beforeEach(() => {
    clock = new HandClock();
    loads = 0;
    logged = [];
  });

  const load = async () => {
    loads += 1;
    return 'loaded';
  };
  const host = () => ({ clock, log: { ...SILENT_LOG, error: (_message: string, fields?: object) => void logged.push(fields) } });

  it('is loaded a second after the start, whether it is needed or not', async () => {
    const loaded = loadLater(load, host());
    clock.advance(999);
    expect(loads).toBe(0);
    clock.advance(1);
    expect(loads).toBe(1);
    expect(await loaded()).toBe('loaded');
    expect(loads).toBe(1);
  });

  it('is loaded once by whoever needs it sooner', async () => {
    const loaded = loadLater(load, host());
    expect(await Promise.all([loaded(), loaded()])).toEqual(['loaded', 'loaded']);
    clock.advance(1_000);
    expect(loads).toBe(1);
  });

  it('is told of when it cannot be loaded, and refused to whoever needs it', async () => {
    const loaded = loadLater(async () => Promise.reject(new Error('too many open files')), host());
    clock.advance(1_000);
    await expect(loaded()).rejects.toThrow('too many open files');
    await expect.poll(() => logged).toEqual([{ reason: 'too many open files' }]);
  });
});
