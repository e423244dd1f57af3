import { Role } from '../../core/index.ts';
import type { Bench } from '../support/figures.ts';
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
    let clients = await ClientPopulation.connect(measured.boltPorts, connections);
    try {
      await clients.publish('restart', 0, SERVICES_PER_CONNECTION);
      clients.close();
      await Promise.all(cluster.nodes.map((node) => node.kill()));
      const startedMs = performance.now();
      for (const node of cluster.nodes) node.launch();
      await Promise.all(cluster.nodes.map((node) => node.ready(60_000)));
      const upMs = performance.now() - startedMs;
      clients = await ClientPopulation.connect(measured.boltPorts, connections);
      await clients.publish('restart', 0, SERVICES_PER_CONNECTION);
      await cluster.settled(120_000);
      await everythingHeld(measured, connections * SERVICES_PER_CONNECTION);
      const backMs = performance.now() - startedMs;
      return [
        { name: 'all processes accept clients after their start', value: upMs, unit: 'ms' },
        {
          name: `${connections * SERVICES_PER_CONNECTION} publishers of ${connections} connections are back after it`,
          value: backMs,
          unit: 'ms',
          goal: { kind: 'at most', of: 'value', bound: GOAL_MS },
        },
      ];
    } finally {
      clients.close();
      await measured.stop();
    }
  },
};

/** Until the leaders hold as many publishers as were registered. */
async function everythingHeld({ cluster }: MeasuredCluster, publishers: number): Promise<void> {
  for (;;) {
    const pages = await Promise.all(cluster.withRole(Role.Data).map((node) => node.slots()));
    const held = pages.flatMap((page) => page.here).reduce((sum, slot) => sum + (slot.role === 'leader' ? slot.publishers : 0), 0);
    if (held >= publishers) return;
  }
}
