import type { PeerId, ProcessId } from '../model/node.ts';
import type { RoleHost } from '../seams/host.ts';
import { type CompareDatumsAnswer, decodeCompareDatumsAnswer, encodeCompareDatums } from '../wire/slot-compare.ts';
import type { SlotReplica } from './slot-replica.ts';

const REQUEST_TIMEOUT_MS = 3_000;

/** Which part of a slot is compared. */
export interface ComparedPart {
  /** The Session process whose connection publishers are compared; absent: the whole slot. */
  readonly owner?: ProcessId;
  /** Also the copies of lease publishers that a Session keeps. */
  readonly withLeases: boolean;
  /** As if this copy held nothing, whatever has come meanwhile. */
  readonly everything?: boolean;
  /** Cursor of an earlier attempt; absent: from the beginning. */
  readonly after?: string;
  /** How long each page is waited for. */
  readonly timeoutMs?: number;
}

/**
 * What a peer has of a slot that this copy has not, or has differently, in pages of bounded bytes. Each page is asked for when the one before
 * has been applied, with new digests, and all of them in the leader epoch of the beginning.
 *
 * @throws RegistryError of the transport, or the peer's when it refuses.
 */
export async function* comparePages(
  host: RoleHost,
  { store, slotId, leaderEpoch }: SlotReplica,
  peer: PeerId,
  { owner, withLeases, everything = false, after = '', timeoutMs = REQUEST_TIMEOUT_MS }: ComparedPart,
): AsyncGenerator<CompareDatumsAnswer, void, void> {
  const scope = owner === undefined ? 'whole' : 'owned';
  let cursor = after;
  do {
    const digests = everything ? [] : store.digests(owner);
    const request = encodeCompareDatums({ scope, withLeases, slotId, leaderEpoch, after: cursor, digests });
    const answer = decodeCompareDatumsAnswer(await host.peers.request(peer, request, { timeoutMs }));
    yield answer;
    cursor = answer.next;
  } while (cursor !== '');
}
