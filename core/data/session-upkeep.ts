import { RegistryError } from '../model/errors.ts';
import { type PeerId, type ProcessId, Role } from '../model/node.ts';
import type { RoleHost } from '../seams/host.ts';
import type { MetaClient } from '../wire/meta-client.ts';
import type { RestartCache } from './restart-cache.ts';
import { compareSlotWithSession, findDifferingSlots } from './session-compare.ts';
import { SessionLeases } from './session-leases.ts';
import type { SlotChanges } from './slot-changes.ts';
import type { SlotReplicas } from './slot-replicas.ts';

export interface SessionUpkeepParts {
  readonly host: RoleHost;
  readonly meta: MetaClient;
  readonly restart: RestartCache;
  readonly changes: SlotChanges;
  readonly replicas: SlotReplicas;
  readonly sessionLeaseMs: number;
}

/**
 * Keeps the slots that are served here in step with the Sessions that own what connections registered: compares digests with those that
 * live, and withdraws what those that are gone have left.
 */
export class SessionUpkeep {
  readonly #parts: SessionUpkeepParts;
  readonly #leases: SessionLeases;

  constructor(parts: SessionUpkeepParts) {
    this.#parts = parts;
    this.#leases = new SessionLeases(parts.sessionLeaseMs);
  }

  /** A sign of life. */
  heard(processId: ProcessId): void {
    this.#leases.heard(processId, this.#parts.host.clock.monotonicMs());
  }

  /** This node slept: nobody could be heard. */
  forgive(stallMs: number): void {
    this.#leases.forgive(stallMs);
  }

  removeDead(): void {
    const { host, meta, changes, replicas } = this.#parts;
    const served = replicas.serving();
    const owners = new Set<ProcessId>();
    for (const replica of served) for (const owner of replica.store.owners()) owners.add(owner);
    const dead = this.#leases.takeDead(owners, meta.members, host.clock.monotonicMs());
    for (const owner of dead) {
      host.log.warn('a Session is gone; what its connections registered is withdrawn', { session: owner });
      for (const replica of served) changes.removeAllOf(replica, owner);
    }
  }

  /** One Session after the other: roots of all slots in one message, then the slots that differ. */
  async compare(): Promise<void> {
    const { host, meta, replicas } = this.#parts;
    const served = replicas.serving();
    for (const member of meta.members) {
      if (member.role !== Role.Session || served.length === 0) continue;
      try {
        const { processId, slotIds } = await findDifferingSlots(host, member.peer, member.processId, served);
        this.heard(processId);
        meta.linkWorks(member.peer);
        for (const slotId of slotIds) await this.#repair(slotId, member.peer, processId);
      } catch (caught) {
        host.log.debug('digests could not be compared', { session: member.peer, reason: RegistryError.from(caught).message });
      }
    }
  }

  async #repair(slotId: number, session: PeerId, processId: ProcessId): Promise<void> {
    const { host, restart, changes, replicas } = this.#parts;
    const replica = replicas.get(slotId);
    if (replica?.phase.kind === 'serving') await compareSlotWithSession(host, replica, session, processId, changes);
    if (replica !== undefined) restart.flush(replica.store.highestVersion);
    changes.flushSoon();
  }
}
