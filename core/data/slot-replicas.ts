import { type FoldedId, foldDataInfoId } from '../model/data-info-id.ts';
import type { DatumVersion } from '../model/datum-version.ts';
import type { Publisher } from '../model/publisher.ts';
import type { SharedTexts } from '../model/stored-publisher.ts';
import type { RoleHost } from '../seams/host.ts';
import { slotOf } from '../slot/slot-of.ts';
import type { MetaClient } from '../wire/meta-client.ts';
import type { FollowerSync } from './follower-sync.ts';
import type { HeldNames } from './held-names.ts';
import type { LeaseKeeper } from './lease-keeper.ts';
import type { LogStream } from './log-stream.ts';
import { Migration } from './migration.ts';
import type { MissingPublisher, RestartCache, Restored } from './restart-cache.ts';
import type { SlotChanges } from './slot-changes.ts';
import { SlotReplica } from './slot-replica.ts';
import { SlotStore } from './slot-store.ts';

export interface SlotReplicasParts {
  readonly host: RoleHost;
  readonly meta: MetaClient;
  readonly slotCount: number;
  readonly sharedTexts: SharedTexts | undefined;
  readonly leases: LeaseKeeper;
  readonly restart: RestartCache;
  readonly held: HeldNames;
  readonly stream: LogStream;
  readonly follower: FollowerSync;
  readonly changes: SlotChanges;
}

/** The slots that the table gives to this node, and what begins and ends with the role that it has for each. */
export class SlotReplicas {
  readonly #parts: SlotReplicasParts;
  readonly #migration: Migration;
  readonly #replicas = new Map<number, SlotReplica>();
  /** Lease publishers of before the restart by slot, until it is led again. */
  readonly #restored: Map<number, readonly Publisher[]>;
  readonly #floorVersion: DatumVersion;

  constructor(parts: SlotReplicasParts, { leases, highestVersion }: Restored) {
    this.#parts = parts;
    this.#restored = bySlot(leases, parts.slotCount);
    this.#floorVersion = highestVersion;
    this.#migration = new Migration(parts.host, parts.meta, parts.changes, (replica) => this.#migrated(replica));
  }

  get(slotId: number): SlotReplica | undefined {
    return this.#replicas.get(slotId);
  }

  /** That of a name's slot. */
  of(foldedId: FoldedId): SlotReplica | undefined {
    return this.#replicas.get(slotOf(foldedId, this.#parts.slotCount));
  }

  all(): readonly SlotReplica[] {
    return [...this.#replicas.values()];
  }

  serving(): readonly SlotReplica[] {
    return this.all().filter((replica) => replica.phase.kind === 'serving');
  }

  applyTable(): void {
    const { table } = this.#parts.meta;
    const { self } = this.#parts.host.peers;
    for (const slot of table.slots) {
      const isMine = slot.leader === self || slot.followers.includes(self);
      const replica = this.#replicas.get(slot.slotId);
      if (!isMine) {
        if (replica !== undefined) this.#drop(replica);
      } else if (replica === undefined) {
        const fresh = new SlotReplica(slot, self, new SlotStore(this.#parts.sharedTexts));
        fresh.store.learnVersion(this.#floorVersion);
        this.#replicas.set(slot.slotId, fresh);
        this.#enterRole(fresh);
      } else if (replica.assign(slot, self)) this.#enterRole(replica);
      else this.#parts.stream.pump(replica);
    }
    this.#forgetRestored();
  }

  /** The list of Sessions changed. */
  applyMembers(): void {
    this.#migration.wake();
  }

  stop(): void {
    this.#migration.stop();
  }

  /** What a restart has to know of. */
  *remembered(): IterableIterator<Publisher | MissingPublisher> {
    for (const replica of this.#replicas.values()) if (replica.isLeader) yield* replica.store.publishers();
    for (const publishers of this.#restored.values()) yield* publishers;
    yield* this.#parts.held.missing();
  }

  /** Of all slots, and of before the restart. */
  get highestVersion(): DatumVersion {
    let highest = this.#floorVersion;
    for (const { store } of this.#replicas.values()) if (store.highestVersion > highest) highest = store.highestVersion;
    return highest;
  }

  /**
   * What the restart cache knew of slots that are led elsewhere is older than what their leaders know, and must not come back if
   * this node leads them one day.
   */
  #forgetRestored(): void {
    if (this.#parts.meta.table.slots.length === 0) return;
    const isLed = (replica: SlotReplica | undefined) => replica?.isLeader === true;
    for (const slotId of this.#restored.keys()) if (!isLed(this.get(slotId))) this.#restored.delete(slotId);
    this.#parts.held.keepOnly((foldedId) => isLed(this.of(foldedId)));
  }

  #enterRole(replica: SlotReplica): void {
    const { leases, restart, stream, follower } = this.#parts;
    stream.forget(replica);
    if (!replica.isLeader) {
      for (const record of replica.store.records()) leases.release(record);
      follower.compare(replica);
      return;
    }
    // A new leader cannot know how long ago each lease was renewed: all run for a whole period.
    for (const record of replica.store.records()) leases.grant(record);
    // What it followed so far is not in the restart cache.
    if (replica.store.publisherCount > 0) restart.keep(replica.store.publishers(), () => replica.store.highestVersion);
    this.#restore(replica);
    this.#migration.start(replica);
  }

  #drop(replica: SlotReplica): void {
    for (const record of replica.store.records()) this.#parts.leases.release(record);
    this.#parts.stream.forget(replica);
    this.#replicas.delete(replica.slotId);
  }

  /** Brings back what the restart cache kept for this slot, each with a full lease. */
  #restore(replica: SlotReplica): void {
    const mine = this.#restored.get(replica.slotId);
    if (mine === undefined) return;
    this.#restored.delete(replica.slotId);
    for (const publisher of mine) this.#parts.changes.put(replica, publisher);
    this.#parts.restart.flush(replica.store.highestVersion);
  }

  #migrated(replica: SlotReplica): void {
    const { host, meta, changes } = this.#parts;
    replica.becomeServing();
    const { slotId, leaderEpoch, store } = replica;
    host.log.debug('slot serves', { slot: slotId, leaderEpoch, publishers: store.publisherCount });
    for (const name of [...store.names()]) changes.notice(replica, name);
    meta.refresh();
    changes.flushSoon();
  }
}

function bySlot(publishers: readonly Publisher[], slotCount: number): Map<number, readonly Publisher[]> {
  const slots = new Map<number, Publisher[]>();
  for (const publisher of publishers) {
    const slotId = slotOf(foldDataInfoId(publisher.dataInfoId), slotCount);
    const ofSlot = slots.get(slotId);
    if (ofSlot === undefined) slots.set(slotId, [publisher]);
    else ofSlot.push(publisher);
  }
  return slots;
}
