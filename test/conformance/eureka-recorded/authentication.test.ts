import { scryptSync } from 'node:crypto';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eurekaConfigProblems } from '../../../adapters/eureka/index.ts';
import type { Log } from '../../../core/index.ts';
import { type EurekaGateway, eurekaConfig, startEurekaGateway } from '../../support/eureka-gateway.ts';
import { eventually } from '../../support/eventually.ts';
import { http } from '../../support/http.ts';
import { SILENT_LOG } from '../../support/standalone.ts';

function hashed(user: string, password: string): string {
  const salt = Buffer.from('a salt of 16 byt');
  const hash = scryptSync(password, salt, 32, { N: 1_024, r: 8, p: 1 });
  return `${user}:scrypt$1024$8$1$${salt.toString('base64')}$${hash.toString('base64')}\n`;
}

const basic = (user: string, password: string) => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

describe('credentials', () => {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-credentials-'));
  const file = join(folder, 'credentials');
  const errors: string[] = [];
  const log: Log = { ...SILENT_LOG, error: (message) => void errors.push(message), with: () => log };
  let gateway: EurekaGateway;

  beforeAll(async () => {
    writeFileSync(file, `${hashed('java', 'sécret')}python:a:b\n`);
    gateway = await startEurekaGateway({ eureka: { credentialsFile: file }, log });
  });
  afterAll(async () => {
    await gateway.stop();
    rmSync(folder, { recursive: true });
  });

  const read = async (authorization?: string, path = '/eureka/apps') =>
    http(gateway.port, { path, headers: authorization === undefined ? {} : { authorization } });

  it.each([
    ['a hashed password', basic('java', 'sécret'), 200],
    ['a plain password that holds a colon', basic('python', 'a:b'), 200],
    ['the scheme in lower case', basic('java', 'sécret').replace('Basic', 'basic'), 200],
    ['nothing', undefined, 401],
    ['a wrong password', basic('java', 'secret'), 401],
    ['an unknown user', basic('nobody', 'sécret'), 401],
    ['an empty password', basic('java', ''), 401],
    ['another scheme', 'Bearer abc', 401],
    ['no colon', `Basic ${Buffer.from('java').toString('base64')}`, 401],
    ['what is no base64', 'Basic %%%', 401],
  ])('%s', async (_name, authorization, status) => {
    for (let round = 0; round < 2; round += 1) {
      const answer = await read(authorization);
      expect(answer.status).toBe(status);
      if (status !== 401) continue;
      expect(answer.headers['www-authenticate']).toBe('Basic realm="eureka", charset="UTF-8"');
      expect(answer.text).toBe('');
    }
  });

  it('are asked for everywhere: pages, writes, heartbeats, batches, unknown paths', async () => {
    for (const path of ['/', '/lastn', '/eureka/apps/delta', '/eureka/status', '/nothing'])
      expect((await read(undefined, path)).status).toBe(401);
    for (const [method, path] of [
      ['POST', '/eureka/apps/A'],
      ['PUT', '/eureka/apps/A/a'],
      ['DELETE', '/eureka/apps/A/a'],
      ['POST', '/eureka/peerreplication/batch'],
    ] as const)
      expect((await http(gateway.port, { method, path })).status).toBe(401);
  });

  it('may be wrong in great number without keeping a right one waiting', async () => {
    const guesses = Array.from({ length: 300 }, (_, i) => read(basic('java', `guess ${i}`)).then(({ status }) => status));
    expect((await read(basic('python', 'a:b'))).status).toBe(200);
    const statuses = new Set(await Promise.all(guesses));
    expect([...statuses].every((status) => status === 401 || status === 503)).toBe(true);
  });

  it('are read again when the file changes; a wrong file leaves the earlier ones in force', async () => {
    const replace = (text: string) => {
      writeFileSync(`${file}.new`, text);
      renameSync(`${file}.new`, file);
    };
    replace(`${hashed('java', 'new')}${hashed('go', 'also')}`);
    await eventually(async () => expect((await read(basic('java', 'new'))).status).toBe(200));
    expect((await read(basic('java', 'sécret'))).status).toBe(401);
    expect((await read(basic('python', 'a:b'))).status).toBe(401);
    replace(`${hashed('js', 'last')}`);
    await eventually(async () => expect((await read(basic('js', 'last'))).status).toBe(200));
    replace('nonsense without a colon');
    await eventually(async () => expect(errors).toContain('the changed credentials are wrong; the earlier ones stay in force'));
    expect((await read(basic('js', 'last'))).status).toBe(200);
  });

  it('observed only, nobody is refused', async () => {
    const observing = await startEurekaGateway({ eureka: { credentialsFile: file, credentialsMode: 'observe' } }).catch(
      (caught: unknown) => caught,
    );
    // The file is the wrong one of the test before: a start says so.
    expect(String(observing)).toContain('line 1: user:secret is expected');
    writeFileSync(file, 'a:b\n');
    const lenient = await startEurekaGateway({ eureka: { credentialsFile: file, credentialsMode: 'observe' } });
    expect((await http(lenient.port, { path: '/eureka/apps' })).status).toBe(200);
    await lenient.stop();
  });

  it.each([
    ['a file that is not there', join(folder, 'missing'), 'no such file'],
    ['a folder', folder, 'EISDIR'],
  ])('%s is a configuration error', async (_name, path, expected) => {
    const problems = eurekaConfigProblems({ ...eurekaConfig(0), credentialsFile: path });
    expect(problems).toEqual([expect.stringContaining(`eureka.credentialsFile: `)]);
    expect(problems[0]).toContain(expected);
  });
});
