import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DEFAULT_GROUP, DEFAULT_INSTANCE_ID, foldDataInfoId, formatDataInfoId, slotOf } from '../../../core/index.ts';
import type { DatumPage, MembersPage } from '../../../deploy/cluster-pages.ts';
import type { ClusterNode } from './cluster-node.ts';
import type { LocalCluster } from './local-cluster.ts';

/** Names that are explained; the others are counted. */
const EXPLAINED = 3;
const LOG_LINES = 8;

/** Changes that were not pushed in time, and the Sessions between which they should have travelled (bolt ports, 0 for none). */
export interface LateChanges {
  readonly dataIds: readonly string[];
  readonly afterMs: number;
  readonly publisherPort: number;
  readonly subscriberPort: number;
}

/** What each node says of some changes that are late, as text for whoever reads the failed test. Nodes that do not answer are told as such. */
export async function explainLateChanges(cluster: LocalCluster, late: LateChanges): Promise<string> {
  const sessionAt = (port: number) => cluster.nodes.find((node) => node.ports.sofa === port)?.name ?? 'no Session';
  const head = `${late.dataIds.length} bolt names were not pushed after ${late.afterMs} ms; published at ${sessionAt(late.publisherPort)}, subscribed at ${sessionAt(late.subscriberPort)}`;
  const names = await Promise.all(late.dataIds.slice(0, EXPLAINED).map((dataId) => explainName(cluster, dataId)));
  const nodes = await Promise.all(cluster.nodes.map((node) => explainNode(cluster, node)));
  return withNodeNames(cluster, [head, ...names.flat(), ...nodes.flat()].join('\n'));
}

async function explainName(cluster: LocalCluster, dataId: string): Promise<readonly string[]> {
  const running = cluster.nodes.filter((node) => node.isRunning);
  const slots = await Promise.all(running.map(async (node) => [node.name, await answerOf(() => node.slots())] as const));
  const slotCount = slots.reduce((count, [, page]) => Math.max(count, typeof page === 'string' ? 0 : page.slots.length), 0);
  const slotId = slotOf(foldDataInfoId(formatDataInfoId({ dataId, instanceId: DEFAULT_INSTANCE_ID, group: DEFAULT_GROUP })), slotCount);
  const lines = slots.map(([name, page]) => {
    if (typeof page === 'string') return `  ${name}: ${page}`;
    const here = page.here.find((each) => each.slotId === slotId) ?? 'no copy';
    return `  ${name}: table ${page.epoch}, ${JSON.stringify(page.slots[slotId])}, here ${JSON.stringify(here)}`;
  });
  const [asked] = running;
  const page = asked === undefined ? 'nobody runs' : await answerOf(() => asked.page<DatumPage>(`/datum?dataId=${dataId}`));
  return [`${dataId}, slot ${slotId}`, ...lines, `  held: ${typeof page === 'string' ? page : JSON.stringify(page.holdings)}`];
}

async function explainNode(cluster: LocalCluster, node: ClusterNode): Promise<readonly string[]> {
  if (!node.isRunning) return [`${node.name} (${nodeIdOf(cluster, node)}) does not run`];
  const page = await answerOf(() => node.page<MembersPage>('/members'));
  const view =
    typeof page === 'string'
      ? page
      : `Meta silent for ${page.metaSilentMs} ms, members ${page.members.map((member) => member.peer).join(' ')}, links ${page.links.map((link) => `${link.node} ${link.state}`).join(', ')}`;
  const log = node.output.trimEnd().split('\n').slice(-LOG_LINES);
  return [`${node.name}: ${view}`, ...log.map((line) => `  | ${line}`)];
}

async function answerOf<T>(ask: () => Promise<T>): Promise<T | string> {
  try {
    return await ask();
  } catch (caught) {
    return caught instanceof Error ? caught.message : String(caught);
  }
}

function nodeIdOf(cluster: LocalCluster, node: ClusterNode): string {
  return readFileSync(join(cluster.folder, node.name, 'node-id'), 'utf8').trim();
}

function withNodeNames(cluster: LocalCluster, text: string): string {
  return cluster.nodes.reduce((named, node) => named.replaceAll(nodeIdOf(cluster, node), node.name), text);
}
