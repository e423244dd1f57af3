import { randomUUID } from 'node:crypto';
import type { Bench, BenchContext } from '../support/figures.ts';
import { cpuMs, idleCpuMsPerSecond, pause } from '../support/process-meter.ts';
import { providerUrl, publisherFrame, subscriberFrame } from './frames.ts';
import { connectMany, type LoadClient } from './load-client.ts';
import { type BoltTarget, besidePeer, besideValue } from './target.ts';

const CLIENTS = 200;
/** Services; each client publishes each of them, so there are 20,000 publishers. */
const SERVICES = 100;
const IDLE_MS = 4_000;
/** After the last answer, for what a server does behind its answers. */
const SETTLE_MS = 2_000;
const REPLAY_MOST_MS = 60_000;
/** A list that lacks a publisher is shorter by more than this. */
const LEAST_PUBLISHER_BYTES = 100;

interface Costs {
  readonly cpuMicros: number;
  readonly replayMs: number;
}

export const registrations: Bench = {
  name: 'registrations',
  about: `processor time per registration, and the time until ${CLIENTS * SERVICES} publishers of ${CLIENTS} clients are back and seen after all connections broke`,
  run: async (context) => {
    const { ours, peer } = await besidePeer(context, (target) => costsOf(target, context));
    const goal = { kind: 'at most', of: 'ratio', bound: 1 / 5 } as const;
    return [
      { name: 'CPU per registration', value: ours.cpuMicros, unit: 'us', ...besideValue(peer?.cpuMicros), goal },
      { name: 'replay after all connections broke', value: ours.replayMs, unit: 'ms', ...besideValue(peer?.replayMs), goal },
    ];
  },
};

/** What each client registers, ready to be sent. */
type Frames = readonly (readonly Uint8Array[])[];

async function costsOf({ port, pid, probe }: BoltTarget, context: BenchContext): Promise<Costs> {
  const clients = await connectMany(port, CLIENTS);
  const services = context.scaled(SERVICES);
  const warmUp = publications('warm-up', services);
  await sendAll(clients, warmUp.register);
  await sendAll(clients, warmUp.unregister);
  const { dataIds, register } = publications('measured', services);
  await pause(SETTLE_MS);
  const idle = await idleCpuMsPerSecond(pid, IDLE_MS);
  const before = { cpuMs: cpuMs(pid), atMs: performance.now() };
  await sendAll(clients, register);
  await pause(SETTLE_MS);
  const netMs = cpuMs(pid) - before.cpuMs - (idle * (performance.now() - before.atMs)) / 1_000;
  const cpuMicros = (netMs * 1_000) / (CLIENTS * services);

  let replayMs = 0;
  const replay = async () => {
    replayMs = await breakAndReplay(port, clients, dataIds, register);
  };
  if (probe !== undefined && context.profileDir !== undefined) await probe.profile(`${context.profileDir}/replay.cpuprofile`, replay);
  else await replay();
  return { cpuMicros, replayMs };
}

function publications(
  prefix: string,
  services: number,
): { readonly dataIds: readonly string[]; readonly register: Frames; readonly unregister: Frames } {
  const dataIds = Array.from({ length: services }, (_, index) => `com.example.bench.${prefix}${index}`);
  const perClient = Array.from({ length: CLIENTS }, (_, client) =>
    dataIds.map((dataId, index) => ({ dataId, registId: randomUUID(), version: 1, values: [providerUrl(index * CLIENTS + client)] })),
  );
  return {
    dataIds,
    register: perClient.map((own) => own.map((publication) => publisherFrame(publication))),
    unregister: perClient.map((own) => own.map((publication) => publisherFrame({ ...publication, version: 2 }, 'UNREGISTER'))),
  };
}

/** As the Java clients do: one registration after the other, each after the answer to the last; all clients at once. */
async function sendAll(clients: readonly LoadClient[], frames: Frames): Promise<void> {
  await Promise.all(
    clients.map(async (client, index) => {
      for (const frame of frames[index] ?? []) await client.request(frame);
    }),
  );
}

/**
 * Until every registration is acknowledged and every list is whole again at a reader of its own, which was cut off as well. A whole list is
 * known by the bytes of its push, so that the load generator need not decode it.
 */
async function breakAndReplay(port: number, clients: readonly LoadClient[], dataIds: readonly string[], register: Frames): Promise<number> {
  const before = dataIds.map(() => 0);
  const readers = await openReaders(port, dataIds, (index, bytes) => {
    before[index] = bytes;
  });
  await pause(IDLE_MS);
  const startedMs = performance.now();
  for (const client of [...clients, ...readers]) client.break();
  const whole = new Set<number>();
  let allWhole = (): void => undefined;
  const seen = new Promise<void>((resolve, reject) => {
    allWhole = resolve;
    setTimeout(() => reject(new Error(`${dataIds.length - whole.size} lists are not whole`)), REPLAY_MOST_MS).unref();
  });
  const again = await connectMany(port, clients.length);
  const newReaders = openReaders(port, dataIds, (index, bytes) => {
    if (bytes > (before[index] ?? 0) - LEAST_PUBLISHER_BYTES) whole.add(index);
    else whole.delete(index);
    if (whole.size === dataIds.length) allWhole();
  });
  await sendAll(again, register);
  await seen;
  const tookMs = performance.now() - startedMs;
  for (const client of [...again, ...(await newReaders)]) client.close();
  return tookMs;
}

/** One client per name, told how long each push was. */
async function openReaders(
  port: number,
  dataIds: readonly string[],
  pushed: (index: number, bytes: number) => void,
): Promise<readonly LoadClient[]> {
  const readers = await connectMany(port, dataIds.length, (index) => ({ onPush: (bytes) => pushed(index, bytes) }));
  await Promise.all(readers.map((reader, index) => reader.request(subscriberFrame(dataIds[index] ?? ''))));
  return readers;
}
