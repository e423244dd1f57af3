import type { Bench, BenchContext } from '../support/figures.ts';
import { cpuMs, idleCpuMsPerSecond, pause } from '../support/process-meter.ts';
import { Audience } from './audience.ts';
import { subscriberFrame } from './frames.ts';
import { PublishedService } from './service.ts';
import { type BoltTarget, besidePeer, besideValue } from './target.ts';

const PUBLISHERS = 100;
const SUBSCRIBERS = 1_000;
const WARM_UP_ROUNDS = 10;
const ROUNDS = 10;
const BETWEEN_ROUNDS_MS = 1_100;
const IDLE_MS = 4_000;
/** For collections and compilations that the warm-up has left to do. */
const SETTLE_MS = 2_000;

export const pushCost: Bench = {
  name: 'push-cost',
  about: `acknowledged pushes of a service of ${PUBLISHERS} publishers to ${SUBSCRIBERS} subscribers per second of the server's processor, its idle load taken off`,
  run: async (context) => {
    const { ours, peer } = await besidePeer(context, (target) => pushesPerCpuSecond(target, context));
    const goal = { kind: 'at least', of: 'ratio', bound: 10 } as const;
    return [{ name: 'acknowledged pushes per server CPU second', value: ours, unit: 'pushes', ...besideValue(peer), goal }];
  },
};

async function pushesPerCpuSecond({ port, pid, probe }: BoltTarget, context: BenchContext): Promise<number> {
  const service = await PublishedService.publish(port, PUBLISHERS);
  const audience = await Audience.open(port, context.scaled(SUBSCRIBERS), () => subscriberFrame(service.dataId));
  const rounds = async (count: number) => {
    for (let round = 0; round < count; round += 1) {
      const change = service.prepareChange();
      const all = audience.next();
      await change();
      await all;
      await pause(BETWEEN_ROUNDS_MS);
    }
  };
  await rounds(WARM_UP_ROUNDS);
  if (probe !== undefined && context.profileDir !== undefined)
    await probe.profile(`${context.profileDir}/push-cost.cpuprofile`, () => rounds(5));
  await pause(SETTLE_MS);
  const idle = await idleCpuMsPerSecond(pid, IDLE_MS);
  const before = { cpuMs: cpuMs(pid), atMs: performance.now(), pushes: audience.pushes };
  await rounds(ROUNDS);
  const netMs = cpuMs(pid) - before.cpuMs - (idle * (performance.now() - before.atMs)) / 1_000;
  const pushes = audience.pushes - before.pushes;
  audience.close();
  service.close();
  return (pushes * 1_000) / netMs;
}
