import { ClientPopulation, dataIdOf } from '../../../bench/cluster/population.ts';
import { Role } from '../../../core/index.ts';
import { ListReader } from './list-reader.ts';
import type { LocalCluster } from './local-cluster.ts';
import type { Scene, TrialResult } from './scene.ts';

const CLIENTS = 200;
/** Each published by every client: 100,000 publishers. */
const SERVICES = 500;
/** Registered while the nodes die, by every client as well. */
const SERVICES_MEANWHILE = 10;
const COPIES_AGAIN_MS = 30_000;
/** How long what is late is waited for, so that a miss is a figure in the report. */
const PATIENCE_MS = 120_000;
let crowds = 0;

/** Kills half of the Data nodes at once under 100,000 bolt publishers, and counts afterwards that each that was acknowledged is still there. */
export async function killHalfUnderCrowd(scene: Scene): Promise<TrialResult> {
  const { cluster, tell } = scene;
  const clients = await ClientPopulation.connect(sessionPorts(cluster), CLIENTS);
  crowds += 1;
  const before = `b${crowds}-`;
  const watchers: ListReader[] = [];
  try {
    await clients.publish(before, 0, SERVICES);
    await cluster.settled(PATIENCE_MS);
    watchers.push(...(await readersOf(cluster, namesOf(before, SERVICES))));
    tell(`${CLIENTS * SERVICES} publishers are registered, and each was pushed to a watcher at every Session`);
    return await killHalf(scene, clients, before, watchers);
  } finally {
    for (const watcher of watchers) watcher.close();
    clients.close();
    // What the crowd leaves behind is not the next trial's load.
    await cluster.balanced(PATIENCE_MS).catch((caught: unknown) => tell(`not at rest after ${PATIENCE_MS} ms: ${caught}`));
  }
}

async function killHalf({ cluster, probes, tell }: Scene, clients: ClientPopulation, before: string, watchers: readonly ListReader[]) {
  const data = await cluster.byLeaderships();
  const victims = data.slice(0, Math.floor(data.length / 2));
  const meanwhile = `m${crowds}-`;
  const startedMs = performance.now();
  const [outageMs] = await Promise.all([
    Promise.all(victims.map((victim) => victim.kill())).then(() => probes.passMs(PATIENCE_MS, COPIES_AGAIN_MS / 2)),
    clients.publish(meanwhile, 0, SERVICES_MEANWHILE),
  ]);
  tell(`${victims.map((victim) => victim.name).join(', ')} were killed; a change of every name was pushed again ${outageMs} ms later`);
  await cluster.settled(PATIENCE_MS);
  const restoredMs = Math.round(performance.now() - startedMs);
  tell(`every slot has its copies again after ${restoredMs} ms`);

  const problems = restoredMs > COPIES_AGAIN_MS ? [`copies only after ${restoredMs} ms`] : [];
  const fresh = await readersOf(cluster, [...namesOf(before, SERVICES), ...namesOf(meanwhile, SERVICES_MEANWHILE)]);
  const all = [...watchers, ...fresh];
  const lacking = all.reduce((sum, reader) => sum + reader.lacking.length, 0);
  if (lacking > 0) problems.push(`${lacking} names lack an acknowledged publisher`);
  const shrunk = all.reduce((sum, reader) => sum + reader.shrunk.size, 0);
  if (shrunk > 0) problems.push(`${shrunk} names were pushed without all their publishers`);
  for (const reader of fresh) reader.close();

  await Promise.all(victims.map((victim) => victim.start()));
  await cluster.settled(PATIENCE_MS);
  return { outageMs, problems, measured: [`${victims.length} of ${data.length} Data nodes lost`, `copies again after ${restoredMs} ms`] };
}

/** A reader at every Session; each has had time to see all names whole. */
async function readersOf(cluster: LocalCluster, names: readonly string[]): Promise<ListReader[]> {
  const readers = await Promise.all(sessionPorts(cluster).map((port) => ListReader.connect(port, CLIENTS)));
  await Promise.all(
    readers.map(async (reader) => {
      await reader.subscribe(names);
      // What is still lacking then is counted by the caller.
      await reader.allWhole(COPIES_AGAIN_MS).catch(() => undefined);
    }),
  );
  return readers;
}

function namesOf(name: string, services: number): readonly string[] {
  return Array.from({ length: services }, (_, service) => dataIdOf(name, service));
}

function sessionPorts(cluster: LocalCluster): readonly number[] {
  return cluster
    .withRole(Role.Session)
    .filter((session) => session.isRunning)
    .map((session) => session.ports.sofa);
}
