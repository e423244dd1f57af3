import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createNodeRandom } from '../../../core/index.ts';
import { isAdmitted, openAdminToken } from '../../../deploy/admin-guard.ts';

const TOKEN = 'a-token-of-the-operator';

function admitted(headers: Record<string, string>, remoteAddress = '127.0.0.1'): boolean {
  return isAdmitted({ remoteAddress, headers: { host: 'localhost:9615', ...headers } }, TOKEN);
}

describe('a caller without a token', () => {
  it.each(['127.0.0.1', '127.8.8.8', '::1', '::ffff:127.0.0.1'])('is admitted from %s', (address) => {
    expect(admitted({}, address)).toBe(true);
  });

  it.each(['10.0.0.1', '::ffff:10.0.0.1', '192.168.1.127', 'fe80::1', ''])('is refused from %s', (address) => {
    expect(admitted({}, address)).toBe(false);
  });

  it.each(['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip', 'true-client-ip'])(
    'is refused behind a proxy that says %s',
    (name) => {
      expect(admitted({ [name]: '127.0.0.1' })).toBe(false);
    },
  );

  it.each(['localhost', 'LOCALHOST:9615', '127.0.0.1:1', '[::1]:9615'])('may call this machine %s', (host) => {
    expect(admitted({ host })).toBe(true);
  });

  it.each(['', 'evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', '127.0.0.1:80:80', 'localhost:9615@evil.example'])(
    'may not call it %s',
    (host) => {
      expect(admitted({ host })).toBe(false);
    },
  );

  it('may be a page of this machine, and no other page', () => {
    expect(admitted({ origin: 'http://localhost:9615' })).toBe(true);
    for (const origin of ['https://evil.example', 'null', 'http://localhost.evil.example', 'file://'])
      expect(admitted({ origin })).toBe(false);
    expect(admitted({ 'sec-fetch-site': 'none' })).toBe(true);
    for (const site of ['cross-site', 'same-site']) expect(admitted({ 'sec-fetch-site': site })).toBe(false);
  });
});

describe('a caller with a token', () => {
  it('is admitted from everywhere with the right one, and from nowhere with a wrong one', () => {
    const proxied = { 'x-forwarded-for': '10.0.0.1', host: 'registry.example' };
    expect(admitted({ ...proxied, authorization: `Bearer ${TOKEN}` }, '10.0.0.1')).toBe(true);
    expect(admitted({ ...proxied, authorization: `bearer ${TOKEN}` }, '10.0.0.1')).toBe(true);
    for (const wrong of ['x', `${TOKEN}x`, TOKEN.slice(1)]) {
      expect(admitted({ authorization: `Bearer ${wrong}` }, '10.0.0.1')).toBe(false);
      expect(admitted({ authorization: `Bearer ${wrong}` })).toBe(false);
    }
  });
});

describe('the token of a data folder', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'isthmus-token-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('is made once, long, and readable by its owner alone', () => {
    const first = openAdminToken(folder, createNodeRandom());
    expect(first.isNew).toBe(true);
    expect(first.token).toMatch(/^[0-9a-f]{64}$/);
    expect(readFileSync(first.path, 'utf8')).toBe(`${first.token}\n`);
    expect(statSync(first.path).mode & 0o777).toBe(0o600);
    expect(openAdminToken(folder, createNodeRandom())).toEqual({ ...first, isNew: false });
  });

  it('may be the operator’s own, but not a short one', () => {
    writeFileSync(join(folder, 'admin-token'), `${TOKEN}\n`);
    expect(openAdminToken(folder, createNodeRandom()).token).toBe(TOKEN);
    writeFileSync(join(folder, 'admin-token'), 'short');
    expect(() => openAdminToken(folder, createNodeRandom())).toThrow('fewer than 16 characters');
  });

  it('that cannot be written is named', () => {
    const missing = join(folder, 'missing');
    expect(() => openAdminToken(missing, createNodeRandom())).toThrow(`the admin token ${join(missing, 'admin-token')} cannot be`);
  });
});
