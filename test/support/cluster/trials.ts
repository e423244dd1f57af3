import { Role } from '../../../core/index.ts';
import type { ClusterNode } from './cluster-node.ts';
import { killHalfUnderCrowd } from './crowd-trials.ts';
import type { LocalCluster } from './local-cluster.ts';
import { killLeadingMeta, killLeadingMetaAndData, killMetas, withoutMetaAndStore } from './meta-trials.ts';
import type { Scene, Trial } from './scene.ts';
import { startManyClients } from './start-trials.ts';

export interface Outcome {
  readonly kind: TrialKind;
  /** From the fault until a change of every name was pushed again, or what else the trial's limit is for. */
  readonly outageMs: number;
  /** Reads and pushes that did not contain exactly the fixed population. */
  readonly violations: number;
  /** Heartbeats that were answered "register again". */
  readonly forgotten: number;
  readonly reads: number;
  /** What else was wrong. */
  readonly problems: readonly string[];
  /** What else was measured, in words. */
  readonly measured: readonly string[];
}

/** A Data node that is silent for three seconds is taken for dead, so this must go unnoticed. */
const STALL_MS = 2_000;

export const TRIALS = {
  'kill-data': { title: 'kill -9 of the Data node that leads most slots', limitMs: 5_000, run: killData },
  'stall-data': { title: 'SIGSTOP of a Data node for 2 s', limitMs: 5_000, run: stallData },
  'kill-half-data': { title: 'kill -9 of half of the Data nodes at once, those that lead most', limitMs: 10_000, run: killHalfOfData },
  'kill-session-and-data': {
    title: 'kill -9 of a Session and of the Data node that leads most slots, at once; the Session is started again',
    limitMs: 5_000,
    run: killSessionAndData,
  },
  'kill-session': { title: 'kill -9 of a Session', limitMs: 5_000, run: killSession },
  'stall-session': { title: 'SIGSTOP of a Session for 2 s', limitMs: 10_000, run: stallSession },
  'kill-metas': { title: 'kill -9 of every Meta, 5 s without', limitMs: 3_000, run: killMetas },
  'kill-meta-leader': { title: 'kill -9 of the Meta that leads, until another answers every node', limitMs: 10_000, run: killLeadingMeta },
  'kill-meta-and-data': {
    title: 'kill -9 of the Meta that leads and the Data node that leads most slots, at once',
    limitMs: 10_000,
    run: killLeadingMetaAndData,
  },
  'without-meta': { title: 'kill -9 of every Meta and of etcd, 60 s without', limitMs: 3_000, run: withoutMetaAndStore },
  'stall-meta': { title: 'SIGSTOP of a Meta for 2 s', limitMs: 3_000, run: stallMeta },
  'rolling-restart': { title: 'restart of every process, one after the other', limitMs: 5_000, run: rollingRestart },
  'start-clients': { title: '300 clients start at once, until all have their full lists', limitMs: 10_000, run: startManyClients },
  'kill-half-data-crowd': {
    title: 'kill -9 of half of the Data nodes at once, with 100,000 bolt publishers',
    limitMs: 30_000,
    run: killHalfUnderCrowd,
  },
} as const satisfies Record<string, Trial>;
export type TrialKind = keyof typeof TRIALS;
export const TRIAL_KINDS = Object.keys(TRIALS) as readonly TrialKind[];

/** One trial: the fault, the time until everything is pushed again, and what readers were shown meanwhile. */
export async function runTrial(kind: TrialKind, scene: Scene): Promise<Outcome> {
  const { population } = scene;
  const before = { violations: population.violations.length, forgotten: population.forgotten, reads: population.reads };
  const { outageMs, problems = [], measured = [] } = await (TRIALS[kind] as Trial).run(scene);
  return {
    kind,
    outageMs,
    violations: population.violations.length - before.violations,
    forgotten: population.forgotten - before.forgotten,
    reads: population.reads - before.reads,
    problems,
    measured,
  };
}

export function isGood(outcome: Outcome): boolean {
  return outcome.violations === 0 && outcome.problems.length === 0 && outcome.outageMs < TRIALS[outcome.kind].limitMs;
}

async function killData({ cluster, probes, tell }: Scene) {
  const victim = await cluster.busiest();
  await victim.kill();
  tell(`${victim.name} was killed`);
  const outageMs = await probes.passMs();
  tell(`a change of every name was pushed again ${outageMs} ms later`);
  await cluster.settled();
  tell('every slot has its copies again');
  await victim.start();
  await cluster.settled();
  tell(`${victim.name} is back`);
  return { outageMs };
}

/** The new Session was never linked to the dead node, and has a voice in whether it is dead. */
async function killSessionAndData({ cluster, probes, tell }: Scene) {
  const session = anyOf(cluster, Role.Session);
  const victim = await cluster.busiest();
  const killedAtMs = performance.now();
  await Promise.all([session.kill(), victim.kill()]);
  tell(`${session.name} and ${victim.name} were killed`);
  await session.start();
  await probes.passMs();
  const outageMs = Math.round(performance.now() - killedAtMs);
  await cluster.settled();
  await victim.start();
  await cluster.settled();
  return { outageMs };
}

async function killHalfOfData({ cluster, probes, tell }: Scene) {
  const data = await cluster.byLeaderships();
  const victims = data.slice(0, Math.floor(data.length / 2));
  await Promise.all(victims.map((victim) => victim.kill()));
  tell(`${victims.map((victim) => victim.name).join(', ')} were killed`);
  const outageMs = await probes.passMs(30_000, TRIALS['kill-half-data'].limitMs);
  await cluster.settled();
  await Promise.all(victims.map((victim) => victim.start()));
  await cluster.settled();
  return { outageMs };
}

async function stallData(scene: Scene) {
  const { cluster } = scene;
  await cluster.balanced();
  const leaders = await cluster.leaders();
  const outageMs = await stall(scene, await cluster.busiest());
  const moved = (await cluster.leaders()).filter((leader, slotId) => leader !== leaders[slotId]).length;
  return { outageMs, problems: moved === 0 ? [] : [`${moved} slots changed their leader`] };
}

async function killSession({ cluster, probes, population, tell }: Scene) {
  const port = population.publishers[0]?.port;
  const victim = cluster.withRole(Role.Session).find((node) => node.ports.sofa === port) ?? anyOf(cluster, Role.Session);
  await victim.kill();
  tell(`${victim.name} was killed; its bolt clients go to another Session`);
  const outageMs = await probes.passMs();
  tell(`they are registered again, and a change of every name was pushed ${outageMs} ms later`);
  await victim.start();
  await cluster.settled();
  return { outageMs };
}

function stallSession(scene: Scene) {
  return stall(scene, anyOf(scene.cluster, Role.Session)).then((outageMs) => ({ outageMs }));
}

function stallMeta(scene: Scene) {
  return stall(scene, anyOf(scene.cluster, Role.Meta)).then((outageMs) => ({ outageMs }));
}

async function rollingRestart({ cluster, probes, tell }: Scene) {
  let outageMs = 0;
  for (const node of cluster.nodes) {
    await node.stop();
    await node.start();
    outageMs = Math.max(outageMs, await probes.passMs());
    await cluster.settled();
    tell(`${node.name} was restarted`);
  }
  return { outageMs };
}

/** Counts from the end of the stall: while a process sleeps, nobody can be told by it. */
async function stall({ cluster, probes, tell }: Scene, victim: ClusterNode): Promise<number> {
  victim.signal('SIGSTOP');
  tell(`${victim.name} sleeps for ${STALL_MS} ms`);
  await new Promise((resolve) => setTimeout(resolve, STALL_MS));
  victim.signal('SIGCONT');
  const outageMs = await probes.passMs();
  await cluster.settled();
  return outageMs;
}

function anyOf(cluster: LocalCluster, role: Role): ClusterNode {
  const running = cluster.withRole(role).filter((node) => node.isRunning);
  const node = running[Math.floor(Math.random() * running.length)];
  if (node === undefined) throw new Error(`no ${role} runs`);
  return node;
}
