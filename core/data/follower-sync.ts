import { foldDataInfoId } from '../model/data-info-id.ts';
import { RegistryError } from '../model/errors.ts';
import type { PeerId } from '../model/node.ts';
import type { RoleHost } from '../seams/host.ts';
import {
  type CompareDatumsAnswer,
  decodeCompareDatumsAnswer,
  decodeCompareRootsAnswer,
  encodeCompareDatums,
  encodeCompareRoots,
} from '../wire/slot-compare.ts';
import type { SlotLogEntry, SlotLogRequest } from '../wire/slot-log.ts';
import type { SlotReplica } from './slot-replica.ts';
import type { Moment } from './slot-store.ts';

const REQUEST_TIMEOUT_MS = 3_000;
const RETRY_MS = 300;

/**
 * Keeps a follower's copy: applies the leader's log in sequence, and compares the whole slot with the leader when it begins, when
 * the log has a gap, and now and then. One comparison at a time per slot.
 */
export class FollowerSync {
  readonly #host: RoleHost;
  readonly #moment: () => Moment;
  readonly #running = new Set<SlotReplica>();
  /** Copies that differed at the last check. Once may be the log that is under way; twice is a fault. */
  #suspects: ReadonlySet<SlotReplica> = new Set();
  #stopped = false;

  constructor(host: RoleHost, moment: () => Moment) {
    this.#host = host;
    this.#moment = moment;
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Returns the sequence applied. A gap starts a comparison. */
  apply(replica: SlotReplica, { processId, after, entries }: SlotLogRequest): number {
    if (replica.phase.kind !== 'follower') return replica.applied;
    if (processId !== (replica.leaderProcess ?? processId)) {
      // The leader restarted and Meta could not give it a new epoch yet: its numbers begin anew.
      replica.applied = 0;
      replica.becomeSynced(false);
    }
    replica.leaderProcess = processId;
    if (!replica.phase.isSynced || after > replica.applied) {
      this.compare(replica);
      return replica.applied;
    }
    for (const entry of entries) {
      if (entry.sequence !== replica.applied + 1) continue;
      applyEntry(replica, entry, this.#moment());
      replica.applied = entry.sequence;
    }
    return replica.applied;
  }

  compare(replica: SlotReplica): void {
    if (this.#running.has(replica) || this.#stopped) return;
    this.#running.add(replica);
    void this.#compareUntilDone(replica, replica.leaderEpoch).finally(() => {
      this.#running.delete(replica);
      // The leader may have changed during the comparison: the new one has to be compared with, too.
      if (replica.phase.kind === 'follower' && !replica.phase.isSynced) this.#host.clock.schedule(RETRY_MS, () => this.#again(replica));
    });
  }

  /** Compares the roots of all copies with their leaders, one message each, and repairs what differs twice in a row. */
  async check(followed: readonly SlotReplica[]): Promise<void> {
    const byLeader = new Map<PeerId, SlotReplica[]>();
    for (const replica of followed) {
      if (replica.phase.kind !== 'follower' || !replica.phase.isSynced) continue;
      byLeader.set(replica.leader, [...(byLeader.get(replica.leader) ?? []), replica]);
    }
    const differing = await Promise.all([...byLeader].map(([leader, replicas]) => this.#findDiffering(leader, replicas)));
    const suspects = new Set(differing.flat());
    for (const replica of suspects) {
      if (!this.#suspects.has(replica) || replica.phase.kind !== 'follower') continue;
      this.#host.log.warn('a copy of a slot differs from its leader and is repaired', { slot: replica.slotId, leader: replica.leader });
      replica.becomeSynced(false);
      this.compare(replica);
    }
    this.#suspects = suspects;
  }

  async #findDiffering(leader: PeerId, replicas: readonly SlotReplica[]): Promise<readonly SlotReplica[]> {
    const slots = replicas.map(({ slotId, leaderEpoch, store }) => ({ slotId, leaderEpoch, digest: store.root }));
    const request = encodeCompareRoots({ scope: 'whole', owner: this.#host.processId, slots });
    try {
      const answer = decodeCompareRootsAnswer(await this.#host.peers.request(leader, request, { timeoutMs: REQUEST_TIMEOUT_MS }));
      return replicas.filter((replica) => answer.differing.includes(replica.slotId));
    } catch (caught) {
      this.#host.log.debug('copies could not be checked', { leader, reason: RegistryError.from(caught).message });
      return [];
    }
  }

  #again(replica: SlotReplica): void {
    if (replica.phase.kind === 'follower' && !replica.phase.isSynced) this.compare(replica);
  }

  async #compareUntilDone(replica: SlotReplica, leaderEpoch: number): Promise<void> {
    const isCurrent = () => !this.#stopped && replica.leaderEpoch === leaderEpoch && replica.phase.kind === 'follower';
    const appliedAtStart = replica.applied;
    let after = '';
    let sequence: number | undefined;
    while (isCurrent()) {
      try {
        const { slotId, leader } = replica;
        const digests = replica.store.digests(undefined);
        const request = encodeCompareDatums({ scope: 'whole', withLeases: false, slotId, leaderEpoch, after, digests });
        const answer = decodeCompareDatumsAnswer(await this.#host.peers.request(leader, request, { timeoutMs: REQUEST_TIMEOUT_MS }));
        if (!isCurrent()) return;
        // The log goes on from the first page: what later pages already contain is applied twice, harmlessly.
        sequence ??= answer.slotSequence;
        applyWhole(replica, answer, this.#moment());
        after = answer.next;
        if (after !== '') continue;
        if (replica.applied === appliedAtStart) replica.applied = Math.max(replica.applied, sequence);
        replica.becomeSynced(true);
        return;
      } catch (caught) {
        this.#host.log.debug('the leader cannot be compared with yet', {
          slot: replica.slotId,
          reason: RegistryError.from(caught).message,
        });
        await new Promise<void>((resolve) => this.#host.clock.schedule(RETRY_MS, resolve));
      }
    }
  }
}

function applyEntry(replica: SlotReplica, entry: SlotLogEntry, moment: Moment): void {
  if (entry.kind === 'put') replica.store.applyPut(entry.publisher, entry.datumVersion, moment);
  else {
    const { dataInfoId, registerId, registerVersion, reason, datumVersion } = entry;
    replica.store.applyRemove(dataInfoId, registerId, registerVersion, reason, datumVersion, moment);
  }
}

function applyWhole(replica: SlotReplica, answer: CompareDatumsAnswer, moment: Moment): void {
  replica.store.learnVersion(answer.highestVersion);
  for (const tombstone of answer.tombstones) replica.store.applyTombstone(tombstone, moment);
  for (const datum of answer.datums) {
    const keep = new Set(datum.publishers.map((publisher) => publisher.registerId));
    for (const publisher of datum.publishers) replica.store.applyPut(publisher, datum.version, moment);
    const own = replica.store.group(foldDataInfoId(datum.dataInfoId), false).datums.find((other) => other.dataInfoId === datum.dataInfoId);
    for (const publisher of own?.publishers ?? []) {
      if (keep.has(publisher.registerId)) continue;
      replica.store.applyRemove(publisher.dataInfoId, publisher.registerId, publisher.registerVersion, 'repaired', datum.version, moment);
    }
  }
  for (const dataInfoId of answer.absent) {
    const own = replica.store.group(foldDataInfoId(dataInfoId), false).datums.find((other) => other.dataInfoId === dataInfoId);
    for (const publisher of own?.publishers ?? []) {
      replica.store.applyRemove(dataInfoId, publisher.registerId, publisher.registerVersion, 'repaired', own?.version ?? 0n, moment);
    }
  }
}
