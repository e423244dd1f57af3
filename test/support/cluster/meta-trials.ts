import { Role } from '../../../core/index.ts';
import type { MembersPage } from '../../../deploy/cluster-pages.ts';
import { eventually } from '../eventually.ts';
import type { ClusterNode } from './cluster-node.ts';
import type { LocalCluster } from './local-cluster.ts';
import type { Scene, TrialResult } from './scene.ts';

const SHORT_MS = 5_000;
const LONG_MS = 60_000;
const PATIENCE_MS = 60_000;
/** Without a Meta that leads nothing fails over: this is what the trials allow. */
const LATE_MS = 10_000;
const PAUSE_BETWEEN_PASSES_MS = 500;

export async function killMetas(scene: Scene): Promise<TrialResult> {
  const metas = await killAllMetas(scene);
  const { worstMs } = await passFor(scene, SHORT_MS);
  await Promise.all(metas.map((meta) => meta.start()));
  await scene.cluster.settled();
  return { outageMs: worstMs };
}

/** A minute without Meta and without what it stores in: registrations, renewals and pushes of both protocols are counted, and none may fail. */
export async function withoutMetaAndStore(scene: Scene): Promise<TrialResult> {
  const { cluster, store, population, tell } = scene;
  await store.kill();
  const metas = await killAllMetas(scene);
  const before = countsOf(scene);
  const { worstMs, passes } = await passFor(scene, LONG_MS);
  const after = countsOf(scene);
  const [changes, refused, renewals, moves] = after.map((count, at) => count - (before[at] ?? 0));
  const problems = [
    ...(refused === 0 ? [] : [`${refused} Eureka registrations or cancels were refused`]),
    ...(renewals === 0 ? ['no renewal was answered'] : []),
    ...(moves === 0 ? [] : [`bolt clients lost their Session ${moves} times`]),
  ];
  await store.restart();
  await Promise.all(metas.map((meta) => meta.start()));
  await cluster.settled();
  tell(`${metas.length} Meta are back; ${population.violations.length} violations so far`);
  const measured = [`${passes} passes over all names, each pushed`, `${changes} changes`, `${renewals} renewals`];
  return { outageMs: worstMs, problems, measured };
}

/** Kills the Meta that leads. The control plane is back when every Data node and Session is answered by another one. */
export async function killLeadingMeta({ cluster, probes, tell }: Scene): Promise<TrialResult> {
  const victim = await cluster.leadingMeta();
  const metas = cluster.withRole(Role.Meta).length;
  await victim.kill();
  const killedAtMs = performance.now();
  // A Meta that is alone is followed by itself, as whoever supervises processes starts it again.
  if (metas === 1) await victim.start();
  const [controlMs, pushMs] = await Promise.all([answeredAgainMs(cluster, killedAtMs), probes.passMs(PATIENCE_MS, LATE_MS)]);
  tell(`${victim.name}, which led, was killed; another Meta answers every node ${controlMs} ms later`);
  if (metas > 1) await victim.start();
  await cluster.settled();
  return { outageMs: controlMs, measured: [`a change of every name was pushed after ${pushMs} ms`] };
}

/** Kills the Meta that leads together with the Data node that leads most: its slots wait for the next Meta. */
export async function killLeadingMetaAndData({ cluster, probes, tell }: Scene): Promise<TrialResult> {
  const victims = [await cluster.leadingMeta(), await cluster.busiest()] as const;
  const killedAtMs = performance.now();
  await Promise.all(victims.map((victim) => victim.kill()));
  if (cluster.withRole(Role.Meta).length === 1) await victims[0].start();
  await probes.passMs(PATIENCE_MS, LATE_MS);
  const outageMs = Math.round(performance.now() - killedAtMs);
  tell(`${victims[0].name} and ${victims[1].name} were killed; a change of every name was pushed again ${outageMs} ms later`);
  await Promise.all(victims.filter((victim) => !victim.isRunning).map((victim) => victim.start()));
  await cluster.settled();
  return { outageMs };
}

async function killAllMetas({ cluster, tell }: Scene): Promise<readonly ClusterNode[]> {
  const metas = cluster.withRole(Role.Meta);
  await Promise.all(metas.map((meta) => meta.kill()));
  tell('no Meta runs any more');
  return metas;
}

/** Changes every name again and again for so long; the longest that a change of all took. */
async function passFor({ probes, tell }: Scene, durationMs: number): Promise<{ readonly worstMs: number; readonly passes: number }> {
  const endMs = performance.now() + durationMs;
  let worstMs = 0;
  let passes = 0;
  while (performance.now() < endMs) {
    worstMs = Math.max(worstMs, await probes.passMs());
    passes += 1;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_BETWEEN_PASSES_MS));
  }
  tell(`registrations and pushes went on: at most ${worstMs} ms for a change of every name`);
  return { worstMs, passes };
}

function countsOf({ population }: Scene): readonly number[] {
  const moves = [...population.publishers, population.subscriber].reduce((sum, app) => sum + app.moves, 0);
  return [population.changes, population.refusedChanges, population.renewals, moves];
}

/** Milliseconds from a moment until every Data node and Session has had an answer of a Meta that runs. */
async function answeredAgainMs(cluster: LocalCluster, sinceMs: number): Promise<number> {
  const nodes = cluster.nodes.filter((node) => node.isRunning && !node.roles.includes(Role.Meta));
  await eventually(async () => {
    // Read first, so that an answer from before is never taken for one since.
    const elapsedMs = performance.now() - sinceMs;
    const pages = await Promise.all(nodes.map((node) => node.page<MembersPage>('/members')));
    const waiting = pages.filter(({ metaSilentMs = Number.POSITIVE_INFINITY }) => metaSilentMs > elapsedMs).length;
    if (waiting > 0) throw new Error(`${waiting} nodes were answered by no Meta`);
  }, PATIENCE_MS);
  return Math.round(performance.now() - sinceMs);
}
