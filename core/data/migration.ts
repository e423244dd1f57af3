import { RegistryError } from '../model/errors.ts';
import { type Member, type PeerId, Role } from '../model/node.ts';
import type { RoleHost } from '../seams/host.ts';
import type { MetaClient } from '../wire/meta-client.ts';
import { whenGivenUp } from './hand-over.ts';
import { refillFromFollowers } from './refill.ts';
import { type CompareEffects, compareSlotWithSession } from './session-compare.ts';
import type { SlotReplica } from './slot-replica.ts';

const RETRY_MS = 200;
/** One Session that does not answer for this long, tried this often, may be left out (SOFARegistry's escape hatch). */
const FORCE_AFTER_MS = 40_000;
const FORCE_AFTER_TRIES = 15;

/**
 * Brings a slot from migrating to serving: its former leader, if it lives, must have given it up; what the other copies know that this one
 * does not is read; and then the slot must have been compared with every Session that Meta lists, including those that join meanwhile.
 * Without a single Session nobody could read, so it waits. Ends silently when leadership is lost.
 */
export class Migration {
  readonly #host: RoleHost;
  readonly #meta: MetaClient;
  readonly #effects: CompareEffects;
  readonly #done: (replica: SlotReplica) => void;
  readonly #running = new Map<SlotReplica, number>();
  #waiting: (() => void)[] = [];
  #stopped = false;

  constructor(host: RoleHost, meta: MetaClient, effects: CompareEffects, done: (replica: SlotReplica) => void) {
    this.#host = host;
    this.#meta = meta;
    this.#effects = effects;
    this.#done = done;
  }

  start(replica: SlotReplica): void {
    if (this.#running.get(replica) === replica.leaderEpoch) return;
    this.#running.set(replica, replica.leaderEpoch);
    void this.#run(replica, replica.leaderEpoch);
  }

  /** The list of Sessions changed: whoever waits for one looks again. */
  wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resume of waiting) resume();
  }

  stop(): void {
    this.#stopped = true;
    this.wake();
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#host.clock.schedule(RETRY_MS, resolve);
      this.#waiting.push(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  async #run(replica: SlotReplica, leaderEpoch: number): Promise<void> {
    const isCurrent = () => !this.#stopped && replica.leaderEpoch === leaderEpoch && replica.phase.kind === 'migrating';
    const isBlank = replica.store.publisherCount === 0 && !replica.isLatelyWhole;
    // First: what the former leader takes until then comes with its copy, or is known to the Sessions and comes with theirs.
    const formerLeader = await whenGivenUp(this.#host, replica, this.#meta, isCurrent);
    await refillFromFollowers(this.#host, replica, { formerLeader, isBlank }, this.#effects, isCurrent);
    if (isCurrent()) replica.becomeRefilled();
    const startedMs = this.#host.clock.monotonicMs();
    const compared = new Set<string>();
    const tries = new Map<PeerId, number>();
    while (isCurrent()) {
      const sessions = this.#meta.members.filter((member) => member.role === Role.Session);
      const missing = sessions.filter((member) => !compared.has(member.processId));
      if (sessions.length > 0 && missing.length === 0) break;
      await Promise.all(missing.map((member) => this.#compare(replica, member, compared, tries)));
      const stillMissing = sessions.filter((member) => !compared.has(member.processId));
      if (stillMissing.length === 0 && sessions.length > 0) continue;
      const [only] = stillMissing;
      const elapsedMs = this.#host.clock.monotonicMs() - startedMs;
      const mayForce = sessions.length > 1 && stillMissing.length === 1 && elapsedMs > FORCE_AFTER_MS;
      if (only !== undefined && mayForce && (tries.get(only.peer) ?? 0) > FORCE_AFTER_TRIES) {
        this.#host.log.warn('slot serves without having compared with a Session that does not answer', {
          slot: replica.slotId,
          session: only.peer,
        });
        compared.add(only.processId);
      } else await this.#pause();
    }
    if (this.#running.get(replica) === leaderEpoch) this.#running.delete(replica);
    if (isCurrent()) this.#done(replica);
  }

  async #compare(replica: SlotReplica, member: Member, compared: Set<string>, tries: Map<PeerId, number>): Promise<void> {
    tries.set(member.peer, (tries.get(member.peer) ?? 0) + 1);
    try {
      const processId = await compareSlotWithSession(this.#host, replica, member.peer, member.processId, this.#effects);
      compared.add(processId);
    } catch (caught) {
      this.#host.log.debug('a Session could not be compared yet', {
        slot: replica.slotId,
        session: member.peer,
        reason: RegistryError.from(caught).message,
      });
    }
  }
}
