import type { DataInfoId } from '../model/data-info-id.ts';
import type { Datum } from '../model/datum.ts';
import type { DatumVersion } from '../model/datum-version.ts';
import { RegistryError } from '../model/errors.ts';
import type { PeerId } from '../model/node.ts';
import type { RoleHost } from '../seams/host.ts';
import type { WithdrawnRecord } from '../wire/slot-compare.ts';
import { type ComparedPart, comparePages } from './compare-pages.ts';
import type { CompareEffects } from './session-compare.ts';
import type { SlotReplica } from './slot-replica.ts';

const REQUEST_TIMEOUT_MS = 1_000;
const RETRY_MS = 100;
/** A follower that lives has heard of the table by then. One that does not answer has nothing to give now. */
const WAIT_MOST_MS = 2_000;

/** With what a leader begins. */
export interface Beginning {
  /** It lives, and has given the slot up. */
  readonly formerLeader: PeerId | undefined;
  /** Neither a whole copy nor anything from before its restart: it takes what any copy holds, also one that was whole under an earlier leader only. */
  readonly isBlank: boolean;
}

/**
 * A new leader reads what other copies hold before it asks the Sessions; what lives by leases and was registered, withdrawn or left to
 * expire by a lost process may be known to them alone. It asks the former leader, if that has given the slot up to it, and then those that
 * followed beside it: one of them may have taken more of the log. A leader without a whole copy asks all its followers: it was started
 * again, and Meta could not give its slots to one of them, because its store took no table. Of two copies of a datum the one with the
 * greater version is right.
 *
 * Meta's list of members is not asked who lives: a Meta that has just started does not list all of them. Resolves when each copy has answered
 * or is not waited for any more.
 */
export async function refillFromFollowers(
  host: RoleHost,
  replica: SlotReplica,
  { formerLeader, isBlank }: Beginning,
  effects: CompareEffects,
  isCurrent: () => boolean,
): Promise<void> {
  const { followers, formerFollowers, isLatelyWhole } = replica;
  const untilMs = host.clock.monotonicMs() + WAIT_MOST_MS;
  const inheritance = new Inheritance(replica, effects);
  const read = { withLeases: true, everything: isBlank, timeoutMs: REQUEST_TIMEOUT_MS };
  // It has decided last, so that its word spares that of the others.
  if (isLatelyWhole && formerLeader !== undefined) await refillFrom(formerLeader);
  const asked = isLatelyWhole ? followers.filter((follower) => formerFollowers.includes(follower)) : followers;
  await Promise.all(asked.map((follower) => refillFrom(follower)));

  async function refillFrom(follower: PeerId): Promise<void> {
    while (isCurrent() && replica.followers.includes(follower)) {
      try {
        await readCopy(host, replica, follower, read, inheritance, isCurrent);
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
  read: ComparedPart,
  inheritance: Inheritance,
  isCurrent: () => boolean,
): Promise<void> {
  const withdrawn: WithdrawnRecord[] = [];
  for await (const page of comparePages(host, replica, follower, read)) {
    if (!isCurrent()) return;
    replica.store.learnVersion(page.highestVersion);
    for (const datum of page.datums) inheritance.merge(datum);
    withdrawn.push(...page.tombstones);
  }
  if (!isCurrent()) return;
  // At the end: it gives datums new versions, and the old ones are compared until then.
  inheritance.withdraw(withdrawn);
}

/** What a new leader has of the time before it, and what it takes from other copies. */
class Inheritance {
  readonly #replica: SlotReplica;
  readonly #effects: CompareEffects;
  /** A copy that has missed something may have a version of a leader that nobody else has heard of. */
  readonly #isComparable: boolean;
  /** The greatest version that was taken of a datum. */
  readonly #taken = new Map<DataInfoId, DatumVersion>();

  constructor(replica: SlotReplica, effects: CompareEffects) {
    this.#replica = replica;
    this.#effects = effects;
    this.#isComparable = replica.isLatelyWhole;
  }

  merge({ dataInfoId, version, publishers }: Datum): void {
    const own = this.#replica.store.datum(dataInfoId)?.version ?? 0n;
    // What has come since was told to this leader, and is in no other copy.
    const isInherited = own <= this.#replica.inheritedVersion;
    const known = this.#taken.get(dataInfoId) ?? (isInherited && this.#isComparable ? own : 0n);
    if (version < known) return;
    if (isInherited && version > own) {
      const keep = new Set(publishers.map((publisher) => publisher.registerId));
      this.#effects.removeOthers(this.#replica, dataInfoId, keep, () => true);
    }
    for (const publisher of publishers) this.#effects.put(this.#replica, publisher);
    this.#taken.set(dataInfoId, version);
  }

  withdraw(records: readonly WithdrawnRecord[]): void {
    for (const record of records) this.#effects.withdraw(this.#replica, record);
  }
}
