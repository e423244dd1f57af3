import { Role } from '../../core/index.ts';
import type { Bench } from '../support/figures.ts';
import { sum } from '../support/statistics.ts';
import { MeasuredCluster } from './measured-cluster.ts';
import { ClientPopulation } from './population.ts';

const CONNECTIONS = 10_000;
const SERVICES_PER_CONNECTION = 15;
const GOAL_MS = 20_000;

export const restart: Bench = {
  name: 'restart',
  about: 'all processes of a cluster are killed and started again; 10,000 connections come back with 150,000 publishers',
  run: async (context) => {
    const measured = await MeasuredCluster.start({ metas: 1, data: 3, sessions: 2 });
    const { cluster } = measured;
    const connections = context.scaled(CONNECTIONS);
    const publishers = connections * SERVICES_PER_CONNECTION;
    let clients = await ClientPopulation.connect(measured.boltPorts, connections);
    try {
      await clients.publish('restart', 0, SERVICES_PER_CONNECTION);
      clients.close();
      await Promise.all(cluster.nodes.map((node) => node.kill()));
      const startedMs = performance.now();
      const passedMs = () => performance.now() - startedMs;
      for (const node of cluster.nodes) node.launch();
      await Promise.all(cluster.nodes.map((node) => node.ready(60_000)));
      const upMs = passedMs();
      await measured.profiled(context.profileDir, 'restart', async () => {
        clients = await ClientPopulation.connect(measured.boltPorts, connections);
        context.say(`connected after ${seconds(passedMs())} s`);
        await clients.publish('restart', 0, SERVICES_PER_CONNECTION);
        context.say(`answered after ${seconds(passedMs())} s`);
        await measured.holds(publishers);
      });
      const backMs = passedMs();
      const usedMs = sum([Role.Meta, Role.Data, Role.Session].map((role) => measured.usage(role).cpuMs));
      return [
        { name: 'all processes accept clients after their start', value: upMs, unit: 'ms' },
        {
          name: `${publishers} publishers of ${connections} connections are back after it`,
          value: backMs,
          unit: 'ms',
          goal: { kind: 'at most', of: 'value', bound: GOAL_MS },
        },
        { name: 'processor time of all six processes for it', value: usedMs, unit: 'ms' },
      ];
    } finally {
      clients.close();
      await measured.stop();
    }
  },
};

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(1);
}
