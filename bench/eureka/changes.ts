import { gunzipSync } from 'node:zlib';
import type { BenchContext } from '../support/figures.ts';
import { measure, pause } from '../support/process-meter.ts';
import { estateInstance } from './estate.ts';
import type { LoadClient, LoadRequest } from './load.ts';
import type { LoadedServer } from './servers.ts';

export const CHANGES_PER_SECOND = 10;
export const JSON_GZIP = { accept: 'application/json', 'accept-encoding': 'gzip' };
const CHANGING_MS = 10_000;
/** What changes of three minutes leave in a delta; every server keeps a change for as long. */
const DELTA_ENTRIES = 180 * CHANGES_PER_SECOND;
/** At most so many reads wait for their answers. */
const READS_AT_ONCE = 8;
/** A poll every so often while changes come in; several clients share each state of the registry, as in an estate of thousands. */
const POLL_EVERY_MS = 20;

/** The registration of instance `index`. */
export function register(index: number): LoadRequest {
  const { app, body } = estateInstance(index);
  return { method: 'POST', path: `/eureka/apps/${app}`, body: body(1_000) };
}

/** Fills the delta with what ten changes a second leave in it. */
export async function fillDelta(client: LoadClient, count: number, scaled: BenchContext['scaled']): Promise<void> {
  await client.sendMany(scaled(DELTA_ENTRIES), 4, 204, (index) => {
    const { app, body } = estateInstance((index * 37) % count);
    return { method: 'POST', path: `/eureka/apps/${app}`, body: body(1_500, index % 2 === 0 ? 'DOWN' : 'UP') };
  });
}

/** Processor time per read while instances change, the changes' own time included. */
export async function whileChanging(server: LoadedServer, client: LoadClient, path: string, count: number): Promise<number> {
  let reads = 0;
  let changes = 0;
  const startedMs = performance.now();
  const isOver = () => performance.now() - startedMs > CHANGING_MS;
  const change = async () => {
    while (!isOver()) {
      const { app, body } = estateInstance((changes * 37) % count);
      await client.send({ method: 'POST', path: `/eureka/apps/${app}`, body: body(2_000 + changes, changes % 2 === 0 ? 'DOWN' : 'UP') });
      changes += 1;
      await pause(Math.max(0, startedMs + (changes * 1_000) / CHANGES_PER_SECOND - performance.now()));
    }
  };
  const read = async () => {
    const pending: Promise<unknown>[] = [];
    while (!isOver()) {
      // A server that cannot keep up is asked less, not buried.
      if (pending.length - reads < READS_AT_ONCE) {
        const one = client.send({ method: 'GET', path, headers: JSON_GZIP }).then(() => {
          reads += 1;
        });
        pending.push(one);
      }
      await pause(POLL_EVERY_MS);
    }
    await Promise.all(pending);
  };
  const { cpuMs } = await measure(server.pid, async () => void (await Promise.all([change(), read()])));
  return (cpuMs * 1_000) / reads;
}

/** The same by a server that has done it for a while: the first seconds after minutes at rest cost more (a gateway's full fetches a third). */
export async function warmWhileChanging(server: LoadedServer, client: LoadClient, path: string, count: number): Promise<number> {
  await whileChanging(server, client, path, count);
  return whileChanging(server, client, path, count);
}

/** From the answer to a registration until a poll of the delta shows it, in milliseconds. */
export async function deltaLatencies(client: LoadClient, samples: number, count: number): Promise<readonly number[]> {
  const latencies: number[] = [];
  for (let sample = 0; sample < samples; sample += 1) {
    const { app, body } = estateInstance((sample * 53) % count);
    const dirty = 5_000_000 + sample;
    const startedMs = performance.now();
    await client.send({ method: 'POST', path: `/eureka/apps/${app}`, body: body(dirty) });
    for (;;) {
      const { body: delta } = await client.send({ method: 'GET', path: '/eureka/apps/delta', headers: JSON_GZIP }, true);
      if (gunzipSync(delta).includes(`"lastDirtyTimestamp":"${dirty}"`)) break;
    }
    latencies.push(performance.now() - startedMs);
  }
  return latencies;
}
