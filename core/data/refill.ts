import { RegistryError } from '../model/errors.ts';
import type { PeerId } from '../model/node.ts';
import type { RoleHost } from '../seams/host.ts';
import { decodeCompareDatumsAnswer, encodeCompareDatums } from '../wire/slot-compare.ts';
import type { CompareEffects } from './session-compare.ts';
import type { SlotReplica } from './slot-replica.ts';

const REQUEST_TIMEOUT_MS = 1_000;
const RETRY_MS = 100;
/** A follower that lives has heard of the table by then. One that does not answer has nothing to give now. */
const WAIT_MOST_MS = 2_000;

/**
 * A new leader reads what other copies hold before it asks the Sessions; what lives by leases and was registered or withdrawn through a lost
 * process may be known to them alone. It asks those that followed the former leader beside it: one of them may have taken more of its log.
 * A leader without a whole copy asks all its followers: it was started again, and Meta could not give its slots to one of them, because its
 * store took no table. Resolves when each has answered or is not waited for any more.
 */
export async function refillFromFollowers(
  host: RoleHost,
  replica: SlotReplica,
  effects: CompareEffects,
  isCurrent: () => boolean,
): Promise<void> {
  const { followers, formerFollowers, isLatelyWhole } = replica;
  const untilMs = host.clock.monotonicMs() + WAIT_MOST_MS;
  const asked = isLatelyWhole ? followers.filter((follower) => formerFollowers.includes(follower)) : followers;
  await Promise.all(asked.map((follower) => refillFrom(follower)));

  async function refillFrom(follower: PeerId): Promise<void> {
    while (isCurrent() && replica.followers.includes(follower)) {
      try {
        await readCopy(host, replica, follower, effects, isCurrent);
        return;
      } catch (caught) {
        const reason = RegistryError.from(caught).message;
        if (host.clock.monotonicMs() > untilMs) {
          host.log.warn('a slot is led without what a follower may hold of it', { slot: replica.slotId, follower, reason });
          return;
        }
        await new Promise<void>((resolve) => host.clock.schedule(RETRY_MS, resolve));
      }
    }
  }
}

async function readCopy(
  host: RoleHost,
  replica: SlotReplica,
  follower: PeerId,
  effects: CompareEffects,
  isCurrent: () => boolean,
): Promise<void> {
  const { slotId, leaderEpoch } = replica;
  let after = '';
  do {
    const digests = replica.store.digests(undefined);
    const request = encodeCompareDatums({ scope: 'whole', withLeases: true, slotId, leaderEpoch, after, digests });
    const answer = decodeCompareDatumsAnswer(await host.peers.request(follower, request, { timeoutMs: REQUEST_TIMEOUT_MS }));
    if (!isCurrent()) return;
    replica.store.learnVersion(answer.highestVersion);
    for (const withdrawn of answer.tombstones) effects.withdraw(replica, withdrawn);
    for (const datum of answer.datums) for (const publisher of datum.publishers) effects.put(replica, publisher);
    after = answer.next;
  } while (after !== '');
}
