import { Role } from '../../core/index.ts';
import type { ClusterNode } from '../../test/support/cluster/cluster-node.ts';
import { eventually } from '../../test/support/eventually.ts';
import { providerUrl } from '../bolt/frames.ts';
import type { Bench, BenchContext, Figure } from '../support/figures.ts';
import { MeasuredCluster } from './measured-cluster.ts';
import { ClientPopulation } from './population.ts';

const CLIENTS = 200;
/** Services, each published by every client: 1,000,000 publishers. */
const SERVICES = 5_000;
const WARM_UP_SERVICES = 5;
/** The first tenth: what it takes to serve again is measured with it, and again with all. */
const FIRST_SHARE = 0.1;
/** Services that are published before the next line says how far it is. */
const PART_SERVICES = 500;
const SUBSCRIBED_SERVICES = 250;
const COPIES = 2;
/** What a copy may take beside its data, and the size of the data that this counts on. */
const COPY_BYTES = 450;
const COUNTED_DATA_BYTES = 190;

export const size: Bench = {
  name: 'size',
  about: 'a million publishers over 3 Data nodes and 2 Sessions: memory, processor time, and how long a lost Data node is felt',
  run: async (context) => {
    const measured = await MeasuredCluster.start({ metas: 1, data: 3, sessions: 2, replicas: COPIES });
    let clients: ClientPopulation | undefined;
    try {
      clients = await ClientPopulation.connect(measured.boltPorts, CLIENTS);
      return await figuresOf(measured, clients, context);
    } finally {
      clients?.close();
      await measured.stop();
    }
  },
};

async function figuresOf(measured: MeasuredCluster, clients: ClientPopulation, context: BenchContext): Promise<readonly Figure[]> {
  const { profileDir } = context;
  const services = context.scaled(SERVICES);
  const first = Math.max(1, Math.round(services * FIRST_SHARE));
  await clients.publish('warm-up', 0, WARM_UP_SERVICES);
  const emptyBytes = await measured.liveBytes(Role.Data);

  await clients.publish('size', 0, first);
  await measured.holds((WARM_UP_SERVICES + first) * CLIENTS);
  context.say(`${first * CLIENTS} publishers; a Data node is killed`);
  const firstAgainMs = await loseDataNode(measured, 'lost-with-a-tenth', profileDir);

  const before = usedMs(measured);
  await publishInParts(measured, clients, first, services, context);
  await measured.holds((WARM_UP_SERVICES + services) * CLIENTS);
  const registered = (services - first) * CLIENTS;
  const loadingMs = usedMs(measured) - before;
  const perCopy = ((await measured.liveBytes(Role.Data)) - emptyBytes) / (services * CLIENTS * COPIES);
  context.say('a Data node is killed');
  const allAgainMs = await loseDataNode(measured, 'lost-with-all', profileDir);

  const subscribed = Math.min(SUBSCRIBED_SERVICES, services);
  const sessionBytes = await measured.liveBytes(Role.Session);
  // Names that nobody publishes: what is measured is the interest, not the lists.
  await clients.subscribe('unpublished', 0, subscribed);
  const perSubscription = ((await measured.liveBytes(Role.Session)) - sessionBytes) / (subscribed * CLIENTS);
  // Last, because the node stands still for so long that it is taken for dead.
  await measured.heapSnapshot(profileDir, 'all', Role.Data);

  const dataBytes = providerUrl(0).length;
  return [
    {
      name: `live bytes per copy of a publisher with ${dataBytes} bytes of data`,
      value: perCopy,
      unit: 'bytes',
      goal: { kind: 'at most', of: 'value', bound: COPY_BYTES + Math.max(0, dataBytes - COUNTED_DATA_BYTES) },
    },
    { name: 'live bytes per subscription', value: perSubscription, unit: 'bytes' },
    { name: 'registrations per processor second, Sessions and Data with two copies', value: (registered * 1_000) / loadingMs, unit: '/s' },
    {
      name: 'all slots serve again after a Data node died, all publishers',
      value: allAgainMs,
      unit: 'ms',
      beside: { name: `ms with a tenth of them`, value: firstAgainMs },
      goal: { kind: 'at most', of: 'ratio', bound: 1.5 },
    },
  ];
}

/** Processor time of Sessions and Data nodes so far. */
function usedMs(measured: MeasuredCluster): number {
  return measured.usage(Role.Data).cpuMs + measured.usage(Role.Session).cpuMs;
}

/**
 * Publishes services `from` to `until` and says after each part how long it took: a cluster that falls behind shows it here. Profiles are
 * of the last part, because writing that of a minute stops a process for so long that it is taken for dead.
 */
async function publishInParts(
  measured: MeasuredCluster,
  clients: ClientPopulation,
  from: number,
  until: number,
  { profileDir, say }: BenchContext,
): Promise<void> {
  for (let start = from; start < until; start += PART_SERVICES) {
    const end = Math.min(until, start + PART_SERVICES);
    const startedMs = performance.now();
    await measured.profiled(end === until ? profileDir : undefined, 'loading', () => clients.publish('size', start, end));
    say(`${end * CLIENTS} publishers, the last ${(end - start) * CLIENTS} in ${((performance.now() - startedMs) / 1_000).toFixed(1)} s`);
  }
}

/** Kills the Data node that leads most; resolves with the time until the others serve all slots, when it is back and everything is balanced. */
async function loseDataNode(measured: MeasuredCluster, name: string, profileDir: string | undefined): Promise<number> {
  const { cluster } = measured;
  const victim = await cluster.busiest();
  const againMs = await measured.profiled(profileDir, name, async () => {
    const startedMs = performance.now();
    await victim.kill();
    await allServed(cluster.withRole(Role.Data).filter((node) => node !== victim));
    return performance.now() - startedMs;
  });
  await victim.start();
  await cluster.balanced(180_000);
  return againMs;
}

/** Until these nodes together serve every slot. */
async function allServed(nodes: readonly ClusterNode[]): Promise<void> {
  await eventually(async () => {
    const pages = await Promise.all(nodes.map((node) => node.slots()));
    const serving = pages.flatMap((page) => page.here).filter((slot) => slot.role === 'leader' && slot.phase === 'serving').length;
    if (serving < (pages[0]?.slots.length ?? Number.NaN)) throw new Error(`${serving} slots serve`);
  }, 60_000);
}
