import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Role } from '../../core/index.ts';
import type { DatumPage, MembersPage } from '../../deploy/cluster-pages.ts';
import { BoltConnection } from '../support/bolt-connection.ts';
import { BoltApp } from '../support/cluster/bolt-app.ts';
import { Load } from '../support/cluster/load.ts';
import { LocalCluster } from '../support/cluster/local-cluster.ts';
import { EurekaOperator } from '../support/eureka-operator.ts';
import { eventually } from '../support/eventually.ts';
import { http } from '../support/http.ts';

let cluster: LocalCluster;
let load: Load;

beforeAll(async () => {
  cluster = await LocalCluster.prepare({ metas: 1, data: 3, sessions: 2 });
  await cluster.start();
  load = await Load.on(cluster);
});
afterAll(async () => {
  load?.stop();
  await cluster?.stop();
});

const node = (role: Role, at = 0) => {
  const found = cluster.withRole(role)[at];
  if (found === undefined) throw new Error(`there is no ${role} ${at}`);
  return found;
};

/** What must hold after everything that happens here: every read contained the whole fixed population, and was made at all. */
function expectNobodySawLess(since: { readonly reads: number; readonly pushes: number }): void {
  expect(load.population.violations).toEqual([]);
  expect(load.population.reads).toBeGreaterThan(since.reads);
}
const soFar = () => ({ reads: load.population.reads, pushes: load.population.pushes });

describe('a cluster of processes', () => {
  it('is one registry: what is registered at one Session is read at the other, in both protocols', async () => {
    const [first, second] = [
      new EurekaOperator(node(Role.Session, 0).ports.eureka),
      new EurekaOperator(node(Role.Session, 1).ports.eureka),
    ];
    expect(await first.register('CROSS', 'cross-1')).toBe(204);
    await eventually(async () => expect((await second.instances('CROSS')).map((instance) => instance.instanceId)).toEqual(['cross-1']));
    expect(await second.heartbeat('CROSS', 'cross-1')).toBe(200);
    expect(await second.cancel('CROSS', 'cross-1')).toBe(200);
    await eventually(async () => expect(await first.instances('CROSS')).toEqual([]));

    const publisher = new BoltApp(() => [node(Role.Session, 0).ports.sofa]);
    const subscriber = new BoltApp(() => [node(Role.Session, 1).ports.sofa]);
    try {
      const lists: (readonly string[])[] = [];
      subscriber.subscribe('cross.bolt', ({ values }) => lists.push(values));
      publisher.publish('cross.bolt', 'here');
      await eventually(() => expect(lists.at(-1)).toEqual(['here']));
    } finally {
      publisher.stop();
      subscriber.stop();
    }
  });

  it('tells SOFA clients of every Session, and operators of every node', async () => {
    const [own, other] = [node(Role.Session, 0), node(Role.Session, 1)];
    const { text } = await http(own.ports.sofaHttp, { path: '/api/servers/query' });
    expect(text).toBe(`127.0.0.1:${own.ports.sofa};127.0.0.1:${other.ports.sofa}`);
    for (const each of cluster.nodes) {
      const { members, links } = await each.page<MembersPage>('/members');
      expect(members.map((member) => member.role).sort()).toEqual(['data', 'data', 'data', 'meta', 'session', 'session']);
      expect(links.filter((link) => link.state === 'broken')).toEqual([]);
    }
    // Sessions know each other's addresses for their clients, and have nothing to say to each other.
    const { links } = await own.page<MembersPage>('/members');
    const otherNode = (await other.page<MembersPage>('/members')).node;
    expect(links.find((link) => link.node === otherNode)?.state).toBe('idle');
  });

  it('tells SOFA clients at every Session which of them has many clients', async () => {
    const [own, other] = [node(Role.Session, 0), node(Role.Session, 1)];
    const crowd = await Promise.all(Array.from({ length: 50 }, () => BoltConnection.open(other.ports.sofa)));
    try {
      for (const asked of [own, other]) {
        await eventually(async () => {
          const { text: connections } = await http(other.ports.sofaHttp, { path: '/api/servers/connectionNum' });
          const { text } = await http(asked.ports.sofaHttp, { path: '/api/servers/queryWithWeight' });
          const weights = new Map(text.split(';').map((entry): [string, string] => entry.split('?weight=') as [string, string]));
          expect(Number(connections)).toBeGreaterThanOrEqual(crowd.length);
          expect(weights.get(`127.0.0.1:${other.ports.sofa}`)).toBe(connections);
          expect(Number(weights.get(`127.0.0.1:${own.ports.sofa}`))).toBeLessThan(crowd.length);
        });
      }
    } finally {
      for (const each of crowd) await each.close();
    }
  });

  it('shows a datum with its versions at leader, followers and Sessions, on every node', async () => {
    for (const each of cluster.nodes) {
      const { holdings } = await each.page<DatumPage>('/datum?dataId=fix.bolt.0');
      expect(holdings.map((holding) => holding.part)).toEqual(['leader', 'follower', 'session', 'session']);
      const [version] = holdings.map((holding) => holding.version);
      expect(holdings.slice(0, 2)).toMatchObject([
        { version, publishers: 2 },
        { version, publishers: 2 },
      ]);
      expect(holdings.filter((holding) => holding.sent === version)).toHaveLength(1);
    }
    expect(JSON.parse((await http(node(Role.Data).ports.admin, { path: '/datum' })).text)).toMatchObject({ error: 'invalid-argument' });
  });

  it('moves no slot for a Data node that stalls for 2 s', async () => {
    await cluster.balanced();
    const before = soFar();
    const leaders = await cluster.leaders();
    const victim = await cluster.busiest();
    victim.signal('SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    victim.signal('SIGCONT');
    expect(await load.probes.passMs()).toBeLessThan(5_000);
    await cluster.settled();
    expect(await cluster.leaders()).toEqual(leaders);
    expectNobodySawLess(before);
  });

  it('goes on without Meta: registrations, heartbeats, reads and pushes', async () => {
    await cluster.balanced();
    const before = soFar();
    const leaders = await cluster.leaders();
    await node(Role.Meta).kill();
    for (let round = 0; round < 4; round += 1) {
      expect(await load.probes.passMs()).toBeLessThan(2_000);
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
    expect((await http(node(Role.Session).ports.admin, { path: '/readyz?verbose' })).text).toContain('ready');
    await node(Role.Meta).start();
    await cluster.settled();
    expect(await cluster.leaders()).toEqual(leaders);
    expectNobodySawLess(before);
  });

  it('loses nothing with a Session: its bolt clients move, its Eureka clients go on at the other', async () => {
    const before = soFar();
    const victim = node(Role.Session, 0);
    const moves = load.population.publishers.map((publisher) => publisher.moves);
    expect(load.population.publishers[0]?.port).toBe(victim.ports.sofa);
    await victim.kill();
    await eventually(() => expect(load.population.publishers[0]?.port).toBe(node(Role.Session, 1).ports.sofa));
    expect(await load.probes.passMs()).toBeLessThan(5_000);
    await victim.start();
    await cluster.settled();
    expect(load.population.publishers.map((publisher) => publisher.moves)).toEqual([(moves[0] ?? 0) + 1, moves[1]]);
    expectNobodySawLess(before);
  });

  it.each([1, 2])('serves all slots again within 5 s after kill -9 of a Data node, and nobody sees a shorter list (trial %d)', async () => {
    const before = soFar();
    const victim = await cluster.busiest();
    await victim.kill();
    const outageMs = await load.probes.passMs();
    console.log(`kill -9 of ${victim.name}: every changed name was pushed again after ${outageMs} ms`);
    expect(outageMs).toBeLessThan(5_000);
    await cluster.settled();
    await victim.start();
    await cluster.settled();
    expectNobodySawLess(before);
  });

  it('does so within 5 s also when a Session is killed with it, starts again, and was never linked to the dead node', async () => {
    const before = soFar();
    const [session, victim] = [node(Role.Session, 0), await cluster.busiest()];
    const killedAtMs = performance.now();
    await Promise.all([session.kill(), victim.kill()]);
    await session.start();
    await load.probes.passMs();
    expect(performance.now() - killedAtMs).toBeLessThan(5_000);
    await cluster.settled();
    await victim.start();
    await cluster.settled();
    expectNobodySawLess(before);
  });

  it('is restarted node by node under load, and nobody notices', async () => {
    const before = soFar();
    for (const each of cluster.nodes) {
      await each.stop();
      await each.start();
      await cluster.settled();
    }
    await load.probes.passMs();
    expect(load.population.forgotten).toBe(0);
    expectNobodySawLess(before);
  });
});
