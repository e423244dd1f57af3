import { Role } from '../../core/index.ts';
import type { Bench } from '../support/figures.ts';
import { pause } from '../support/process-meter.ts';
import { MeasuredCluster, type Usage } from './measured-cluster.ts';
import { ClientPopulation } from './population.ts';

const CLIENTS = 50;
const FEW_SERVICES = 100;
const MANY_SERVICES = 1_000;
const IDLE_MS = 15_000;
const CHANGED_SERVICES = 400;

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
      const withFew = await idleUsage(measured);
      await clients.publish('idle', few, many);
      const withMany = await idleUsage(measured);
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
    const two = await perDataNode(2, changes);
    const four = await perDataNode(4, changes);
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

async function perDataNode(dataNodes: number, services: number): Promise<number> {
  const measured = await MeasuredCluster.start({ metas: 1, data: dataNodes, sessions: 2 });
  const clients = await ClientPopulation.connect(measured.boltPorts, CLIENTS);
  try {
    // What a process compiles once is not the load's.
    await clients.publish('warm-up', 0, 40);
    const { cpuMs } = await usedDuring(measured, async () => {
      await clients.publish('scale', 0, services);
      await clients.publish('scale', 0, services, 2);
      await pause(2_000);
    });
    return cpuMs / dataNodes;
  } finally {
    clients.close();
    await measured.stop();
  }
}

/** Of all nodes, per second. */
async function idleUsage(measured: MeasuredCluster): Promise<Usage> {
  await pause(3_000);
  const roles = [Role.Meta, Role.Data, Role.Session];
  const before = roles.map((role) => measured.usage(role));
  const startedMs = performance.now();
  await pause(IDLE_MS);
  const seconds = (performance.now() - startedMs) / 1_000;
  const after = roles.map((role) => measured.usage(role));
  const total = (key: keyof Usage) => after.reduce((sum, usage, index) => sum + usage[key] - (before[index]?.[key] ?? 0), 0) / seconds;
  return { cpuMs: total('cpuMs'), writtenBytes: total('writtenBytes') };
}

/** Of the Data nodes. */
async function usedDuring(measured: MeasuredCluster, work: () => Promise<void>): Promise<Usage> {
  const before = measured.usage(Role.Data);
  await work();
  const after = measured.usage(Role.Data);
  return { cpuMs: after.cpuMs - before.cpuMs, writtenBytes: after.writtenBytes - before.writtenBytes };
}
