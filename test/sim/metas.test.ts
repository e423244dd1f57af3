import { describe, expect, it } from 'vitest';
import type { ClusterView, DataInfoId } from '../../core/index.ts';
import { nameOf, publish, roles, SmallCluster } from './small-cluster.ts';
import type { SimNode } from './world/cluster.ts';
import { ETCD } from './world/sim-etcd.ts';

const METAS = ['m1', 'm2', 'm3'];
const NAME = nameOf('orders');

async function started(datas: readonly string[], later: readonly string[] = [], replicas = 2): Promise<SmallCluster> {
  const small = new SmallCluster(roles(METAS, [...datas, ...later], ['s1', 's2']), 16, replicas, { hasEtcd: true });
  small.start(...METAS, ...datas, 's1', 's2');
  await small.until('Sessions accept clients', () => small.cluster.sessions().length === 2);
  await small.untilWhole(Math.min(replicas, datas.length));
  return small;
}

const leaderOf = (small: SmallCluster): SimNode => {
  const leader = small.leader();
  if (leader === undefined) throw new Error('nobody leads');
  return leader;
};
const views = (small: SmallCluster): readonly ClusterView[] =>
  small.cluster.nodes.flatMap((node) => [node.data?.cluster(), node.session?.cluster()].filter((view) => view !== undefined));
const epochOf = (small: SmallCluster) => small.leader()?.meta?.table().epoch ?? 0;
const keyed = (registerId: string, dataInfoId: DataInfoId = NAME) => ({
  dataInfoId,
  registerId,
  format: 'sim',
  payload: new TextEncoder().encode(registerId),
  zone: '',
  appName: 'app',
  clientAddress: '10.0.0.1:1',
});

describe('three Metas', () => {
  it('one leads, and all nodes know it and the others', async () => {
    const small = await started(['d1', 'd2']);
    expect(small.cluster.nodes.filter((node) => node.meta?.leadership().isLeader === true)).toHaveLength(1);
    const leader = `${leaderOf(small).name}/meta`;
    await small.pass(2_500);
    for (const { meta, members } of views(small)) {
      expect(meta).toBe(leader);
      expect(members.filter((member) => member.role === 'meta').map((member) => member.peer)).toEqual(METAS.map((name) => `${name}/meta`));
    }
    for (const name of METAS) expect(small.node(name).meta?.leadership().leader).toBe(leader);
  });

  it('the one that leads dies together with a Data node: control is back within 10 s, and the slots of the node are led again', async () => {
    const small = await started(['d1', 'd2', 'd3']);
    const before = leaderOf(small);
    const term = before.meta?.leadership().term ?? 0;
    small.cluster.crash(before);
    small.cluster.crash(small.node('d3'));
    const tookMs = await small.until('another Meta leads', () => small.leader() !== undefined);
    expect(tookMs).toBeLessThan(7_000);
    expect(leaderOf(small).meta?.leadership().term).toBeGreaterThan(term);
    const tableMs = await small.until('the table goes on without the dead node', () => {
      return (
        small
          .leader()
          ?.meta?.table()
          .slots.every((slot) => slot.leader !== 'd3/data') === true
      );
    });
    expect(tookMs + tableMs).toBeLessThan(12_000);
    const leader = `${leaderOf(small).name}/meta`;
    await small.until(
      'all follow it',
      () => views(small).every((view) => view.meta === leader && (view.metaSilentMs ?? 9_999) < 1_500),
      3_000,
    );
    await small.untilWhole(2);
  });

  it('one that stops in good order is followed within a second', async () => {
    const small = await started(['d1', 'd2']);
    const before = leaderOf(small);
    small.cluster.leave(before);
    const tookMs = await small.until('another Meta leads', () => small.leader() !== undefined && small.leader() !== before);
    expect(tookMs).toBeLessThanOrEqual(1_000);
  });

  it('what a leader wrote in its term arrives after it: etcd refuses it, and one table holds', async () => {
    const small = await started(['d1', 'd2'], ['d3', 'd4']);
    const before = leaderOf(small);
    const epoch = epochOf(small);
    small.start('d3', 'd4');
    // After the first change of the table the next one waits for what the new nodes report, which would be as late.
    await small.until('slots move', () => epochOf(small) > epoch + 1);
    // The next move is stored by a message that is under way when the lease runs out.
    small.cluster.network.slowDown(before.name, 6_500);
    await small.until('etcd refuses it', () => (small.cluster.etcd?.refused ?? 0) > 0, 20_000);
    expect(leaderOf(small)).not.toBe(before);
    small.cluster.network.healAll();
    await small.until('the new nodes take part', () => {
      const table = small.leader()?.meta?.table();
      return table?.slots.some((slot) => slot.leader === 'd3/data') === true && table.slots.some((slot) => slot.leader === 'd1/data');
    });
    await small.untilWhole(2);
    expect(before.meta?.leadership().isLeader).toBe(false);
    const text = JSON.stringify(small.leader()?.meta?.table());
    await small.until('all nodes hold its table', () => views(small).every((view) => JSON.stringify(view.table) === text), 3_000);
  });

  it('a leader that sleeps past its lease wakes up, refuses to lead and names the one that does', async () => {
    const small = await started(['d1', 'd2'], ['d3']);
    const before = leaderOf(small);
    if (before.process === undefined) throw new Error('it runs');
    const wakesAtMs = small.world.nowMs + 12_000;
    before.process.asleepUntilMs = wakesAtMs;
    await small.until('another Meta leads', () =>
      small.cluster.nodes.some((node) => node !== before && node.meta?.leadership().isLeader === true),
    );
    small.start('d3');
    await small.until('it wakes up', () => small.world.nowMs > wakesAtMs + 1_500);
    expect(before.meta?.leadership().isLeader).toBe(false);
    const leader = `${leaderOf(small).name}/meta`;
    expect(before.meta?.leadership().leader).toBe(leader);
    await small.untilWhole(2);
    expect(views(small).every((view) => view.meta === leader)).toBe(true);
  });

  it('a leader that reaches etcd but is reached by no member gives up, and another one is followed', async () => {
    const small = await started(['d1', 'd2', 'd3']);
    const before = leaderOf(small);
    for (const node of small.cluster.nodes.filter((other) => other.meta === undefined)) {
      small.cluster.network.cut(node.name, before.name);
      small.cluster.network.cut(before.name, node.name);
    }
    await small.until('another Meta leads', () => small.leader() !== undefined && small.leader() !== before, 10_000);
    const leader = `${leaderOf(small).name}/meta`;
    await small.until(
      'all follow it',
      () => views(small).every((view) => view.meta === leader && (view.metaSilentMs ?? 9_999) < 1_500),
      6_000,
    );
    await small.pass(30_000);
    expect(small.leader()?.name).toBe(leader.split('/')[0]);
    await small.untilWhole(2);
  });

  it('two slot tables are in force for at most a second', async () => {
    const small = await started(['d1', 'd2', 'd3'], ['d4', 'd5'], 3);
    small.start('d4');
    let behindSinceMs: number | undefined;
    let longestMs = 0;
    const watch = () => {
      const epoch = epochOf(small);
      const isBehind = views(small).some((view) => view.table.epoch > 0 && view.table.epoch !== epoch);
      if (!isBehind) behindSinceMs = undefined;
      else behindSinceMs ??= small.world.nowMs;
      if (behindSinceMs !== undefined) longestMs = Math.max(longestMs, small.world.nowMs - behindSinceMs);
      small.world.at(undefined, 20, watch);
    };
    watch();
    await small.pass(5_000);
    small.start('d5');
    small.cluster.crash(small.node('d1'));
    await small.pass(25_000);
    expect(epochOf(small)).toBeGreaterThan(3);
    expect(longestMs).toBeLessThanOrEqual(1_000);
  });
});

describe('documents', () => {
  it('are written through whichever Meta leads, and a watcher on another Session sees each', async () => {
    const small = await started(['d1', 'd2']);
    const text = (value: Uint8Array | undefined) => new TextDecoder().decode(value);
    const watch = small.node('s2').session?.gateway.documents.watch('conf/', () => undefined);
    const put = (value: string) => small.node('s1').session?.gateway.documents.put('conf/a', new TextEncoder().encode(value));
    let outcome: unknown;
    const write = (value: string) => {
      outcome = undefined;
      void put(value)?.then(
        (revision) => {
          outcome = revision;
        },
        (caught: unknown) => {
          outcome = caught;
        },
      );
    };
    write('one');
    await small.until('the watcher sees it', () => text(watch?.get('conf/a')?.value) === 'one', 3_000);
    small.cluster.crash(leaderOf(small));
    write('lost');
    await small.until('an answer', () => outcome !== undefined, 5_000);
    expect(outcome).toMatchObject({ code: expect.stringMatching(/unavailable|timeout/) });
    await small.until('another Meta leads', () => small.leader() !== undefined);
    write('two');
    await small.until('the watcher sees it', () => text(watch?.get('conf/a')?.value) === 'two', 5_000);
    expect(outcome).toEqual(expect.any(Number));
  });
});

describe('without Meta and etcd', () => {
  it('registrations, renewals, withdrawals and pushes go on for ten minutes', async () => {
    const small = await started(['d1', 'd2', 'd3']);
    const [publisher, leases] = [small.connect('s1'), small.node('s1').session?.gateway.leases];
    publish(publisher, NAME, 'first');
    void leases?.register(keyed('lease'), 30_000);
    const lists = small.subscribe('s2', NAME);
    const ids = () => (lists.at(-1) ?? []).map((each) => each.registerId).sort();
    await small.until('both are shown', () => ids().length === 2);
    for (const meta of METAS) small.cluster.crash(small.node(meta));
    small.cluster.network.cut('s1', ETCD);
    const renewals: unknown[] = [];
    for (let minute = 0; minute < 10; minute += 1) {
      publish(publisher, NAME, `minute-${minute}`);
      await small.until('a registration is shown', () => ids().includes(`minute-${minute}`), 1_000);
      publisher.unpublish(NAME, `minute-${minute}`, 2);
      await small.until('its end is shown', () => !ids().includes(`minute-${minute}`), 2_000);
      for (let beat = 0; beat < 6; beat += 1) {
        renewals.push(await Promise.resolve(leases?.renew(NAME, 'lease')));
        await small.pass(9_500);
      }
    }
    expect(new Set(renewals)).toEqual(new Set(['renewed']));
    expect(ids()).toEqual(['first', 'lease']);
    small.start(...METAS);
    await small.until('a Meta leads', () => small.leader() !== undefined, 15_000);
    await small.untilWhole(2);
    expect(lists.every((list) => list.length >= 2 || list === lists[0])).toBe(true);
    expect(ids()).toEqual(['first', 'lease']);
  });
});

describe('a large cluster', () => {
  it('60 Data and 120 Sessions with few records: whole within a minute, a change reaches all, and the death of a Data node is repaired', async () => {
    const name = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i + 1}`);
    const [datas, sessions] = [name('d', 60), name('s', 120)];
    const small = new SmallCluster(roles(METAS, datas, sessions), 256, 2, { hasEtcd: true });
    small.start(...METAS, ...datas, ...sessions);
    await small.until('Sessions accept clients', () => small.cluster.sessions().length === sessions.length, 30_000);
    await small.untilWhole(2);
    publish(small.connect('s1'), NAME, 'p');
    const lists = sessions.map((session) => small.subscribe(session, NAME));
    await small.until('all Sessions show it', () => lists.every((list) => list.at(-1)?.length === 1), 5_000);
    const leader = small.leader()?.meta?.table().slots[0]?.leader ?? '';
    small.cluster.crash(small.node(leader.split('/')[0] ?? ''));
    await small.until(
      'its slots are led by others',
      () =>
        small
          .leader()
          ?.meta?.table()
          .slots.every((slot) => slot.leader !== leader) === true,
    );
    await small.untilWhole(2);
    expect(lists.every((list) => list.every((publishers, at) => publishers.length === 1 || at === 0))).toBe(true);
  });
});
