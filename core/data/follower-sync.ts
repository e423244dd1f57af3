import { type DataInfoId, foldDataInfoId } from '../model/data-info-id.ts';
import { RegistryError } from '../model/errors.ts';
import { fingerprintOf, sameFingerprint } from '../model/fingerprint.ts';
import { LIMITS } from '../model/limits.ts';
import type { PeerId } from '../model/node.ts';
import { compareRegisterVersion } from '../model/register-version.ts';
import type { RoleHost } from '../seams/host.ts';
import { type CompareDatumsAnswer, decodeCompareRootsAnswer, encodeCompareRoots } from '../wire/slot-compare.ts';
import type { SlotLogEntry, SlotLogRequest } from '../wire/slot-log.ts';
import { comparePages } from './compare-pages.ts';
import type { SlotReplica } from './slot-replica.ts';
import type { Moment } from './slot-store.ts';
import { Turns } from './turns.ts';

const REQUEST_TIMEOUT_MS = 3_000;
const RETRY_MS = 300;
const RETRY_MOST_MS = 1_200;
const RECHECK_MS = 1_000;
/** Names of one repair that are written into the log. */
const NAMES_MOST = 20;

/** How far a copy has come. */
interface CopyProgress {
  readonly appliedAtStart: number;
  /** Cursor for the next page. */
  after: string;
  /** Of the first page. */
  sequence: number | undefined;
}

/**
 * Keeps a follower's copy: applies the leader's log in sequence, and compares the whole slot with the leader when it begins, when
 * the log has a gap, and now and then. One comparison at a time per slot, and a few per leader.
 */
export class FollowerSync {
  readonly #host: RoleHost;
  readonly #moment: () => Moment;
  readonly #running = new Set<SlotReplica>();
  readonly #turns = new Turns<PeerId>(LIMITS.copiesAtOnce);
  /** Copies that are being repaired because a check found a fault: what was wrong is named. */
  readonly #faulty = new Set<SlotReplica>();
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

  /** Compares the roots of all copies with their leaders, one message each, and repairs what differs twice within a second. */
  async check(followed: readonly SlotReplica[]): Promise<void> {
    const suspects = await this.#differing(followed);
    if (suspects.length === 0) return;
    // A leader of version 1 compares with what it has by now, so that once may be the log that is under way; twice is a fault.
    await new Promise<void>((resolve) => this.#host.clock.schedule(RECHECK_MS, resolve));
    for (const replica of await this.#differing(suspects)) {
      if (replica.phase.kind !== 'follower') continue;
      this.#host.log.warn('a copy of a slot differs from its leader and is repaired', { slot: replica.slotId, leader: replica.leader });
      replica.becomeSynced(false);
      this.#faulty.add(replica);
      this.compare(replica);
    }
  }

  async #differing(replicas: readonly SlotReplica[]): Promise<readonly SlotReplica[]> {
    const byLeader = new Map<PeerId, SlotReplica[]>();
    for (const replica of replicas) {
      if (replica.phase.kind !== 'follower' || !replica.phase.isSynced || replica.applied < replica.copied || this.#stopped) continue;
      byLeader.set(replica.leader, [...(byLeader.get(replica.leader) ?? []), replica]);
    }
    return (await Promise.all([...byLeader].map(([leader, led]) => this.#findDiffering(leader, led)))).flat();
  }

  async #findDiffering(leader: PeerId, replicas: readonly SlotReplica[]): Promise<readonly SlotReplica[]> {
    const slots = replicas.map(({ slotId, leaderEpoch, store }) => ({ slotId, leaderEpoch, digest: store.root }));
    const applied = replicas.map((replica) => replica.applied);
    const request = encodeCompareRoots({ scope: 'whole', owner: this.#host.processId, slots, applied });
    try {
      const answer = decodeCompareRootsAnswer(await this.#host.peers.request(leader, request, { timeoutMs: REQUEST_TIMEOUT_MS }));
      return replicas.filter((replica) => answer.differing.includes(replica.slotId));
    } catch (caught) {
      this.#host.log.debug('copies could not be checked', { leader, reason: RegistryError.from(caught).message });
      return [];
    }
  }

  /** Says which records a repair changes. */
  #name(replica: SlotReplica, answer: CompareDatumsAnswer): void {
    for (const { dataInfoId, registerId, fault } of findFaults(replica, answer).slice(0, NAMES_MOST))
      this.#host.log.warn('a record of a copy is repaired', { slot: replica.slotId, dataInfoId, registerId, fault });
  }

  #again(replica: SlotReplica): void {
    if (replica.phase.kind === 'follower' && !replica.phase.isSynced) this.compare(replica);
  }

  async #compareUntilDone(replica: SlotReplica, leaderEpoch: number): Promise<void> {
    const isCurrent = () => !this.#stopped && replica.leaderEpoch === leaderEpoch && replica.phase.kind === 'follower';
    const progress: CopyProgress = { appliedAtStart: replica.applied, after: '', sequence: undefined };
    let retryMs = RETRY_MS;
    while (isCurrent()) {
      try {
        await this.#turns.run(replica.leader, () => this.#copy(replica, progress, isCurrent));
        return;
      } catch (caught) {
        this.#host.log.debug('the leader cannot be compared with yet', {
          slot: replica.slotId,
          reason: RegistryError.from(caught).message,
        });
        // A new leader has better things to do than to refuse the followers of all its slots again and again. Others have their turn meanwhile.
        const delayMs = retryMs;
        retryMs = Math.min(RETRY_MOST_MS, retryMs * 2);
        await new Promise<void>((resolve) => this.#host.clock.schedule(delayMs, resolve));
      }
    }
  }

  /** Reads page after page, from where an attempt before this one came to. @throws RegistryError when the leader does not answer one. */
  async #copy(replica: SlotReplica, progress: CopyProgress, isCurrent: () => boolean): Promise<void> {
    if (!isCurrent()) return;
    const { leader } = replica;
    for await (const answer of comparePages(this.#host, replica, leader, { withLeases: false, after: progress.after })) {
      if (!isCurrent()) return;
      // The log goes on from the first page: what later pages already contain is applied twice, harmlessly.
      progress.sequence ??= answer.slotSequence;
      if (this.#faulty.has(replica)) this.#name(replica, answer);
      applyWhole(replica, answer, this.#moment());
      replica.copied = answer.slotSequence;
      progress.after = answer.next;
    }
    if (!isCurrent()) return;
    if (replica.applied === progress.appliedAtStart) replica.applied = Math.max(replica.applied, progress.sequence ?? 0);
    replica.becomeSynced(true);
    this.#faulty.delete(replica);
  }
}

function applyEntry(replica: SlotReplica, entry: SlotLogEntry, moment: Moment): void {
  if (entry.kind === 'put') replica.store.applyPut(entry.publisher, entry.datumVersion, moment);
  else {
    const { dataInfoId, registerId, registerVersion, reason, datumVersion } = entry;
    replica.store.applyRemove(dataInfoId, registerId, registerVersion, reason, datumVersion, moment);
  }
}

interface RecordFault {
  readonly dataInfoId: DataInfoId;
  readonly registerId: string;
  readonly fault: 'missing' | 'different' | 'surplus';
}

/** How a copy differs from what its leader sent. */
function findFaults(replica: SlotReplica, answer: CompareDatumsAnswer): readonly RecordFault[] {
  const faults: RecordFault[] = [];
  for (const { dataInfoId, publishers } of answer.datums) {
    const theirs = new Set(publishers.map((publisher) => publisher.registerId));
    for (const publisher of publishers) {
      const { registerId } = publisher;
      const record = replica.store.find(dataInfoId, registerId);
      if (record === undefined) faults.push({ dataInfoId, registerId, fault: 'missing' });
      else if (record.isFlipped || !sameFingerprint(record.fingerprint, fingerprintOf(publisher)))
        faults.push({ dataInfoId, registerId, fault: 'different' });
    }
    for (const { registerId } of replica.store.datum(dataInfoId)?.publishers ?? [])
      if (!theirs.has(registerId)) faults.push({ dataInfoId, registerId, fault: 'surplus' });
  }
  for (const dataInfoId of answer.absent)
    for (const { registerId } of replica.store.datum(dataInfoId)?.publishers ?? [])
      faults.push({ dataInfoId, registerId, fault: 'surplus' });
  return faults;
}

function applyWhole(replica: SlotReplica, answer: CompareDatumsAnswer, moment: Moment): void {
  replica.store.learnVersion(answer.highestVersion);
  for (const tombstone of answer.tombstones) replica.store.applyTombstone(tombstone, moment);
  for (const datum of answer.datums) {
    const keep = new Set(datum.publishers.map((publisher) => publisher.registerId));
    for (const publisher of datum.publishers) {
      const own = replica.store.find(datum.dataInfoId, publisher.registerId);
      // Nobody whom the leader has asked knew of anything newer: its word stands, or the two would differ for ever.
      const isNewer = own !== undefined && compareRegisterVersion(own.publisher.registerVersion, publisher.registerVersion) > 0;
      if (isNewer) replica.store.drop(own, moment);
      replica.store.applyPut(publisher, datum.version, moment);
    }
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
