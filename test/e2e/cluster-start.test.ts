import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Role } from '../../core/index.ts';
import { ClusterNode } from '../support/cluster/cluster-node.ts';
import { LocalCluster, MAIN } from '../support/cluster/local-cluster.ts';
import { eventually } from '../support/eventually.ts';
import { freePorts } from '../support/free-ports.ts';
import { http } from '../support/http.ts';

let folder: string;
let cluster: LocalCluster;
const strangers: ClusterNode[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'isthmus-cluster-'));
  writeFileSync(join(folder, 'secret'), 'the secret of this cluster\n');
  writeFileSync(join(folder, 'another'), 'the secret of another one\n');
  const args = ['--cluster.secret-file', join(folder, 'secret')];
  cluster = await LocalCluster.prepare({ metas: 1, data: 1, sessions: 1, folder, args });
});
afterAll(async () => {
  for (const stranger of strangers) await stranger.kill();
  await cluster?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const node = (role: Role) => cluster.withRole(role)[0] as ClusterNode;

/** A Data node that wants to join, with other settings than the cluster has. */
async function stranger(name: string, args: readonly string[]): Promise<ClusterNode> {
  const [own = 0, admin = 0, eureka = 0, sofa = 0, sofaHttp = 0] = await freePorts(5);
  const ports = { cluster: own, admin, eureka, sofa, sofaHttp };
  const join = `127.0.0.1:${node(Role.Meta).ports.cluster}`;
  const made = new ClusterNode({ name, roles: [Role.Data], dataDir: folder, ports, join, args, main: MAIN });
  strangers.push(made);
  made.launch();
  return made;
}

it('waits for Meta, says so, and serves when it comes', async () => {
  const data = node(Role.Data);
  data.launch();
  await eventually(async () => {
    expect(data.output).toContain('waiting for Meta');
    const { status, text } = await http(data.ports.admin, { path: '/readyz?verbose' });
    expect(status).toBe(503);
    expect(text).toContain(`[-] heartbeat: waits for Meta at 127.0.0.1:${node(Role.Meta).ports.cluster}`);
  });
  node(Role.Meta).launch();
  node(Role.Session).launch();
  for (const each of cluster.nodes) await each.ready();
  await cluster.settled();
});

it.each<[string, () => readonly string[], string]>([
  [
    'of another cluster',
    () => ['--cluster.name', 'other', '--cluster.secret-file', join(folder, 'secret')],
    'this is cluster "isthmus", not "other"',
  ],
  ['with another secret', () => ['--cluster.secret-file', join(folder, 'another')], 'has another cluster secret'],
  ['without the secret', () => [], 'has another cluster secret'],
  [
    'of another slot count',
    () => ['--slots', '1024', '--cluster.secret-file', join(folder, 'secret')],
    'was created with 256 slots and keeps them; 1024 were asked for',
  ],
])('refuses a node %s by name, which ends with 1 and the sentence', async (name, args, sentence) => {
  const refused = await stranger(name.replaceAll(' ', '-'), args());
  expect(await refused.exited()).toBe(1);
  expect(refused.output).toContain(sentence);
  expect((await http(node(Role.Meta).ports.admin, { path: '/readyz' })).status).toBe(200);
});
