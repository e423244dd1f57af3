import { randomUUID } from 'node:crypto';
import type { Bench, BenchContext, Figure } from '../support/figures.ts';
import { type MeasuredGateway, startMeasuredGateway } from '../support/gateway.ts';
import { pause, residentBytes } from '../support/process-meter.ts';
import { heartbeatFrame, providerUrl, publisherFrame } from './frames.ts';
import { connectMany, type LoadClient } from './load-client.ts';

const CLIENTS = 200;
const PUBLISHERS_PER_CLIENT = 250;
const CONNECTIONS = 5_000;
/** What a server compiles and builds once is not the publishers' cost. */
const WARM_UP_SERVICES = 20;
/** Until messages between the roles have gone and their buffers with them. */
const SETTLE_MS = 4_000;
/** Registrations that one client has under way, so that the load generator waits little. */
const IN_FLIGHT = 50;

export const memory: Bench = {
  name: 'memory',
  about: 'live heap per publisher of about 190 bytes of data, and resident memory per idle connection',
  run: async (context) => [...(await perPublisher(context)), ...(await perConnection(context))],
};

async function perPublisher(context: BenchContext): Promise<readonly Figure[]> {
  const gateway = await startMeasuredGateway();
  try {
    const clients = await connectMany(gateway.sofaPort, CLIENTS);
    const each = context.scaled(PUBLISHERS_PER_CLIENT);
    await publishAll(clients, 'WarmUp', WARM_UP_SERVICES);
    const before = await settledHeapBytes(gateway);
    await publishAll(clients, 'Service', each);
    const bytes = ((await settledHeapBytes(gateway)) - before) / (CLIENTS * each);
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
async function publishAll(clients: readonly LoadClient[], name: string, each: number): Promise<void> {
  for (let start = 0; start < each; start += IN_FLIGHT) {
    const services = Array.from({ length: Math.min(IN_FLIGHT, each - start) }, (_, index) => start + index);
    await Promise.all(
      clients.flatMap((client, index) =>
        services.map((service) => {
          const values = [providerUrl(service * clients.length + index)];
          return client.request(
            publisherFrame({ dataId: `com.example.bench.${name}${service}`, registId: randomUUID(), version: 1, values }),
          );
        }),
      ),
    );
  }
}

async function perConnection(context: BenchContext): Promise<readonly Figure[]> {
  const gateway = await startMeasuredGateway();
  try {
    // The first connections fill what the process has in reserve.
    const count = context.scaled(CONNECTIONS);
    const warmUp = await connectAlive(gateway, count);
    const before = await settledResidentBytes(gateway);
    const clients = await connectAlive(gateway, count);
    const bytes = ((await settledResidentBytes(gateway)) - before) / count;
    for (const client of [...warmUp, ...clients]) client.close();
    return [
      { name: 'resident memory per idle connection', value: bytes, unit: 'bytes', goal: { kind: 'at most', of: 'value', bound: 8_192 } },
    ];
  } finally {
    await gateway.stop();
  }
}

/** Each has sent a heartbeat, as every client does four times a minute. */
async function connectAlive(gateway: MeasuredGateway, count: number): Promise<readonly LoadClient[]> {
  const clients = await connectMany(gateway.sofaPort, count);
  await Promise.all(clients.map((client, index) => client.request(heartbeatFrame(index + 1))));
  return clients;
}

/** After a collection. What it frees may stay with the process, so this is an upper bound. */
async function settledResidentBytes(gateway: MeasuredGateway): Promise<number> {
  await settledHeapBytes(gateway);
  return residentBytes(gateway.process.pid);
}

async function settledHeapBytes(gateway: MeasuredGateway): Promise<number> {
  await pause(SETTLE_MS);
  return gateway.process.probe.liveBytes();
}

async function snapshot(gateway: MeasuredGateway, context: BenchContext): Promise<void> {
  if (context.profileDir !== undefined) await gateway.process.probe.heapSnapshot(`${context.profileDir}/publishers.heapsnapshot`);
}
