import { randomUUID } from 'node:crypto';
import { providerUrl, publisherFrame } from '../../../bench/bolt/frames.ts';
import { ClientPopulation, dataIdOf } from '../../../bench/cluster/population.ts';
import { Role } from '../../../core/index.ts';
import { ListReader } from './list-reader.ts';
import type { Scene, TrialResult } from './scene.ts';

const CLIENTS = 300;
const PUBLISHERS_PER_NAME = 10;
/** Names that are there before the clients start. */
const STANDING_NAMES = 100;
/** Names that the clients publish themselves, ten of them each. */
const OWN_NAMES = CLIENTS / PUBLISHERS_PER_NAME;
/** Of each kind, per client. */
const SUBSCRIBED = 10;
const PATIENCE_MS = 60_000;
let rounds = 0;

/**
 * 300 clients connect at the same moment; each publishes one name and subscribes to 20, of ten publishers each: half of the names were there
 * before, half are published by these clients. Resolves with the time from the first connection to the last whole list.
 */
export async function startManyClients({ cluster, tell }: Scene): Promise<TrialResult> {
  const ports = cluster.withRole(Role.Session).map((session) => session.ports.sofa);
  const portOf = (at: number) => ports[at % ports.length] ?? 0;
  rounds += 1;
  const name = `s${rounds}-`;
  const standing = Array.from({ length: STANDING_NAMES }, (_, service) => dataIdOf(name, service));
  const publishers = await ClientPopulation.connect(ports, PUBLISHERS_PER_NAME);
  const readers: ListReader[] = [];
  try {
    await publishers.publish(name, 0, STANDING_NAMES);
    for (const port of ports) await shownWhole(port, standing);

    const startedMs = performance.now();
    const started = await Promise.all(Array.from({ length: CLIENTS }, (_, at) => startClient(portOf(at), name, at)));
    readers.push(...started);
    await Promise.all(started.map((reader) => reader.allWhole(PATIENCE_MS)));
    const fullMs = Math.round(performance.now() - startedMs);
    tell(`${CLIENTS} clients have their ${CLIENTS * SUBSCRIBED * 2} lists after ${fullMs} ms`);

    const cut = readers.flatMap((reader) => [...reader.partial].filter((partial) => standing.includes(partial))).length;
    const shrunk = readers.reduce((sum, reader) => sum + reader.shrunk.size, 0);
    const problems = [
      ...(cut > 0 ? [`${cut} lists of names that were there before came without all their publishers`] : []),
      ...(shrunk > 0 ? [`${shrunk} lists became shorter`] : []),
    ];
    return { outageMs: fullMs, problems };
  } finally {
    for (const reader of readers) reader.close();
    publishers.close();
  }
}

async function startClient(port: number, name: string, at: number): Promise<ListReader> {
  const reader = await ListReader.connect(port, PUBLISHERS_PER_NAME);
  const own = Math.floor(at / PUBLISHERS_PER_NAME);
  const ownName = (offset: number) => dataIdOf(`own-${name}`, (own + offset) % OWN_NAMES);
  const offsets = Array.from({ length: SUBSCRIBED }, (_, offset) => offset);
  const names = [...offsets.map((offset) => dataIdOf(name, (at + offset) % STANDING_NAMES)), ...offsets.map(ownName)];
  const publication = { dataId: ownName(0), registId: randomUUID(), version: 1, values: [providerUrl(at)] };
  await Promise.all([reader.client.request(publisherFrame(publication)), reader.subscribe(names)]);
  return reader;
}

/** Resolves when the Session of this port shows all names whole: what clients are pushed from then on may not be less. */
async function shownWhole(port: number, names: readonly string[]): Promise<void> {
  const reader = await ListReader.connect(port, PUBLISHERS_PER_NAME);
  try {
    await reader.subscribe(names);
    await reader.allWhole(PATIENCE_MS);
  } finally {
    reader.close();
  }
}
