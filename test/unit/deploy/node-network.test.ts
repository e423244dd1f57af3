import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigError, loadConfig } from '../../../deploy/config.ts';
import { createAdapters } from '../../../deploy/gateway.ts';
import { isAmongOthers, listenAddress, readNodeNetwork, rolesOf } from '../../../deploy/node-network.ts';
import { listListeners } from '../../../deploy/ports.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'isthmus-'));
  writeFileSync(join(folder, 'secret'), 'a secret of a cluster\n');
  writeFileSync(join(folder, 'short'), 'short\n');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const load = (...args: string[]) => loadConfig(args, {}).config;
const pem = (name: string) => fileURLToPath(new URL(`../../vectors/tls/${name}.pem`, import.meta.url));

function problemsOf(...args: string[]): readonly string[] {
  try {
    load(...args);
    return [];
  } catch (caught) {
    if (caught instanceof ConfigError) return caught.problems;
    throw caught;
  }
}

describe('the settings of a node among others', () => {
  it('are not needed by a gateway that is alone', () => {
    const config = load();
    expect([isAmongOthers(config), rolesOf(config)]).toEqual([false, ['meta', 'data', 'session']]);
    expect(listListeners(config, createAdapters(config, '1')).map((listener) => listener.protocol)).not.toContain('cluster');
  });

  it('name the roles in any order, each once', () => {
    expect(rolesOf(load('--roles', 'session,meta,session'))).toEqual(['meta', 'session']);
    expect(problemsOf('--roles', 'meta,king')).toEqual([expect.stringContaining('roles: "meta,king" is not allowed')]);
  });

  it('shift the cluster port with all others', () => {
    const config = load('--roles', 'data', '--join', 'meta-1:9620', '--port-offset', '10');
    expect(listenAddress(config)).toEqual({ host: '127.0.0.1', port: 9630 });
    expect(listenAddress(load('--cluster.listen', '[::1]:0'))).toEqual({ host: '::1', port: 0 });
  });

  it('list the cluster port, and the ports of clients only where a Session runs', () => {
    const listed = (...args: string[]) => {
      const config = load(...args);
      return listListeners(config, createAdapters(config, '1')).map((listener) => `${listener.protocol} ${listener.port}`);
    };
    expect(listed('--roles', 'data', '--join', 'a:1')).toEqual(['admin 9615', 'cluster 9620']);
    expect(listed('--roles', 'session', '--join', 'a:1')).toEqual(expect.arrayContaining(['Eureka 8761', 'SOFA 9600', 'cluster 9620']));
  });

  it.each<[string, readonly string[], string]>([
    ['no Meta to ask', ['--roles', 'data'], 'join: a node without the role meta needs the address of a Meta node, --join host:port'],
    [
      'an address without port',
      ['--join', 'meta-1:1,meta-2'],
      'join: "meta-1:1,meta-2" is not allowed; allowed: host:port, with commas between several',
    ],
    ['a listener without port', ['--cluster.listen', '10.0.0.1'], 'cluster.listen: "10.0.0.1" is not allowed; allowed: host:port'],
    [
      'a listener beyond loopback without secret',
      ['--cluster.listen', '10.0.0.1:9620'],
      'cluster.secretFile: a node that listens on 10.0.0.1 needs --cluster.secret-file or --cluster.tls.ca, cert and key',
    ],
    ['half of TLS', ['--cluster.listen', '127.0.0.1:9620', '--cluster.tls.ca', 'ca.pem'], 'cluster.tls: ca, cert and key belong together'],
    ['more copies than there can be', ['--replicas', '4'], 'replicas: 4 is not allowed; allowed: 1 to 3'],
  ])('report %s in one sentence', (_name, args, sentence) => {
    expect(problemsOf(...args)).toEqual([sentence]);
  });

  it('ask for a host when the listener has none that others could use', () => {
    const secret = ['--cluster.secret-file', join(folder, 'secret')];
    expect(problemsOf('--cluster.listen', '0.0.0.0:9620', ...secret)).toEqual([
      'cluster.advertisedHost: 0.0.0.0 is no address for others; name the host by which they reach this node',
    ]);
    expect(problemsOf('--cluster.listen', '0.0.0.0:9620', '--cluster.advertised-host', 'node-1', ...secret)).toEqual([]);
  });

  it('read the secret, without the end of the line, and refuse one that can be guessed', () => {
    const listen = ['--cluster.listen', '10.0.0.1:9620', '--cluster.secret-file'];
    expect(readNodeNetwork(load(...listen, join(folder, 'secret'))).secret).toBe('a secret of a cluster');
    expect(problemsOf(...listen, join(folder, 'short'))).toEqual([
      `cluster.secretFile: the secret in ${join(folder, 'short')} has 5 characters; allowed: at least 16`,
    ]);
    expect(problemsOf(...listen, join(folder, 'absent'))).toEqual([
      expect.stringMatching(/^cluster\.secretFile: .*absent cannot be read: ENOENT/),
    ]);
  });

  it('take mutual TLS in place of a secret', () => {
    const tls = ['--cluster.tls.ca', pem('ca'), '--cluster.tls.cert', pem('node-cert'), '--cluster.tls.key', pem('node-key')];
    const { tls: read, secret } = readNodeNetwork(load('--cluster.listen', '10.0.0.1:9620', ...tls));
    expect(secret).toBe('');
    expect(read?.key).toContain('PRIVATE KEY');
  });

  it.each<[string, string, string, string, string]>([
    ['no certificate', 'node-key', 'node-cert', 'node-key', 'cluster.tls.ca: .*node-key.pem holds no certificate in PEM: '],
    ['no key', 'ca', 'node-cert', 'ca', 'cluster.tls.key: .*ca.pem holds no private key without password in PEM: '],
    [
      'the key of another',
      'ca',
      'node-cert',
      'stranger-key',
      'cluster.tls.key: .*stranger-key.pem is not the key of the certificate in .*node-cert.pem',
    ],
  ])('name the file of TLS that is %s', (_name, ca, cert, key, sentence) => {
    const tls = ['--cluster.tls.ca', pem(ca), '--cluster.tls.cert', pem(cert), '--cluster.tls.key', pem(key)];
    expect(problemsOf('--cluster.listen', '10.0.0.1:9620', ...tls)).toEqual([expect.stringMatching(new RegExp(`^${sentence}`))]);
  });
});
