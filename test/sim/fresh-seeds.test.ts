import { execFile, spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** They take less than two minutes on two idle cores; other tests run beside them. */
const MOST_MS = 400_000;

it(
  '300 seeds that nobody has seen before keep every promise',
  async () => {
    const from = firstSeed();
    const args = ['--import', 'tsx', 'tools/sim.ts', '--seeds', '300', '--from', String(from), '--jobs', '2'];
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: ROOT }).catch(
      (failed: { stdout: string; stderr: string }) => {
        throw new Error(`${failed.stdout}${failed.stderr}`);
      },
    );
    const passed = [...stdout.matchAll(/: (\d+) passed, 0 failed/g)].reduce((sum, match) => sum + Number(match[1]), 0);
    expect(passed).toBe(300);
  },
  MOST_MS,
);

/** Drawn from the commit: each brings seeds that nobody has run, and whoever runs the same commit sees the same. Anything where there is no commit. */
function firstSeed(): number {
  const { stdout } = spawnSync('git', ['rev-parse', 'HEAD'], { cwd: ROOT, encoding: 'utf8' });
  const commit = /^[0-9a-f]{7}/.exec(stdout ?? '')?.[0];
  return commit === undefined ? randomInt(1_000_000, 1_000_000_000) : 1_000_000 + Number.parseInt(commit, 16);
}
