import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../core/index.ts';
import { nameOf, publish, roles, SmallCluster } from './small-cluster.ts';

const SERVICE = nameOf('orders');

/** Two Data nodes that hold the same, with `count` publishers in many names. */
async function filled(count: number) {
  const small = new SmallCluster(roles(['m'], ['d1', 'd2'], ['s1']), 16, 2);
  small.start('m', 'd1', 'd2', 's1');
  await small.until('the Session accepts clients', () => small.cluster.sessions().length === 1);
  const connection = small.connect('s1');
  for (let i = 0; i < count; i += 1) publish(connection, nameOf(`service-${i % 500}`), `p${i}`);
  const session = small.node('s1').session;
  const isWritten = () => session?.stats().pendingWrites === 0;
  await small.until('everything is written', isWritten);
  await small.untilWhole(2);
  return { small, connection, isWritten };
}

describe('what a change costs between leader and follower', () => {
  /** Bytes between the Data nodes for 100 changes within ten seconds, beyond what they exchange in ten quiet ones. */
  async function bytesPerChange(count: number): Promise<number> {
    const { small, connection } = await filled(count);
    const { network } = small.cluster;
    const total = () => network.bytesBetween('d1', 'd2') + network.bytesBetween('d2', 'd1');
    await small.pass(60_000);
    const quietStart = total();
    await small.pass(12_000);
    const quiet = total() - quietStart;
    const start = total();
    for (let change = 0; change < 100; change += 1) {
      publish(connection, nameOf(`service-${change % 500}`), `p${change}`, 2);
      await small.pass(120);
    }
    await small.untilWhole(2);
    return (total() - start - quiet) / 100;
  }

  it('is the change’s own, and does not grow with the data', async () => {
    const few = await bytesPerChange(500);
    const many = await bytesPerChange(20_000);
    // One record of 200 bytes with its names, and the answer.
    expect(few).toBeGreaterThan(200);
    expect(few).toBeLessThan(600);
    expect(many / few).toBeLessThan(1.1);
  });

  it('is the same at rest, however much there is', async () => {
    const idle = async (count: number) => {
      const { small } = await filled(count);
      const { network } = small.cluster;
      await small.pass(30_000);
      const start = network.bytesBetween('d1', 'd2') + network.bytesBetween('s1', 'd1');
      await small.pass(30_000);
      return network.bytesBetween('d1', 'd2') + network.bytesBetween('s1', 'd1') - start;
    };
    expect((await idle(20_000)) / (await idle(500))).toBeLessThan(1.1);
  });
});

describe('a follower that misses more than its leader’s log remembers', () => {
  it('is repaired by comparing digests', async () => {
    const { small, connection, isWritten } = await filled(500);
    const { network } = small.cluster;
    const slots = () => ['d1', 'd2'].flatMap((name) => small.node(name).data?.slots() ?? []);
    const lag = () => Math.max(...slots().map((slot) => slot.lag));
    network.cut('d1', 'd2');
    network.cut('d2', 'd1');
    const missed = 2 * LIMITS.slotLogEntries + 100;
    for (let i = 0; i < missed; i += 1) publish(connection, SERVICE, `q${i}`, 1, 20);
    await small.until('the leader has it', isWritten);
    expect(lag()).toBeGreaterThanOrEqual(missed);
    network.healAll();
    await small.untilWhole(2);
    await small.until('nothing is under way', () => lag() === 0);
    const copies = slots().filter((slot) => slot.publishers >= missed);
    expect(copies).toHaveLength(2);
    expect(new Set(copies.map((slot) => slot.digest)).size).toBe(1);
  });
});
