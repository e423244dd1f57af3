import { fileURLToPath } from 'node:url';
import { BoltClass } from '../../adapters/sofa-bolt/codec/class-names.ts';
import { BoltCodec, BoltCommand, BoltType, encodeRequest } from '../../adapters/sofa-bolt/codec/frame.ts';
import { encodeReceivedData } from '../../adapters/sofa-bolt/codec/received-data.ts';
import type { Bench, BenchContext, Figure } from '../support/figures.ts';
import { type MeasuredGateway, startMeasuredGateway } from '../support/gateway.ts';
import { MeasuredProcess } from '../support/measured-process.ts';
import { cpuMs, pause } from '../support/process-meter.ts';
import { median, sum } from '../support/statistics.ts';
import { Audience } from './audience.ts';
import { providerUrl, subscriberFrame } from './frames.ts';
import { PublishedService } from './service.ts';

const SUBSCRIBERS = 2_000;
/** The engine compiles the gateway's push path until about the twentieth round, during which a push costs a quarter more than later. */
const WARM_UP_ROUNDS = 25;
const ROUNDS = 8;
/** Longer than the quiet time after which a change is pushed at once. */
const BETWEEN_ROUNDS_MS = 1_100;
const ANSWERS_MS = 200;
const RAW_SERVER = fileURLToPath(new URL('raw-server.ts', import.meta.url));

interface FanOut {
  /** From the change to the last answered push, per round. */
  readonly wallMs: number;
  /** Of the server, per push and its answer. */
  readonly cpuMicros: number;
  readonly bytesPerPush: number;
}

export const fanOut: Bench = {
  name: 'fan-out',
  about: `a service of 100 and of 1,000 publishers to ${SUBSCRIBERS} subscribers, beside raw socket.write of as many bytes`,
  run: async (context) => [...(await compare(context, context.scaled(100))), ...(await compare(context, context.scaled(1_000)))],
};

async function compare(context: BenchContext, publishers: number): Promise<readonly Figure[]> {
  const subscribers = context.scaled(SUBSCRIBERS);
  const gateway = await startMeasuredGateway();
  let ours: FanOut;
  try {
    ours = await oursOnce(gateway, publishers, context);
  } finally {
    await gateway.stop();
  }
  const raw = await rawOnce(publishers, subscribers);
  context.say(`${publishers} publishers: ${Math.round(ours.bytesPerPush)} bytes a push, raw ${Math.round(raw.bytesPerPush)}`);
  const rate = (side: FanOut) => subscribers / (side.wallMs / 1_000);
  const perCpu = (side: FanOut) => 1_000_000 / side.cpuMicros;
  const goal = { kind: 'at least', of: 'ratio', bound: 0.7 } as const;
  const name = `fan-out of ${publishers} publishers`;
  return [
    { name: `${name}: delivered`, value: rate(ours), unit: 'pushes/s', beside: { name: 'raw', value: rate(raw) }, goal },
    { name: `${name}: per server CPU second`, value: perCpu(ours), unit: 'pushes', beside: { name: 'raw', value: perCpu(raw) }, goal },
  ];
}

async function oursOnce(gateway: MeasuredGateway, publishers: number, context: BenchContext): Promise<FanOut> {
  const subscribers = context.scaled(SUBSCRIBERS);
  const service = await PublishedService.publish(gateway.sofaPort, publishers);
  const audience = await Audience.open(gateway.sofaPort, subscribers, () => subscriberFrame(service.dataId));
  const round = async () => {
    const change = service.prepareChange();
    const all = audience.next();
    const before = performance.now();
    await change();
    await all;
    return performance.now() - before;
  };
  try {
    await rounds(WARM_UP_ROUNDS, round);
    if (context.profileDir !== undefined) {
      const file = `${context.profileDir}/fan-out-${publishers}.cpuprofile`;
      await gateway.process.profile(file, () => rounds(4, round));
    }
    return await measured(gateway.process.pid, audience, round);
  } finally {
    audience.close();
    service.close();
  }
}

async function rawOnce(publishers: number, subscribers: number): Promise<FanOut> {
  let listening = (_port: number): void => undefined;
  const port = new Promise<number>((resolve) => {
    listening = resolve;
  });
  const server = new MeasuredProcess([RAW_SERVER], ['--import', 'tsx'], (message) =>
    listening((message as { readonly port: number }).port),
  );
  try {
    const audience = await Audience.open(await port, subscribers, undefined);
    server.tell({ frame: Buffer.from(rawFrame(publishers)).toString('base64') });
    const round = async () => {
      const all = audience.next();
      const before = performance.now();
      server.tell({ fanOutTo: subscribers });
      await all;
      return performance.now() - before;
    };
    await rounds(WARM_UP_ROUNDS, round);
    const result = await measured(server.pid, audience, round);
    audience.close();
    return result;
  } finally {
    await server.stop();
  }
}

/** The processor time of a round includes that of reading the answers, which are there soon after. */
async function measured(pid: number, audience: Audience, round: () => Promise<number>): Promise<FanOut> {
  const walls: number[] = [];
  const cpus: number[] = [];
  for (let index = 0; index < ROUNDS; index += 1) {
    const before = cpuMs(pid);
    walls.push(await round());
    await pause(ANSWERS_MS);
    cpus.push(((cpuMs(pid) - before) * 1_000) / audience.size);
    await pause(BETWEEN_ROUNDS_MS - ANSWERS_MS);
  }
  return { wallMs: median(walls), cpuMicros: sum(cpus) / cpus.length, bytesPerPush: audience.bytesPerPush };
}

async function rounds(count: number, round: () => Promise<number>): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    await round();
    await pause(BETWEEN_ROUNDS_MS);
  }
}

/** A push as the gateway would write it, for as many publishers. */
function rawFrame(publishers: number): Uint8Array {
  const boxes = Array.from({ length: publishers }, (_, index) => ({ data: providerUrl(index) }));
  const names = {
    dataId: 'com.example.bench.00000000-0000-0000-0000-000000000000',
    group: 'DEFAULT_GROUP',
    instanceId: 'DEFAULT_INSTANCE_ID',
  };
  const content = encodeReceivedData({
    ...names,
    segment: 'DefaultDataCenter',
    scope: 'zone',
    version: 8_166_378_249_814_016n,
    localZone: 'DEFAULT_ZONE',
    subscriberRegistIds: ['00000000-0000-0000-0000-000000000000'],
    data: new Map([['DEFAULT_ZONE', boxes]]),
  });
  const head = { protocol: 1, version: 1, switches: 0, type: BoltType.Request, command: BoltCommand.Request, requestId: 1 } as const;
  return encodeRequest({ ...head, codec: BoltCodec.Hessian, timeoutMs: 2_000, className: BoltClass.ReceivedData }, content);
}
