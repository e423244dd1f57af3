import { RegistryError } from '../model/errors.ts';
import type { PeerId } from '../model/node.ts';
import type { RoleHost } from '../seams/host.ts';
import type { MetaClient } from '../wire/meta-client.ts';
import { decodeSlotLogAnswer, encodeSlotLog } from '../wire/slot-log.ts';
import type { SlotReplica } from './slot-replica.ts';

const REQUEST_TIMEOUT_MS = 1_000;
const RETRY_LEAST_MS = 20;
const RETRY_MOST_MS = 200;
/** Who reaches Meta has heard of the new table five times by then; who reaches neither it nor its successor is alone on its side of a partition. */
const WAIT_MOST_MS = 5_000;

/**
 * Two may not lead one slot. A leader that the table keeps as a follower lives, as far as Meta knows, and may not have heard that it leads
 * no more: it is told by an empty log message, which makes it fetch the table, until it names the new leader epoch. Resolves with that leader,
 * or with undefined when it is not waited for any more; at once when there is none: one that is gone is not waited for.
 */
export async function whenGivenUp(
  host: RoleHost,
  replica: SlotReplica,
  meta: MetaClient,
  isCurrent: () => boolean,
): Promise<PeerId | undefined> {
  const { formerLeader } = replica;
  if (formerLeader === undefined) return undefined;
  const untilMs = host.clock.monotonicMs() + WAIT_MOST_MS;
  let retryMs = RETRY_LEAST_MS;
  // Meta may say that a node is gone before it can store the table that says so.
  const isThere = () => replica.followers.includes(formerLeader) && meta.members.some((member) => member.peer === formerLeader);
  while (isCurrent() && isThere()) {
    if (await hasGivenUp(host, replica, formerLeader, meta.table.epoch)) return formerLeader;
    if (host.clock.monotonicMs() > untilMs) {
      host.log.warn('a slot is led although its former leader may not know', { slot: replica.slotId, formerLeader });
      return undefined;
    }
    const delayMs = retryMs;
    retryMs = Math.min(RETRY_MOST_MS, retryMs * 2);
    await new Promise<void>((resolve) => host.clock.schedule(delayMs, resolve));
  }
  return undefined;
}

async function hasGivenUp(host: RoleHost, replica: SlotReplica, formerLeader: PeerId, tableEpoch: number): Promise<boolean> {
  const { slotId, leaderEpoch } = replica;
  const message = encodeSlotLog({ slotId, leaderEpoch, processId: host.processId, tableEpoch, after: replica.log.sequence, entries: [] });
  try {
    const answer = decodeSlotLogAnswer(await host.peers.request(formerLeader, message, { timeoutMs: REQUEST_TIMEOUT_MS }));
    // 0: it was started again and holds nothing of the slot.
    return answer.leaderEpoch === 0 || answer.leaderEpoch >= leaderEpoch;
  } catch (caught) {
    host.log.debug('the former leader of a slot does not answer', {
      slot: slotId,
      formerLeader,
      reason: RegistryError.from(caught).message,
    });
    return false;
  }
}
