import { join } from 'node:path';
import type { Bench, Figure } from '../support/figures.ts';
import { measure, pause } from '../support/process-meter.ts';
import { percentile } from '../support/statistics.ts';
import { CHANGES_PER_SECOND, deltaLatencies, fillDelta, JSON_GZIP, register, warmWhileChanging, whileChanging } from './changes.ts';
import { LoadClient } from './load.ts';
import { startGateway } from './servers.ts';

const INSTANCES = 10_000;
const CONNECTIONS = 16;
const UNCHANGED_READS = 500;
const LATENCY_SAMPLES = 200;
/** A third of the usual: what is registered at the beginning leaves the delta sooner, before the changes of three minutes come into it. */
const RETENTION_MS = 60_000;

/** The gateway alone: the part of `comparison` in which instances change. */
export const changing: Bench = {
  name: 'changing',
  about: `${INSTANCES} instances, ${CHANGES_PER_SECOND} changes a second: the gateway's processor time per full fetch and per delta`,
  run: async ({ scaled, profileDir }) => {
    const server = await startGateway(['--eureka.delta-retention-ms', String(RETENTION_MS)]);
    const client = new LoadClient(server.port, CONNECTIONS);
    const count = scaled(INSTANCES);
    const perRead = async (name: string, path: string): Promise<Figure> => {
      const reads = scaled(UNCHANGED_READS);
      const { cpuMs } = await measure(server.pid, () =>
        client.sendMany(reads, CONNECTIONS, 200, () => ({ method: 'GET', path, headers: JSON_GZIP })),
      );
      const value = await warmWhileChanging(server, client, path, count);
      if (profileDir !== undefined)
        await server.process.profile(join(profileDir, `changing-${name}.cpuprofile`), async () => {
          await whileChanging(server, client, path, count);
        });
      return { name: `${name}, processor time`, value, unit: 'µs', beside: { name: 'µs unchanged', value: (cpuMs * 1_000) / reads } };
    };
    try {
      await client.sendMany(count, CONNECTIONS, 204, register);
      await pause(RETENTION_MS);
      await fillDelta(client, count, scaled);
      const [full, delta] = [await perRead('full fetch', '/eureka/apps/'), await perRead('delta', '/eureka/apps/delta')];
      const latencyMs = percentile(await deltaLatencies(client, scaled(LATENCY_SAMPLES), count), 0.99);
      const goal = { kind: 'at most', of: 'value', bound: 100 } as const;
      return [full, delta, { name: 'change seen in the delta, p99', value: latencyMs, unit: 'ms', goal }];
    } finally {
      client.close();
      await server.stop();
    }
  },
};
