import type { Bench, BenchContext, Figure } from '../support/figures.ts';
import { pause } from '../support/process-meter.ts';
import { median, percentile } from '../support/statistics.ts';
import { Audience } from './audience.ts';
import { subscriberFrame } from './frames.ts';
import { LoadClient } from './load-client.ts';
import { PublishedService } from './service.ts';
import { type BoltTarget, besidePeer, besideValue } from './target.ts';

const SERVICES = 100;
const CHANGES_EACH = 2;
/** Between changes of different services; each service is at rest when it changes. */
const BETWEEN_CHANGES_MS = 50;
const REST_MS = 4_000;
const AUDIENCE = 500;
const AUDIENCE_ROUNDS = 10;

interface Delays {
  readonly oneMs: readonly number[];
  readonly lastMs: readonly number[];
}

export const changeDelay: Bench = {
  name: 'change-delay',
  about: `from a change of a service at rest to its arrival at a subscriber, and at the last of ${AUDIENCE}`,
  run: async (context) => {
    const { ours, peer } = await besidePeer(context, (target) => delaysOf(target, context));
    const goal = (bound: number) => ({ kind: 'at most', of: 'ratio', bound }) as const;
    const figure = (name: string, pick: (delays: Delays) => number): Figure => ({
      name: `change to ${name}`,
      value: pick(ours),
      unit: 'ms',
      ...besideValue(peer === undefined ? undefined : pick(peer)),
      goal: goal(1 / 50),
    });
    return [
      figure('received, p50', (delays) => median(delays.oneMs)),
      figure('received, p99', (delays) => percentile(delays.oneMs, 0.99)),
      figure(`received by the last of ${context.scaled(AUDIENCE)}, p50`, (delays) => median(delays.lastMs)),
    ];
  },
};

async function delaysOf(target: BoltTarget, context: BenchContext): Promise<Delays> {
  return { oneMs: await toOne(target.port, context.scaled(SERVICES)), lastMs: await toTheLast(target.port, context.scaled(AUDIENCE)) };
}

async function toOne(port: number, count: number): Promise<readonly number[]> {
  const services = await Promise.all(Array.from({ length: count }, () => PublishedService.publish(port, 1)));
  const changedAtMs = new Map<string, number>();
  const delays: number[] = [];
  const reader = await LoadClient.connect(port, {
    onData: ({ dataId }) => {
      const atMs = changedAtMs.get(dataId);
      if (atMs === undefined) return;
      changedAtMs.delete(dataId);
      delays.push(performance.now() - atMs);
    },
  });
  for (const service of services) await reader.request(subscriberFrame(service.dataId));
  for (let round = 0; round < CHANGES_EACH; round += 1) {
    await pause(REST_MS);
    for (const service of services) {
      const change = service.prepareChange();
      changedAtMs.set(service.dataId, performance.now());
      await change();
      await pause(BETWEEN_CHANGES_MS);
    }
  }
  await pause(REST_MS);
  reader.close();
  for (const service of services) service.close();
  if (changedAtMs.size > 0) throw new Error(`${changedAtMs.size} changes did not arrive`);
  return delays;
}

async function toTheLast(port: number, size: number): Promise<readonly number[]> {
  const service = await PublishedService.publish(port, 1);
  const audience = await Audience.open(port, size, () => subscriberFrame(service.dataId));
  const delays: number[] = [];
  for (let round = 0; round < AUDIENCE_ROUNDS; round += 1) {
    await pause(1_100);
    const change = service.prepareChange();
    const all = audience.next();
    const before = performance.now();
    await change();
    await all;
    delays.push(performance.now() - before);
  }
  audience.close();
  service.close();
  return delays;
}
