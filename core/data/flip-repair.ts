import { RegistryError } from '../model/errors.ts';
import { type Member, type PeerId, Role } from '../model/node.ts';
import type { RoleHost } from '../seams/host.ts';
import type { Counter } from '../seams/metrics.ts';
import { comparePages } from './compare-pages.ts';
import type { FollowerSync } from './follower-sync.ts';
import { type CompareEffects, compareSlotWithSession } from './session-compare.ts';
import type { SlotReplica } from './slot-replica.ts';
import type { PublisherRecord } from './stored-datum.ts';

export interface FlipRepairParts {
  readonly host: RoleHost;
  readonly follower: FollowerSync;
  readonly effects: CompareEffects;
  members(): readonly Member[];
}

/**
 * Names a record whose content in memory is not what was stored, and gets it back: a follower from its leader; a leader from its
 * followers, then from the Sessions, each of which holds what its own clients registered. Until then it is not passed on as a copy.
 */
export class FlipRepair {
  readonly #parts: FlipRepairParts;
  readonly #found: Counter;

  constructor(parts: FlipRepairParts) {
    this.#parts = parts;
    const help = 'Records whose content in memory was found to differ from what was stored';
    this.#found = parts.host.metrics.counter({ name: 'flipped_records_total', help });
  }

  found(replica: SlotReplica, record: PublisherRecord): void {
    const { dataInfoId, registerId } = record.publisher;
    const role = replica.isLeader ? 'leader' : 'follower';
    this.#parts.host.log.error('a record in memory is not what was stored; it is read again from another copy', {
      slot: replica.slotId,
      role,
      dataInfoId,
      registerId,
    });
    this.#found.add();
    if (replica.phase.kind !== 'follower') {
      void this.#repairLeader(replica, record);
      return;
    }
    replica.becomeSynced(false);
    this.#parts.follower.compare(replica);
  }

  async #repairLeader(replica: SlotReplica, record: PublisherRecord): Promise<void> {
    const { leaderEpoch } = replica;
    const isOpen = () => record.isFlipped && replica.isLeader && replica.leaderEpoch === leaderEpoch;
    for (const follower of replica.followers) if (isOpen()) await this.#askFollower(replica, record, follower);
    for (const member of this.#parts.members()) {
      if (!isOpen() || member.role !== Role.Session) continue;
      await this.#attempt(member.peer, () =>
        compareSlotWithSession(this.#parts.host, replica, member.peer, member.processId, this.#parts.effects, true),
      );
    }
  }

  /** The follower sends every datum that it is not asked to compare: the flipped one is left out of the digests. */
  async #askFollower(replica: SlotReplica, record: PublisherRecord, follower: PeerId): Promise<void> {
    const { dataInfoId, registerId } = record.publisher;
    await this.#attempt(follower, async () => {
      for await (const { datums } of comparePages(this.#parts.host, replica, follower, { withLeases: false })) {
        const datum = datums.find((other) => other.dataInfoId === dataInfoId);
        const publisher = datum?.publishers.find((other) => other.registerId === registerId);
        if (publisher === undefined || !record.isFlipped) continue;
        this.#parts.effects.put(replica, publisher);
        return;
      }
    });
  }

  async #attempt(peer: PeerId, ask: () => Promise<unknown>): Promise<void> {
    try {
      await ask();
    } catch (caught) {
      this.#parts.host.log.debug('a flipped record could not be read from there', { peer, reason: RegistryError.from(caught).message });
    }
  }
}
