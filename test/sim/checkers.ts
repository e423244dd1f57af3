import type { SessionServer, SlotTable } from '../../core/index.ts';
import type { Observer } from './observer.ts';
import type { Truth } from './truth.ts';
import type { SimCluster } from './world/cluster.ts';

type SessionStats = ReturnType<SessionServer['stats']>;

/** What must hold at every moment, looked at several times a second (docs/simulation.md: one leader, table, bounds). */
export class ClusterChecker {
  readonly #cluster: SimCluster;
  readonly #observer: Observer;
  readonly #mostRecords: number;
  /** Every table that any node ever held, by epoch. */
  readonly #tables = new Map<number, SlotTable>();
  /** What each role of each incarnation held last. */
  readonly #heldEpochs = new WeakMap<object, number>();

  constructor(cluster: SimCluster, observer: Observer, mostRecords: number) {
    this.#cluster = cluster;
    this.#observer = observer;
    this.#mostRecords = mostRecords;
  }

  check(): void {
    this.#checkOneLeader();
    for (const write of this.#cluster.etcd?.lateWrites.splice(0) ?? [])
      this.#observer.violate('late write', `${write} in etcd, and does not lead`);
    for (const node of this.#cluster.nodes) {
      if (node.meta?.leadership().isLeader === true) this.#checkTable(node.name, node.meta, node.meta.table());
      if (node.data !== undefined) this.#checkTable(node.name, node.data, node.data.cluster().table);
      if (node.session !== undefined) this.#checkTable(node.name, node.session, node.session.cluster().table);
      if (node.session !== undefined) this.#checkBounds(node.name, node.session.stats());
    }
  }

  #checkBounds(name: string, { pendingWrites, leaseCopies, connectionPublishers, globalRecords }: SessionStats): void {
    for (const [what, count] of Object.entries({ pendingWrites, leaseCopies, connectionPublishers, globalRecords }))
      if (count > this.#mostRecords) this.#observer.violate('queue without bound', `${name} has ${count} ${what}`);
  }

  #checkOneLeader(): void {
    const leaders = new Map<number, string>();
    for (const node of this.#cluster.nodes) {
      for (const slot of node.data?.slots() ?? []) {
        if (slot.phase !== 'serving') continue;
        const key = slot.slotId * 2 ** 32 + slot.leaderEpoch;
        const other = leaders.get(key);
        if (other !== undefined)
          this.#observer.violate('two leaders', `slot ${slot.slotId} epoch ${slot.leaderEpoch} is served by ${other} and ${node.name}`);
        leaders.set(key, node.name);
      }
    }
  }

  #checkTable(name: string, role: object, table: SlotTable): void {
    const held = this.#heldEpochs.get(role) ?? 0;
    if (table.epoch < held) this.#observer.violate('table went back', `${name} holds epoch ${table.epoch} after ${held}`);
    this.#heldEpochs.set(role, table.epoch);
    const known = this.#tables.get(table.epoch);
    if (known === table || table.epoch === 0) return;
    if (known !== undefined) {
      if (textOf(known) !== textOf(table)) this.#observer.violate('two tables', `${name} has another table of epoch ${table.epoch}`);
      this.#tables.set(table.epoch, table);
      return;
    }
    this.#tables.set(table.epoch, table);
    for (const { slotId, leader, followers } of table.slots) {
      if (new Set([leader, ...followers]).size !== followers.length + 1)
        this.#observer.violate('table shape', `slot ${slotId} names a node twice`);
    }
    const epochs = [...this.#tables.keys()].sort((one, other) => one - other);
    const at = epochs.indexOf(table.epoch);
    this.#checkLeaderEpochs(this.#tables.get(epochs[at - 1] ?? 0), table);
    this.#checkLeaderEpochs(table, this.#tables.get(epochs[at + 1] ?? 0));
  }

  #checkLeaderEpochs(earlier: SlotTable | undefined, later: SlotTable | undefined): void {
    if (earlier === undefined || later === undefined) return;
    for (const { slotId, leader, leaderEpoch } of later.slots) {
      const before = earlier.slots[slotId];
      if (before === undefined) continue;
      const isGood = leaderEpoch > before.leaderEpoch || (leaderEpoch === before.leaderEpoch && leader === before.leader);
      if (!isGood)
        this.#observer.violate(
          'leader epoch',
          `slot ${slotId} has leader ${leader} at epoch ${leaderEpoch} after ${before.leader} at ${before.leaderEpoch}`,
        );
    }
  }
}

function textOf(table: SlotTable): string {
  return table.slots.map(({ leader, leaderEpoch, followers }) => `${leader}@${leaderEpoch}+${followers.join('+')}`).join(' ');
}

/** Whatever keeps the replicas from agreeing now; empty at quiet (invariant 8). */
export function replicaDisagreements(cluster: SimCluster): readonly string[] {
  const found: string[] = [];
  const metas = cluster.nodes.flatMap((node) => (node.meta?.leadership().isLeader === true ? [node.meta] : []));
  const [meta] = metas;
  if (meta === undefined || metas.length > 1) return [`${metas.length} Metas lead`];
  if (meta.table().slots.length === 0) return ['there is no slot table'];
  const summaryOf = (peer: string, slotId: number) =>
    cluster.nodes
      .find((node) => `${node.name}/data` === peer)
      ?.data?.slots()
      .find((slot) => slot.slotId === slotId);
  for (const { slotId, leader, leaderEpoch, followers } of meta.table().slots) {
    const led = summaryOf(leader, slotId);
    if (led?.phase !== 'serving' || led.leaderEpoch !== leaderEpoch) found.push(`slot ${slotId} is not served by ${leader}`);
    for (const follower of followers) {
      const copy = summaryOf(follower, slotId);
      if (copy?.isSynced !== true || copy.digest !== led?.digest) found.push(`slot ${slotId}: ${follower} differs from ${leader}`);
    }
  }
  return found;
}

/**
 * What the leaders of all slots hold together must be what the clients mean, also what no reader asks for (invariant 2 and 3), and what the
 * Sessions hold of their own clients must be what lives by a connection (I5).
 */
export function recordDifferences(cluster: SimCluster, truth: Truth): readonly string[] {
  const connected = truth.count('connection');
  const expected = connected + truth.count('lease');
  const found: string[] = [];
  const own = cluster.sessions().reduce((sum, node) => sum + (node.session?.stats().connectionPublishers ?? 0), 0);
  if (own !== connected) found.push(`the Sessions hold ${own} publishers of their connections, the clients mean ${connected}`);
  const slots = cluster.nodes.flatMap((node) => node.data?.slots() ?? []);
  const held = slots.filter((slot) => slot.phase === 'serving').reduce((sum, slot) => sum + slot.publishers, 0);
  if (held !== expected) found.push(`the slots hold ${held} publishers, the clients mean ${expected}`);
  return found;
}
