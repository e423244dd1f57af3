import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** The test command on a machine without any program but Node. */
function runWithoutTools(environment: Readonly<Record<string, string>>) {
  const args = ['tools/test.mjs', '--group', 'eureka-java'];
  const { status, stdout } = spawnSync(process.execPath, args, {
    cwd: ROOT,
    encoding: 'utf8',
    env: { PATH: '/nonexistent', ...environment },
  });
  return { status, lines: stdout.trimEnd().split('\n') };
}

describe('the test command', () => {
  it('names each missing tool and the command that brings it, and counts alone on its last line', () => {
    const { status, lines } = runWithoutTools({});
    const row = lines.find((line) => line.startsWith('eureka-java'));
    expect(row).toMatch(/not run: needs a JDK 17 or newer \(javac\) and Maven \(mvn\); apt-get install openjdk-17-jdk-headless maven$/);
    expect(lines.at(-1)).toBe('1 passed, 0 failed');
    expect(status).toBe(0);
  });

  it.each([
    [['--group', 'unitt'], 'there is no group unitt; there are build, types, lint'],
    [['--groups', 'unit'], "Unknown option '--groups'"],
    [['unit'], "Unexpected argument 'unit'"],
  ])('runs nothing for %j, and says what can be asked for', (args, sentence) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['tools/test.mjs', ...args], { cwd: ROOT, encoding: 'utf8' });
    expect(stderr).toContain(sentence);
    expect(stderr).toContain('usage: npm test -- [--group NAME]');
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  });

  it('fails for a missing tool where everything has to run', () => {
    const { status, lines } = runWithoutTools({ CI: 'true' });
    expect(lines.at(-1)).toBe('1 passed, 1 failed');
    expect(status).toBe(1);
  });
});
