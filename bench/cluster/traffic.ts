import { Role } from '../../core/index.ts';
import type { Bench, BenchContext } from '../support/figures.ts';
import { pause } from '../support/process-meter.ts';
import { sum } from '../support/statistics.ts';
import { MeasuredCluster, type Usage } from './measured-cluster.ts';
import { ClientPopulation } from './population.ts';

const CLIENTS = 50;
const FEW_SERVICES = 100;
const MANY_SERVICES = 1_000;
const IDLE_MS = 15_000;
const CHANGED_SERVICES = 400;
/** Published once for each Data node. */
const WARM_UP_SERVICES = 100;

export const idle: Bench = {
  name: 'idle',
  about: 'what the nodes of a cluster write while nothing changes, with 5,000 publishers and with ten times as many services',
  run: async (context) => {
    const measured = await MeasuredCluster.start({ metas: 1, data: 3, sessions: 2 });
    const clients = await ClientPopulation.connect(measured.boltPorts, CLIENTS);
    try {
      const few = context.scaled(FEW_SERVICES);
      const many = context.scaled(MANY_SERVICES);
      await clients.publish('idle', 0, few);
      const withFew = await idleUsage(measured, 'idle-few', context);
      await clients.publish('idle', few, many);
      const withMany = await idleUsage(measured, 'idle-many', context);
      return [
        {
          name: `bytes written a second at rest, ${many} services`,
          value: withMany.writtenBytes,
          unit: 'B/s',
          beside: { name: `B/s with ${few}`, value: withFew.writtenBytes },
          goal: { kind: 'at most', of: 'ratio', bound: 1.2 },
        },
        {
          name: `processor time a second at rest, ${many} services`,
          value: withMany.cpuMs,
          unit: 'ms',
          beside: { name: `ms with ${few}`, value: withFew.cpuMs },
        },
      ];
    } finally {
      clients.close();
      await measured.stop();
    }
  },
};

export const scaleOut: Bench = {
  name: 'scale-out',
  about: 'processor time of a Data node for the same changes with two and with four Data nodes',
  run: async (context) => {
    const changes = context.scaled(CHANGED_SERVICES);
    const two = await perDataNode(2, changes, context);
    const four = await perDataNode(4, changes, context);
    return [
      {
        name: `processor time of one of four Data nodes for ${changes * CLIENTS} registrations and as many changes`,
        value: four,
        unit: 'ms',
        beside: { name: 'ms of one of two', value: two },
        goal: { kind: 'at most', of: 'ratio', bound: 0.6 },
      },
    ];
  },
};

async function perDataNode(dataNodes: number, services: number, { profileDir, say }: BenchContext): Promise<number> {
  const measured = await MeasuredCluster.start({ metas: 1, data: dataNodes, sessions: 2 });
  const clients = await ClientPopulation.connect(measured.boltPorts, CLIENTS);
  try {
    // What a process compiles once is not the load's. Each has done the same before, and both clusters hold the same.
    for (let version = 1; version <= dataNodes; version += 1) await clients.publish('warm-up', 0, WARM_UP_SERVICES, version);
    await measured.cluster.balanced();
    const startedMs = performance.now();
    const { cpuMs } = await measured.profiled(profileDir, `scale-out-${dataNodes}`, () =>
      usedDuring(measured, [Role.Data], async () => {
        await clients.publish('scale', 0, services);
        await clients.publish('scale', 0, services, 2);
        await pause(2_000);
      }),
    );
    say(`${dataNodes} Data nodes: ${cpuMs} ms of the processor in ${((performance.now() - startedMs) / 1_000).toFixed(1)} s`);
    return cpuMs / dataNodes;
  } finally {
    clients.close();
    await measured.stop();
  }
}

/** Of all nodes, per second, when what was published has come to rest: slots that are moved for balance are no idle traffic. */
async function idleUsage(measured: MeasuredCluster, name: string, { profileDir }: BenchContext): Promise<Usage> {
  await measured.cluster.balanced();
  await pause(3_000);
  const roles = [Role.Meta, Role.Data, Role.Session];
  const used = await measured.profiled(profileDir, name, () => usedDuring(measured, roles, () => pause(IDLE_MS)));
  const seconds = IDLE_MS / 1_000;
  return { cpuMs: used.cpuMs / seconds, writtenBytes: used.writtenBytes / seconds };
}

/** Of all nodes of some roles. */
async function usedDuring(measured: MeasuredCluster, roles: readonly Role[], work: () => Promise<void>): Promise<Usage> {
  const before = roles.map((role) => measured.usage(role));
  await work();
  const after = roles.map((role) => measured.usage(role));
  const used = (key: keyof Usage) => sum(after.map((usage) => usage[key])) - sum(before.map((usage) => usage[key]));
  return { cpuMs: used('cpuMs'), writtenBytes: used('writtenBytes') };
}
