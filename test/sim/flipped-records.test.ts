import { describe, expect, it } from 'vitest';
import { foldDataInfoId } from '../../core/index.ts';
import { slotOf } from '../../core/slot/slot-of.ts';
import { nameOf, publish, roles, SmallCluster } from './small-cluster.ts';

const SLOTS = 16;
const SERVICE = nameOf('orders');
const SLOT = slotOf(foldDataInfoId(SERVICE), SLOTS);

/** A cluster with data: five publishers of a name live by a connection to one Session, one by heartbeats to the other. */
async function filled(replicas: number) {
  const datas = ['d1', 'd2', 'd3'].slice(0, replicas);
  const small = new SmallCluster(roles(['m'], datas, ['s1', 's2']), SLOTS, replicas);
  small.start('m', ...datas, 's1', 's2');
  await small.until('Sessions accept clients', () => small.cluster.sessions().length === 2);
  const connection = small.connect('s1');
  for (let i = 0; i < 200; i += 1) publish(connection, nameOf(`service-${i % 20}`), `p${i}`);
  for (let i = 0; i < 5; i += 1) publish(connection, SERVICE, `p${i}`);
  const lease = { dataInfoId: SERVICE, registerId: 'lease', format: 'sim', zone: '', appName: '', clientAddress: '' };
  void small.node('s2').session?.gateway.leases.register({ ...lease, payload: new Uint8Array([1, 2, 3]) }, 3_600_000);
  await small.until('everything is written', () => small.cluster.sessions().every((node) => node.session?.stats().pendingWrites === 0));
  await small.untilWhole(replicas);
  return small;
}

function holder(small: SmallCluster, role: 'leader' | 'follower') {
  const slot = small.node('m').meta?.table().slots[SLOT];
  const peer = role === 'leader' ? slot?.leader : slot?.followers[0];
  const { data } = small.node(String(peer).replace('/data', ''));
  if (data === undefined) throw new Error(`no ${role}`);
  const record = (registerId: string) => {
    const found = data.datum(SERVICE)?.publishers.find((publisher) => publisher.registerId === registerId);
    if (found === undefined) throw new Error(`${registerId} is not there`);
    return found;
  };
  return { record };
}

/** Changes one record of the slot more often than the network delivers, so that the follower is always behind; the end tells how often. */
function writeAllTheTime(small: SmallCluster): () => number {
  for (const node of ['d1', 'd2']) small.cluster.network.slowDown(node, 10);
  const connection = small.connect('s1');
  let changes = 0;
  let isOver = false;
  const change = () => {
    if (isOver) return;
    changes += 1;
    publish(connection, SERVICE, 'busy', changes);
    small.world.at(undefined, 5, change);
  };
  change();
  return () => {
    isOver = true;
    return changes;
  };
}

describe('a bit that flips in one copy of a record', () => {
  it.each([
    ['follower', 2, 'p3'],
    ['follower', 3, 'lease'],
    ['leader', 2, 'p3'],
    ['leader', 2, 'lease'],
    ['leader', 1, 'p3'],
    ['leader', 1, 'lease'],
  ] as const)('at the %s of %i copies is found, named and put right within ten seconds (%s)', async (role, replicas, registerId) => {
    const small = await filled(replicas);
    const lists = small.subscribe('s2', SERVICE);
    await small.until('the first push', () => lists.length > 0);
    const copy = holder(small, role);
    const right = copy.record(registerId).payload.slice();
    // What a look at the record shows, as if the memory behind it had changed.
    const value = right.map((byte, index) => (index === 0 ? byte ^ 1 : byte));
    for (const name of ['payload', 'compactPayload']) Object.defineProperty(copy.record(registerId), name, { value });
    const named = () => small.told.filter((line) => line.includes('not what was stored') && line.includes(`registerId=${registerId}`));
    expect(await small.until('it is named', () => named().length > 0)).toBeLessThanOrEqual(10_000);
    expect(named()[0]).toContain(`dataInfoId=${SERVICE}`);
    expect(named()[0]).toContain(`role=${role}`);
    const isRight = () => copy.record(registerId).payload.every((byte, index) => byte === right[index]);
    expect(await small.until('it is put right', isRight)).toBeLessThanOrEqual(10_000);
    await small.untilWhole(replicas);
    await small.pass(20_000);
    expect(named()).toHaveLength(1);
    expect(lists.every((list) => list.length === 6)).toBe(true);
  });

  it.each(['follower', 'leader'] as const)(
    'at the %s of a slot that is written all the time is found and put right, and nothing else',
    async (role) => {
      const small = await filled(2);
      const stop = writeAllTheTime(small);
      // Long enough for several comparisons of the copies.
      await small.pass(30_000);
      const copy = holder(small, role);
      const right = copy.record('p3').payload.slice();
      const value = right.map((byte, index) => (index === 0 ? byte ^ 1 : byte));
      for (const name of ['payload', 'compactPayload']) Object.defineProperty(copy.record('p3'), name, { value });
      const isRight = () => copy.record('p3').payload.every((byte, index) => byte === right[index]);
      expect(await small.until('it is put right', isRight)).toBeLessThanOrEqual(10_000);
      expect(small.told.filter((line) => line.includes('not what was stored'))).toHaveLength(1);
      expect(small.told.filter((line) => line.includes('differs from its leader'))).toEqual([]);
      expect(stop()).toBeGreaterThan(1_000);
      await small.untilWhole(2);
    },
  );

  it('in its version is put right as well', async () => {
    const small = await filled(2);
    const copy = holder(small, 'follower');
    const { version: right, stamp } = copy.record('p1').registerVersion;
    Object.defineProperty(copy.record('p1'), 'registerVersion', { value: { version: right + 1_024, stamp } });
    await small.until('it is put right', () => copy.record('p1').registerVersion.version === right, 10_000);
    await small.untilWhole(2);
  });
});
