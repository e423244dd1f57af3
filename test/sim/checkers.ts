import type { SlotTable } from '../../core/index.ts';
import type { Observer } from './observer.ts';
import type { SimCluster } from './world/cluster.ts';

/** What must hold at every moment, looked at several times a second (invariants 5, 7, 9). */
export class ClusterChecker {
  readonly #cluster: SimCluster;
  readonly #observer: Observer;
  readonly #mostRecords: number;
  #table: SlotTable | undefined;
  #leaderEpochs = new Map<number, number>();

  constructor(cluster: SimCluster, observer: Observer, mostRecords: number) {
    this.#cluster = cluster;
    this.#observer = observer;
    this.#mostRecords = mostRecords;
  }

  check(): void {
    this.#checkOneLeader();
    for (const node of this.#cluster.nodes) {
      if (node.meta !== undefined) this.#checkTable(node.meta.table());
      const pending = node.session?.stats().pendingWrites ?? 0;
      if (pending > this.#mostRecords) this.#observer.violate('queue without bound', `${node.name} has ${pending} writes pending`);
    }
  }

  #checkOneLeader(): void {
    const leaders = new Map<string, string>();
    for (const node of this.#cluster.nodes) {
      for (const slot of node.data?.slots() ?? []) {
        if (slot.phase !== 'serving') continue;
        const key = `slot ${slot.slotId} epoch ${slot.leaderEpoch}`;
        const other = leaders.get(key);
        if (other !== undefined) this.#observer.violate('two leaders', `${key} is served by ${other} and ${node.name}`);
        leaders.set(key, node.name);
      }
    }
  }

  #checkTable(table: SlotTable): void {
    if (table === this.#table) return;
    if (
      this.#table !== undefined &&
      table.epoch <= this.#table.epoch &&
      table.slots !== this.#table.slots &&
      table.epoch !== this.#table.epoch
    )
      this.#observer.violate('table went back', `epoch ${table.epoch} after ${this.#table.epoch}`);
    for (const { slotId, leader, leaderEpoch, followers } of table.slots) {
      const holders = new Set([leader, ...followers]);
      if (holders.size !== followers.length + 1) this.#observer.violate('table shape', `slot ${slotId} names a node twice`);
      const before = this.#leaderEpochs.get(slotId) ?? 0;
      const wasLedBy = this.#table?.slots[slotId]?.leader;
      if (leaderEpoch < before || (leaderEpoch === before && wasLedBy !== undefined && wasLedBy !== leader))
        this.#observer.violate(
          'leader epoch',
          `slot ${slotId} has leader ${leader} at epoch ${leaderEpoch} after ${wasLedBy} at ${before}`,
        );
      this.#leaderEpochs.set(slotId, leaderEpoch);
    }
    this.#table = table;
  }
}

/** Whatever keeps the replicas from agreeing now; empty at quiet (invariant 8). */
export function replicaDisagreements(cluster: SimCluster): readonly string[] {
  const found: string[] = [];
  const meta = cluster.nodes.find((node) => node.meta !== undefined)?.meta;
  if (meta === undefined || meta.table().slots.length === 0) return ['there is no slot table'];
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
