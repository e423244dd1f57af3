import { spawnSync } from 'node:child_process';
import { scryptSync } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { isPassword, parseCredentials, type Secret } from '../../../../adapters/eureka/credentials.ts';

const SALT = Buffer.from('0123456789abcdef');
const HASH = scryptSync('secret', SALT, 32, { N: 1_024, r: 8, p: 1 });
const LINE = `scrypt$1024$8$1$${SALT.toString('base64')}$${HASH.toString('base64')}`;

function secretOf(line: string): Secret {
  const secret = parseCredentials(line).secrets.get('u');
  if (secret === undefined) throw new Error(`no secret in ${line}`);
  return secret;
}

describe('a credentials file', () => {
  it('has one user a line; comments and empty lines do not count', () => {
    const { secrets, problems } = parseCredentials(`# people\r\n\r\nu:${LINE}\nv:a:b#c \n`);
    expect(problems).toEqual([]);
    expect([...secrets.keys()]).toEqual(['u', 'v']);
  });

  it.each([
    ['', 'it names no user'],
    ['# nobody', 'it names no user'],
    ['u', 'line 1: user:secret is expected'],
    [':x', 'line 1: user:secret is expected'],
    ['u:', 'line 1: the secret is empty'],
    ['u:a\nu:b', 'line 2: the user u is there already'],
    ['u:scrypt$1024$8$1$c2FsdA==', 'line 1: scrypt$cost$blockSize$parallelization$salt$hash is expected'],
    [`u:${LINE}$more`, 'line 1: scrypt$cost$blockSize$parallelization$salt$hash is expected'],
    [`u:${LINE.replace('$1024$', '$1000$')}`, 'line 1: scrypt$cost$blockSize$parallelization$salt$hash is expected'],
    [`u:${LINE.replace('$1024$', '$-1$')}`, 'line 1: scrypt$cost$blockSize$parallelization$salt$hash is expected'],
    [`u:${LINE.replace('$1024$', '$1048576$')}`, 'line 1: the scrypt hash asks for too much memory or time'],
    [`u:${LINE.replace('$8$1$', '$8$99$')}`, 'line 1: the scrypt hash asks for too much memory or time'],
  ])('is refused: %j', (text, problem) => {
    expect(parseCredentials(text).problems).toEqual([problem]);
  });
});

describe('a password', () => {
  it.each([
    [`u:${LINE}`, 'secret', true],
    [`u:${LINE}`, 'Secret', false],
    [`u:${LINE}`, '', false],
    ['u:plain: text', 'plain: text', true],
    ['u:plain: text', 'plain: tex', false],
    ['u:plain: text', 'plain: text ', false],
  ])('of %j is %j: %s', async (line, password, expected) => {
    expect(await isPassword(secretOf(line), password)).toBe(expected);
  });

  it('is hashed by the tool into a line that knows it again', async () => {
    const tool = fileURLToPath(new URL('../../../../tools/hash-password.mjs', import.meta.url));
    const { stdout } = spawnSync(process.execPath, [tool, 'u'], { input: 'pässword:1\n', encoding: 'utf8' });
    expect(stdout).toMatch(/^u:scrypt\$/);
    expect(await isPassword(secretOf(stdout), 'pässword:1')).toBe(true);
    expect(await isPassword(secretOf(stdout), 'password:1')).toBe(false);
  });
});
