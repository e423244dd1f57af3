import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigError, loadConfig } from '../../../deploy/config.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'isthmus-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function problemsOf(args: readonly string[], environment: Readonly<Record<string, string>> = {}): readonly string[] {
  try {
    loadConfig(args, environment);
    return [];
  } catch (caught) {
    if (caught instanceof ConfigError) return caught.problems;
    throw caught;
  }
}

function file(content: unknown): string {
  const path = join(folder, 'isthmus.json');
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

describe('what is wrong with a configuration', () => {
  it('is said all at once: options, values, rules between settings and files', () => {
    const absent = join(folder, 'absent');
    const wrong = ['--bogus', '--roles', 'data', '--replicas', '9', '--cluster.secret-file', absent, '--eureka.credentials-file', absent];
    expect(problemsOf([...wrong, '--log.level', 'loud', '--eureka.peer-addresses', 'old-server'])).toEqual([
      '--bogus: there is no such option (--help lists them)',
      'replicas: 9 is not allowed; allowed: 1 to 3',
      'log.level: "loud" is not allowed; allowed: one of debug, info, warn, error',
      'join: a node without the role meta needs the address of a Meta node, --join host:port',
      expect.stringMatching(/^cluster\.secretFile: .*absent cannot be read: ENOENT/),
      'eureka.peerAddresses: "old-server" is no IP address',
      expect.stringMatching(/^eureka\.credentialsFile: .*absent cannot be read: ENOENT/),
    ]);
  });

  it('is not said of a setting whose value is wrong already, nor of what hangs on it', () => {
    expect(problemsOf(['--cluster.listen', '10.0.0.1:9620', '--cluster.secret-file'])).toEqual([
      '--cluster.secret-file: a value is missing',
    ]);
    expect(problemsOf(['--config', join(folder, 'absent'), '--roles', 'data'])).toEqual([
      expect.stringMatching(/absent: the file cannot be read: ENOENT/),
    ]);
  });

  it.each<[string, readonly string[], string]>([
    ['a role', ['--roles', 'king'], 'roles: "king" is not allowed; allowed: meta, data and session, with commas between them'],
    ['a fraction', ['--eureka.port', '1.5'], 'eureka.port: 1.5 is not allowed; allowed: 0 to 65535, whole numbers'],
    ['a truth', ['--eureka.enabled', 'maybe'], '--eureka.enabled: "maybe" is not allowed; allowed: true or false'],
    ['no text', ['--data-dir', ''], 'dataDir: "" is not allowed; allowed: any text but none'],
    ['the length of a name', ['--cluster.name', ''], 'cluster.name: "" is not allowed; allowed: 1 to 100 characters'],
    [
      'an address of etcd',
      ['--meta.etcd', 'localhost'],
      'meta.etcd: "localhost" is not allowed; allowed: http://host:port or https://host:port, with commas between several',
    ],
    [
      'a path',
      ['--eureka.context-path', 'registry'],
      'eureka.contextPath: "registry" is not allowed; allowed: nothing, or names of up to 200 characters with / before each',
    ],
    [
      'an address in the session list',
      ['--sofa.advertised-host', '::1'],
      'sofa.advertisedHost: "::1" is not allowed; allowed: a host name or an IPv4 address',
    ],
  ])('names what is allowed: %s', (_name, args, sentence) => {
    expect(problemsOf(args)).toEqual([sentence]);
  });

  it('in a file: what is no group, what there is not, and names as flags have them', () => {
    expect(problemsOf(['--config', file({ eureka: 5, colour: 'red', 'sofa.port': 1, admin: { prot: 2 } })])).toEqual([
      'colour: there is no such setting',
      'sofa.port: there is no such setting; in a file each group is an object of its own',
      'admin.prot: there is no such setting',
      'eureka: 5 is not allowed; allowed: a group of settings',
    ]);
    expect(problemsOf(['--config', file('{"eureka": ')])).toEqual([expect.stringMatching(/isthmus\.json: the file is no JSON: /)]);
    expect(problemsOf(['--config', file('[]')])).toEqual([expect.stringMatching(/isthmus\.json: the file must hold one JSON object$/)]);
  });

  it('ports: beyond the last one, and twice the same', () => {
    expect(problemsOf(['--port-offset', '50000', '--eureka.port', '60000'])).toEqual([
      'eureka.port: 60000 with the port offset of 50000 is 110000; allowed: up to 65535',
    ]);
    expect(problemsOf(['--eureka.port', '9600'])).toEqual(['sofa.port: 9600 is the port of eureka.port as well']);
    expect(problemsOf(['--cluster.listen', '127.0.0.1:9615'])).toEqual(['cluster.listen: 9615 is the port of admin.port as well']);
    expect(problemsOf(['--sofa.port', '9615', '--sofa.host', '0.0.0.0'])).toEqual(['sofa.port: 9615 is the port of admin.port as well']);
    expect(problemsOf(['--sofa.port', '9615', '--sofa.host', '127.0.0.2'])).toEqual([]);
    expect(problemsOf(['--eureka.port', '9600', '--sofa.enabled', 'false'])).toEqual([]);
    expect(problemsOf(['--eureka.port', '0', '--sofa.port', '0', '--roles', 'data', '--join', 'a:1'])).toEqual([]);
  });
});

describe('the environment', () => {
  it('holds settings, and a name that is none is told', () => {
    expect(loadConfig([], { ISTHMUS_EUREKA_PORT: '8800' }).config.eureka.port).toBe(8800);
    expect(problemsOf([], { ISTHMUS_EUREKA_PROT: '8800' })).toEqual(['ISTHMUS_EUREKA_PROT: there is no such setting']);
  });

  it('also holds what Kubernetes says of Services of that name, which is no setting', () => {
    const links = {
      ISTHMUS_SERVICE_HOST: '10.0.0.1',
      ISTHMUS_SERVICE_PORT: '8761',
      ISTHMUS_SERVICE_PORT_HTTP: '8761',
      ISTHMUS_PORT: 'tcp://10.0.0.1:8761',
      ISTHMUS_PORT_8761_TCP: 'tcp://10.0.0.1:8761',
      ISTHMUS_PORT_8761_TCP_PROTO: 'tcp',
      ISTHMUS_PORT_8761_TCP_PORT: '8761',
      ISTHMUS_PORT_8761_TCP_ADDR: '10.0.0.1',
      ISTHMUS_EUREKA_PORT: 'tcp://10.0.0.1:80',
    };
    expect(problemsOf([], links)).toEqual([]);
    expect(loadConfig([], links).config.eureka.port).toBe(8761);
  });
});
