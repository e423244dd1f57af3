import type { FoldedId } from '../model/data-info-id.ts';
import type { Datum } from '../model/datum.ts';
import { sameDigest } from '../model/digest.ts';
import { LIMITS } from '../model/limits.ts';
import type { ProcessId } from '../model/node.ts';
import { SlotStatus } from '../model/slot-table.ts';
import { payloadBytes } from '../model/stored-publisher.ts';
import type { CompareDatumsAnswer, CompareDatumsRequest, CompareRootsAnswer, CompareRootsRequest } from '../wire/slot-compare.ts';
import type { SlotAnswer } from '../wire/slot-head.ts';
import type { SlotPageAnswer, SlotPageRequest } from '../wire/slot-log.ts';
import type { SlotReplica } from './slot-replica.ts';

/** Cuts datums behind a cursor into a page of bounded bytes, never less than one datum. */
function cutPage(datums: readonly Datum[], after: string): { readonly page: readonly Datum[]; readonly next: string } {
  const page: Datum[] = [];
  let bytes = 0;
  for (const datum of datums) {
    if (datum.dataInfoId <= after) continue;
    if (page.length > 0 && bytes > LIMITS.slotPageBytes) return { page, next: page.at(-1)?.dataInfoId ?? '' };
    page.push(datum);
    for (const publisher of datum.publishers) bytes += payloadBytes(publisher) + 200;
  }
  return { page, next: '' };
}

/** One page of a slot for a reader of everything; `held` are names of the slot. Refused unless the slot serves. */
export function answerSlotPage(
  replica: SlotReplica | undefined,
  request: SlotPageRequest,
  access: SlotAnswer,
  held: readonly FoldedId[],
): SlotPageAnswer {
  if (replica === undefined || access.status !== SlotStatus.Accept) return { ...access, slotSequence: 0, next: '', held: [], datums: [] };
  const { page, next } = cutPage(replica.store.datums(), request.after);
  return { ...access, slotSequence: replica.log.sequence, next, held: next === '' ? held : [], datums: page };
}

/**
 * Followers ask which of their copies differ from what this node leads. Slots that it does not lead are none of its business, and of those
 * whose root at the follower's sequence it no longer knows it says nothing: they are asked about again.
 */
export function answerWholeRoots(
  request: CompareRootsRequest,
  processId: ProcessId,
  replicaOf: (slotId: number) => SlotReplica | undefined,
): CompareRootsAnswer {
  const differing = request.slots.filter(({ slotId, leaderEpoch, digest }, index) => {
    const replica = replicaOf(slotId);
    if (replica?.phase.kind !== 'serving' || replica.leaderEpoch !== leaderEpoch) return false;
    const root = replica.rootAt(request.applied[index] ?? replica.log.sequence);
    return root !== undefined && !sameDigest(root, digest);
  });
  return { processId, differing: differing.map((slot) => slot.slotId) };
}

/**
 * A follower's question about the whole slot, or that of a leader which has lost something: datums that differ, and those of the asker that
 * this copy has not. A copy that is not whole lately has nothing to say, but to a leader that began with nothing.
 */
export function answerWholeCompare(replica: SlotReplica, request: CompareDatumsRequest, processId: ProcessId): CompareDatumsAnswer {
  const theirs = new Map(request.digests.map((item) => [item.dataInfoId, item.digest]));
  const own = new Map(replica.store.digests(undefined).map((item) => [item.dataInfoId, item.digest]));
  const isHeard = replica.isLatelyWhole || (replica.wasWhole && request.digests.length === 0);
  const held = isHeard ? replica.store.datums() : [];
  const differing = held.filter((datum) => {
    if (replica.store.hasFlipped(datum.dataInfoId)) return false;
    const digest = theirs.get(datum.dataInfoId);
    const mine = own.get(datum.dataInfoId);
    return digest === undefined || mine === undefined || !sameDigest(digest, mine);
  });
  const { page, next } = cutPage(differing, request.after);
  const absent = request.digests.map((item) => item.dataInfoId).filter((id) => !own.has(id) && !replica.store.hasFlipped(id));
  const { highestVersion } = replica.store;
  const tombstones = request.after === '' ? replica.store.tombstones() : [];
  return { processId, highestVersion, slotSequence: replica.log.sequence, next, datums: page, absent, tombstones };
}
