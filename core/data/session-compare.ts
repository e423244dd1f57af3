import type { DataInfoId } from '../model/data-info-id.ts';
import { RegistryError, RegistryErrorCode } from '../model/errors.ts';
import type { PeerId, ProcessId } from '../model/node.ts';
import type { Publisher } from '../model/publisher.ts';
import type { RoleHost } from '../seams/host.ts';
import { type CompareDatumsAnswer, decodeCompareRootsAnswer, encodeCompareRoots, type WithdrawnRecord } from '../wire/slot-compare.ts';
import { comparePages } from './compare-pages.ts';
import type { SlotReplica } from './slot-replica.ts';

const REQUEST_TIMEOUT_MS = 3_000;

/** What the comparison found and the role must apply. */
export interface CompareEffects {
  /** The Session has it; order by register version decides whether it is news. */
  put(replica: SlotReplica, publisher: Publisher): void;
  /** A client withdrew it through the Session; this leader may never have heard of it. */
  withdraw(replica: SlotReplica, withdrawn: WithdrawnRecord): void;
  /** Of a datum: who is not among `keep` is gone, if it is one of those that whoever was asked decides about. */
  removeOthers(
    replica: SlotReplica,
    dataInfoId: DataInfoId,
    keep: ReadonlySet<string>,
    isAskedFor: (publisher: Publisher) => boolean,
  ): void;
}

/** Which of some slots differ between this leader and a Session, in one message. */
export async function findDifferingSlots(
  host: RoleHost,
  session: PeerId,
  owner: ProcessId,
  replicas: readonly SlotReplica[],
): Promise<{ readonly processId: ProcessId; readonly slotIds: readonly number[] }> {
  const slots = replicas.map(({ slotId, leaderEpoch, store }) => ({ slotId, leaderEpoch, digest: store.ownerRoot(owner) }));
  const frame = await host.peers.request(session, encodeCompareRoots({ scope: 'owned', owner, slots, applied: [] }), {
    timeoutMs: REQUEST_TIMEOUT_MS,
  });
  const { processId, differing } = decodeCompareRootsAnswer(frame);
  return { processId, slotIds: differing };
}

/**
 * Makes one slot agree with a Session about what that Session owns: puts what it has, removes what it has not. Resolves with
 * the incarnation that answered. The replica must still be led in the same epoch after each answer, else the rest is dropped.
 *
 * `withLeases`: also its copies of lease publishers, which only a leader that lost them wants.
 *
 * @throws RegistryError of the transport, or `unavailable` when leadership was lost meanwhile.
 */
export async function compareSlotWithSession(
  host: RoleHost,
  replica: SlotReplica,
  session: PeerId,
  owner: ProcessId,
  effects: CompareEffects,
  withLeases = replica.phase.kind === 'migrating',
): Promise<ProcessId> {
  const { slotId, leaderEpoch } = replica;
  let answeredBy = owner;
  for await (const answer of comparePages(host, replica, session, { owner, withLeases })) {
    if (!replica.isLeader || replica.leaderEpoch !== leaderEpoch) {
      throw new RegistryError(RegistryErrorCode.Unavailable, `slot ${slotId} is led by another node now`);
    }
    applyAnswer(replica, owner, answer, effects);
    answeredBy = answer.processId;
  }
  return answeredBy;
}

function applyAnswer(replica: SlotReplica, owner: ProcessId, answer: CompareDatumsAnswer, effects: CompareEffects): void {
  const isOwned = (publisher: Publisher) => publisher.owner === owner && publisher.liveness.kind === 'connection';
  replica.store.learnVersion(answer.highestVersion);
  for (const withdrawn of answer.tombstones) effects.withdraw(replica, withdrawn);
  for (const datum of answer.datums) {
    // What an earlier incarnation of the Session owned is not this one's to withdraw: the Session lease decides about it.
    if (answer.processId === owner) {
      const keep = new Set(datum.publishers.map((publisher) => publisher.registerId));
      effects.removeOthers(replica, datum.dataInfoId, keep, isOwned);
    }
    for (const publisher of datum.publishers) effects.put(replica, publisher);
  }
  if (answer.processId !== owner) return;
  for (const dataInfoId of answer.absent) effects.removeOthers(replica, dataInfoId, NOTHING, isOwned);
}

const NOTHING: ReadonlySet<string> = new Set();
