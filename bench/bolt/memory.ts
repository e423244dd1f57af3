import { randomUUID } from 'node:crypto';
import type { Bench, BenchContext, Figure } from '../support/figures.ts';
import { type MeasuredGateway, startMeasuredGateway } from '../support/gateway.ts';
import { residentBytes } from '../support/process-meter.ts';
import { providerUrl, publisherFrame } from './frames.ts';
import { connectMany, type LoadClient } from './load-client.ts';

const CLIENTS = 200;
const PUBLISHERS_PER_CLIENT = 250;
const CONNECTIONS = 5_000;
/** Registrations that one client has under way, so that the load generator waits little. */
const IN_FLIGHT = 50;

export const memory: Bench = {
  name: 'memory',
  about: 'live heap per publisher of about 220 bytes of data, and resident memory per idle connection',
  run: async (context) => [...(await perPublisher(context)), ...(await perConnection(context))],
};

async function perPublisher(context: BenchContext): Promise<readonly Figure[]> {
  const gateway = await startMeasuredGateway();
  try {
    const clients = await connectMany(gateway.sofaPort, CLIENTS);
    const each = context.scaled(PUBLISHERS_PER_CLIENT);
    const before = await gateway.process.liveBytes();
    await publishAll(clients, each);
    const bytes = ((await gateway.process.liveBytes()) - before) / (CLIENTS * each);
    await snapshot(gateway, context);
    for (const client of clients) client.close();
    return [
      { name: 'live heap per publisher', value: bytes, unit: 'bytes', goal: { kind: 'at most', of: 'value', bound: 600 } },
      { name: 'of which its own data', value: providerUrl(0).length, unit: 'bytes' },
    ];
  } finally {
    await gateway.stop();
  }
}

/** One service has one publisher of each client, as when the instances of one application publish its interfaces. */
async function publishAll(clients: readonly LoadClient[], each: number): Promise<void> {
  for (let start = 0; start < each; start += IN_FLIGHT) {
    const services = Array.from({ length: Math.min(IN_FLIGHT, each - start) }, (_, index) => start + index);
    await Promise.all(
      clients.flatMap((client, index) =>
        services.map((service) => {
          const values = [providerUrl(service * clients.length + index)];
          return client.request(
            publisherFrame({ dataId: `com.example.bench.Service${service}`, registId: randomUUID(), version: 1, values }),
          );
        }),
      ),
    );
  }
}

async function perConnection(context: BenchContext): Promise<readonly Figure[]> {
  const gateway = await startMeasuredGateway();
  try {
    const warmUp = await connectMany(gateway.sofaPort, 200);
    const before = await settledBytes(gateway);
    const count = context.scaled(CONNECTIONS);
    const clients = await connectMany(gateway.sofaPort, count);
    const bytes = ((await settledBytes(gateway)) - before) / count;
    for (const client of [...warmUp, ...clients]) client.close();
    return [
      { name: 'resident memory per idle connection', value: bytes, unit: 'bytes', goal: { kind: 'at most', of: 'value', bound: 8_192 } },
    ];
  } finally {
    await gateway.stop();
  }
}

/** Resident memory after a collection: what a collection frees may stay with the process, so it is an upper bound. */
async function settledBytes(gateway: MeasuredGateway): Promise<number> {
  await gateway.process.memory();
  return residentBytes(gateway.process.pid);
}

async function snapshot(gateway: MeasuredGateway, context: BenchContext): Promise<void> {
  if (context.profileDir !== undefined) await gateway.process.heapSnapshot(`${context.profileDir}/publishers.heapsnapshot`);
}
