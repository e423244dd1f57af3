import { describe, expect, it } from 'vitest';
import { type DataInfoId, foldDataInfoId, type SlotTable, slotOf } from '../../core/index.ts';
import { nameOf, publish, roles, SmallCluster } from './small-cluster.ts';

const SLOTS = 16;
const SERVICES = Array.from({ length: 12 }, (_, i) => nameOf(`service-${i}`));

/** A cluster with data in it, and a reader of one name on each Session. */
async function populated(datas: readonly string[], running: readonly string[], replicas: number, zoneOf = (_node: string) => '') {
  const small = new SmallCluster(roles(['m'], datas, ['s1', 's2']), SLOTS, replicas, { zoneOf });
  small.start('m', 's1', 's2', ...running);
  await small.until('Sessions accept clients', () => small.cluster.sessions().length === 2);
  const connections = ['s1', 's2'].map((session) => small.connect(session));
  for (const service of SERVICES) for (let i = 0; i < 10; i += 1) publish(connections[i % 2] as (typeof connections)[0], service, `p${i}`);
  // Half of them live by heartbeats, at either Session.
  for (const [at, name] of ['s1', 's2'].entries())
    for (const service of SERVICES) for (let i = at; i < 10; i += 2) registerLease(small, name, service, `h${i}`);
  await small.until('everything is written', () => small.cluster.sessions().every((node) => node.session?.stats().pendingWrites === 0));
  await small.untilWhole(Math.min(replicas, running.length));
  const lists = ['s1', 's2'].flatMap((session) => SERVICES.map((service) => small.subscribe(session, service)));
  await small.until('first pushes', () => lists.every((seen) => seen.length > 0));
  const shorter = () => lists.map((seen) => seen.map((list) => list.length)).filter((lengths) => lengths.some((length) => length !== 20));
  return { small, shorter, table: () => small.node('m').meta?.table() ?? { epoch: 0, slots: [] } };
}

function registerLease(small: SmallCluster, session: string, dataInfoId: DataInfoId, registerId: string, leaseMs = 3_600_000): void {
  const registration = { dataInfoId, registerId, format: 'sim', payload: new TextEncoder().encode(registerId) };
  void small.node(session).session?.gateway.leases.register({ ...registration, zone: '', appName: '', clientAddress: '' }, leaseMs);
}

const holds = (table: SlotTable, node: string) => ({
  leads: table.slots.filter((slot) => slot.leader === `${node}/data`).length,
  follows: table.slots.filter((slot) => slot.followers.some((peer) => peer === `${node}/data`)).length,
});

describe('a Data node that joins', () => {
  it.each([1, 2, 3])('receives copies first, then leaderships, and nobody sees a shorter list (replicas %i)', async (replicas) => {
    const { small, shorter, table } = await populated(['d1', 'd2', 'd3', 'd4'], ['d1', 'd2', 'd3'], replicas);
    const seen: { leads: number; follows: number }[] = [];
    small.start('d4');
    await small.until('the newcomer has its share', () => {
      seen.push(holds(table(), 'd4'));
      return holds(table(), 'd4').leads >= 3;
    });
    await small.untilWhole(replicas);
    const first = seen.findIndex(({ leads, follows }) => leads + follows > 0);
    expect(seen[first]?.leads).toBe(0);
    expect(seen[first]?.follows).toBeGreaterThan(0);
    for (const node of ['d1', 'd2', 'd3', 'd4']) expect(holds(table(), node).leads).toBeGreaterThanOrEqual(2);
    expect(shorter()).toEqual([]);
  });
});

describe('a Data node that cannot reach one of the others', () => {
  it('holds what it can, and what it cannot take over goes elsewhere', async () => {
    const { small, shorter, table } = await populated(['d1', 'd2', 'd3'], ['d1', 'd2'], 2);
    small.cluster.network.cut('d1', 'd3');
    small.cluster.network.cut('d3', 'd1');
    small.start('d3');
    const isTried = () => holds(table(), 'd3').follows > 0;
    await small.until('slots are on their way', isTried);
    await small.untilWhole(2, 15 * 60_000);
    const together = table().slots.filter((slot) => [slot.leader, ...slot.followers].sort().join() === 'd1/data,d3/data');
    expect(together).toEqual([]);
    expect(shorter()).toEqual([]);
  });
});

describe('a leader that Meta cannot reach when its leaderships are moved', () => {
  it('gives them up before they are led elsewhere, and the Session on its side of the network follows', async () => {
    const { small, shorter, table } = await populated(['d1', 'd2'], ['d1'], 2);
    const served = (name: string) =>
      new Set(
        small
          .node(name)
          .data?.slots()
          .flatMap(({ slotId, phase }) => (phase === 'serving' ? [slotId] : [])),
      );
    const epochs = () => [small.node('d1').data, small.node('s2').session].map((role) => role?.cluster().table.epoch);
    const isHeard = () => epochs().every((epoch) => epoch === table().epoch);
    small.start('d2');
    await small.until('leaderships begin to move', () => holds(table(), 'd2').leads > 0 && isHeard());
    const { epoch } = table();
    for (const name of ['d1', 's2']) {
      small.cluster.network.cut(name, 'm');
      small.cluster.network.cut('m', name);
    }
    const servedTwice: number[] = [];
    const watch = () => {
      const others = served('d2');
      servedTwice.push(...[...served('d1')].filter((slotId) => others.has(slotId)));
      small.world.at(undefined, 5, watch);
    };
    watch();
    await small.until('more of them move', () => table().epoch > epoch, 3_000);
    await small.until('they are served', () => served('d2').size === holds(table(), 'd2').leads, 4_000);
    await small.until('all have heard of it', isHeard, 4_000);
    expect(servedTwice).toEqual([]);
    expect(shorter()).toEqual([]);
    const lists = SERVICES.map((service) => small.subscribe('s1', service));
    for (const service of SERVICES) publish(small.connect('s2'), service, 'late');
    await small.until('what is said on one side is seen on the other', () => lists.every((seen) => seen.at(-1)?.length === 21), 3_000);
  });
});

describe('a zone that is lost', () => {
  it.each([
    ['of three', 2, ['a1', 'a2', 'b1', 'b2', 'c1', 'c2'], ['a1', 'a2']],
    ['of two, the larger one', 2, ['a1', 'a2', 'a3', 'b1'], ['a1', 'a2', 'a3']],
    ['of two, with three copies', 3, ['a1', 'a2', 'b1', 'b2'], ['a1', 'a2']],
  ])("takes no slot's last copy with it: %s", async (_what, replicas, datas, lost) => {
    const { small, shorter, table } = await populated(datas, datas, replicas, (node) => node.slice(0, 1));
    const zonesOf = ({ leader, followers }: SlotTable['slots'][number]) => new Set([leader, ...followers].map((peer) => peer.slice(0, 1)));
    expect(table().slots.filter((slot) => zonesOf(slot).size === 1)).toEqual([]);
    for (const name of lost) small.cluster.crash(small.node(name));
    const left = datas.length - lost.length;
    const servedMs = await small.until('all slots are led by who is left', () => lost.every((name) => holds(table(), name).leads === 0));
    expect(servedMs).toBeLessThanOrEqual(5_000);
    await small.untilWhole(Math.min(replicas, left));
    expect(shorter()).toEqual([]);
    const held = datas.filter((name) => !lost.includes(name)).flatMap((name) => small.node(name).data?.slots() ?? []);
    const led = held.filter((slot) => slot.role === 'leader').reduce((sum, slot) => sum + slot.publishers, 0);
    expect(led).toBe(SERVICES.length * 20);
  });
});

describe('a lease that has run out', () => {
  it('does not come back when its leader is lost before each follower has heard of it', async () => {
    const { small, table } = await populated(['d1', 'd2', 'd3'], ['d1', 'd2', 'd3'], 3);
    const led = SERVICES.filter((service) => table().slots[slotOf(foldDataInfoId(service), SLOTS)]?.leader === 'd1/data');
    const lists = led.map((service) => small.subscribe('s2', service));
    for (const service of led) registerLease(small, 's1', service, 'short', 5_000);
    const show = (size: number) => lists.every((seen) => seen.at(-1)?.length === size);
    await small.until('the leases are seen', () => show(21));
    await small.pass(4_000);
    small.cluster.network.cut('d1', 'd2');
    await small.until('they run out', () => show(20), 5_000);
    small.cluster.crash(small.node('d1'));
    small.cluster.network.healAll();
    await small.until('both others lead', () => holds(table(), 'd1').leads === 0);
    const promoted = led.map((service) => table().slots[slotOf(foldDataInfoId(service), SLOTS)]?.leader);
    expect(new Set(promoted)).toEqual(new Set(['d2/data', 'd3/data']));
    await small.untilWhole(2);
    const sizes = lists.map((seen) => seen.map((list) => list.length).filter((size, at, all) => size !== all[at - 1]));
    expect(sizes).toEqual(led.map(() => [20, 21, 20]));
  });
});

describe('the configured number of copies', () => {
  it('is restored after the loss of a node, which nobody notices', async () => {
    const { small, shorter, table } = await populated(['d1', 'd2', 'd3'], ['d1', 'd2', 'd3'], 2);
    small.cluster.crash(small.node('d2'));
    const goneMs = await small.until('the loss is noticed', () => holds(table(), 'd2').leads === 0);
    expect(goneMs).toBeLessThanOrEqual(5_000);
    await small.untilWhole(2);
    expect(shorter()).toEqual([]);
  });

  it.each([2, 3])('is restored within 30 s after the loss of half of the nodes at once (replicas %i)', async (replicas) => {
    const datas = ['d1', 'd2', 'd3', 'd4', 'd5', 'd6'];
    const { small, shorter } = await populated(datas, datas, replicas);
    for (const name of ['d1', 'd3', 'd5']) small.cluster.crash(small.node(name));
    const restoredMs = await small.untilWhole(replicas);
    expect(restoredMs).toBeLessThanOrEqual(30_000);
    expect(shorter()).toEqual([]);
    // Nothing that was acknowledged is lost, also of slots whose every copy was on a node that is gone: the Sessions have it.
    const session = small.node('s2').session;
    for (const service of SERVICES) {
      const views: number[] = [];
      void session?.gateway.query(service, 'sim').then((view) => views.push(view.publishers.length));
      await small.until(`${service} is read`, () => views.length > 0);
      expect(views).toEqual([20]);
    }
  });

  it('may be more than there are nodes: that is told, and made good when they come', async () => {
    const { small, shorter } = await populated(['d1', 'd2', 'd3'], ['d1'], 3);
    const replication = () => small.node('m').meta?.replication();
    expect(replication()).toEqual({ replicas: 3, dataNodes: 1, possible: 1, incompleteSlots: 0, movingSlots: 0 });
    small.start('d2');
    await small.until('the second node is there', () => replication()?.dataNodes === 2);
    await small.untilWhole(2);
    await small.until('it is told', () => replication()?.incompleteSlots === 0);
    expect(replication()).toMatchObject({ replicas: 3, dataNodes: 2, possible: 2 });
    small.start('d3');
    await small.until('the third node is there', () => replication()?.dataNodes === 3);
    await small.untilWhole(3);
    expect(shorter()).toEqual([]);
  });

  it('can be changed with a restart of Meta, up and down', async () => {
    const { small, shorter } = await populated(['d1', 'd2', 'd3'], ['d1', 'd2', 'd3'], 1);
    for (const replicas of [3, 2, 1]) {
      small.cluster.crash(small.node('m'));
      small.options.replicas = replicas;
      small.start('m');
      await small.until('Meta is back', () => small.node('m').meta !== undefined);
      await small.untilWhole(replicas);
    }
    expect(shorter()).toEqual([]);
  });
});
