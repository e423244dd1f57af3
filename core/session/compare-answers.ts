import type { DataInfoId } from '../model/data-info-id.ts';
import type { Datum } from '../model/datum.ts';
import type { DatumVersion } from '../model/datum-version.ts';
import { sameDigest } from '../model/digest.ts';
import { LIMITS } from '../model/limits.ts';
import type { ProcessId } from '../model/node.ts';
import type { Publisher } from '../model/publisher.ts';
import { payloadBytes } from '../model/stored-publisher.ts';
import type { CompareDatumsAnswer, CompareDatumsRequest, CompareRootsAnswer, CompareRootsRequest } from '../wire/slot-compare.ts';
import type { LeaseCopies } from './lease-copies.ts';
import type { PublisherStore } from './publisher-store.ts';
import type { RecentWithdrawals } from './recent-withdrawals.ts';

const NO_LEASES: ReadonlyMap<DataInfoId, readonly Publisher[]> = new Map();

/** A slot leader asks which of its slots agree with what this Session owns. Another incarnation's records are none of ours: all differ. */
export function answerCompareRoots(request: CompareRootsRequest, processId: ProcessId, store: PublisherStore): CompareRootsAnswer {
  const isSame = request.owner === processId;
  const differing = request.slots.filter((slot) => !isSame || !sameDigest(slot.digest, store.root(slot.slotId)));
  return { processId, differing: differing.map((slot) => slot.slotId) };
}

/** What a Session keeps of its clients' records, and answers slot leaders from. */
export interface KeptRecords {
  readonly publishers: PublisherStore;
  readonly copies: LeaseCopies;
  readonly withdrawals: RecentWithdrawals;
}

/**
 * A slot leader asks for what it lacks: the connection publishers of every datum that differs, and this Session's copies of lease
 * publishers of the slot, which a leader that lost everything gets back this way; and what was withdrawn through this Session lately.
 */
export function answerCompareDatums(
  request: CompareDatumsRequest,
  processId: ProcessId,
  kept: KeptRecords,
  highestVersion: DatumVersion,
): CompareDatumsAnswer {
  const { slotId, after } = request;
  const { publishers: store, copies, withdrawals } = kept;
  const theirs = new Map(request.digests.map((item) => [item.dataInfoId, item.digest]));
  const own = store.names(slotId);
  const ownSet = new Set(own);
  const leases = request.withLeases ? copies.liveOfSlot(slotId) : NO_LEASES;
  const names = [...new Set([...own, ...leases.keys()])].sort();
  const datums: Datum[] = [];
  let bytes = 0;
  let next = '';
  for (const dataInfoId of names) {
    if (dataInfoId <= after) continue;
    const digest = theirs.get(dataInfoId);
    const differs = ownSet.has(dataInfoId) && (digest === undefined || !sameDigest(digest, store.digest(slotId, dataInfoId)));
    const publishers: Publisher[] = [...(differs ? store.publishers(slotId, dataInfoId) : []), ...(leases.get(dataInfoId) ?? [])];
    if (!differs && publishers.length === 0) continue;
    if (bytes > LIMITS.slotPageBytes) {
      next = datums.at(-1)?.dataInfoId ?? '';
      break;
    }
    // An agreeing datum is listed only for its lease copies: all its connection publishers go along, so that none looks withdrawn.
    const whole = differs ? publishers : [...store.publishers(slotId, dataInfoId), ...publishers];
    datums.push({ dataInfoId, version: 0n, publishers: whole });
    for (const publisher of whole) bytes += payloadBytes(publisher) + 200;
  }
  const absent: DataInfoId[] = request.digests.map((item) => item.dataInfoId).filter((id) => !ownSet.has(id));
  const tombstones = after === '' ? withdrawals.ofSlot(slotId) : [];
  return { processId, highestVersion, slotSequence: 0, next, datums, absent, tombstones };
}
