import { describe, expect, it } from 'vitest';
import { runSeed } from './run-seed.ts';

describe('a run is its seed', () => {
  it.each([1, 2, 3, 7])('seed %i gives the same trace twice', async (seed) => {
    const first = await runSeed({ seed });
    const again = await runSeed({ seed });
    expect(again).toEqual(first);
    expect(first.events).toBeGreaterThan(1_000);
    expect(first.pushes).toBeGreaterThan(50);
  });

  it('other seeds give other traces', async () => {
    const hashes = await Promise.all([11, 12, 13].map(async (seed) => (await runSeed({ seed })).traceHash));
    expect(new Set(hashes).size).toBe(3);
  });

  it('being watched changes nothing', async () => {
    const lines: string[] = [];
    const watched = await runSeed({ seed: 5, tell: (line) => lines.push(line) });
    expect(watched.traceHash).toBe((await runSeed({ seed: 5 })).traceHash);
    expect(lines.length).toBeGreaterThan(100);
    expect(lines.some((line) => line.includes('crashes'))).toBe(true);
  });
});
