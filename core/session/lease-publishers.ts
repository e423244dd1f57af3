import { type DataInfoId, foldDataInfoId } from '../model/data-info-id.ts';
import { RegistryError, RegistryErrorCode } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import { StoredPublisher } from '../model/stored-publisher.ts';
import type { RoleHost } from '../seams/host.ts';
import type { LeaseGateway, Registration, RenewOutcome } from '../seams/session-gateway.ts';
import { isWithdrawnSince, type SlotOperation, type SlotOperationResult } from '../wire/slot-batch.ts';
import { assertRegistration } from './connection-publishers.ts';
import type { GlobalReader } from './global-reader.ts';
import type { LeaseCopies } from './lease-copies.ts';
import type { RecentWithdrawals } from './recent-withdrawals.ts';
import type { SlotRouter } from './slot-router.ts';
import type { SlotWriter } from './slot-writer.ts';
import { Restamping, type StampClock } from './stamp-clock.ts';

/** A registration is acknowledged from this Session's own copy when the leader was not reached within this time. */
const LEADER_WAIT_MS = 1_000;

/** Registrations that live by heartbeats: written to the slot leader, with a copy here, renewed in batches. */
export class LeasePublishers implements LeaseGateway {
  readonly #host: RoleHost;
  readonly #router: SlotRouter;
  readonly #writer: SlotWriter;
  readonly #stamps: StampClock;
  readonly #copies: LeaseCopies;
  readonly #withdrawals: RecentWithdrawals;
  readonly #reader: GlobalReader;

  constructor(
    host: RoleHost,
    router: SlotRouter,
    writer: SlotWriter,
    stamps: StampClock,
    copies: LeaseCopies,
    withdrawals: RecentWithdrawals,
    reader: GlobalReader,
  ) {
    this.#host = host;
    this.#router = router;
    this.#writer = writer;
    this.#stamps = stamps;
    this.#copies = copies;
    this.#withdrawals = withdrawals;
    this.#reader = reader;
  }

  async register(registration: Registration, durationMs: number): Promise<void> {
    assertRegistration(registration);
    if (!Number.isFinite(durationMs) || durationMs < 1 || durationMs > LIMITS.leaseDurationMs) {
      throw new RegistryError(RegistryErrorCode.InvalidArgument, `a lease lasts 1 to ${LIMITS.leaseDurationMs} ms, not ${durationMs}`);
    }
    const answered = this.#publish(registration, Math.round(durationMs), new Restamping(this.#host.clock));
    await Promise.race([answered, this.#leaderWait()]);
  }

  renew(dataInfoId: DataInfoId, registerId: string): RenewOutcome | Promise<RenewOutcome> {
    const held = this.#copies.renewed(dataInfoId, registerId);
    if (held === undefined) return this.#renewAtLeader(dataInfoId, registerId);
    if (held === 'queue') {
      this.#writer.write({ kind: 'renew', dataInfoId, registerId, wantsRecord: false }, (result) =>
        this.#renewed(dataInfoId, registerId, result),
      );
    }
    return 'renewed';
  }

  async cancel(dataInfoId: DataInfoId, registerId: string): Promise<boolean> {
    const hadCopy = this.#copies.get(dataInfoId, registerId) !== undefined;
    this.#copies.remove(dataInfoId, registerId);
    const answered = this.#withdraw(dataInfoId, registerId, new Restamping(this.#host.clock));
    const existed = await Promise.race([answered, this.#leaderWait()]);
    return existed ?? hadCopy;
  }

  /** Stores the copy first, so that the record survives whatever happens to the leader. */
  async #publish(registration: Registration, durationMs: number, restamping: Restamping): Promise<void> {
    const publisher = new StoredPublisher(registration, {
      registerVersion: { version: 0, stamp: this.#stamps.next() },
      owner: this.#host.processId,
      liveness: { kind: 'lease', durationMs },
    });
    this.#copies.put(publisher);
    const { result, sequence, slotId } = await this.#write({ kind: 'publish', publisher });
    if (result.kind === 'stale') {
      this.#stamps.lift(result.stored.stamp);
      // A newer registration through this Session has taken over while this one was under way.
      if (this.#copies.get(registration.dataInfoId, registration.registerId) !== publisher) return;
      const { registerVersion } = publisher;
      const isNewest = !isWithdrawnSince(result, registerVersion) && restamping.isAllowed(registerVersion.stamp, result.stored.stamp);
      if (isNewest) await this.#publish(registration, durationMs, restamping);
      // While it waited the client has said something else through another Session.
      else this.#copies.remove(registration.dataInfoId, registration.registerId);
      return;
    }
    await this.#reader.whenApplied(slotId, sequence);
  }

  async #withdraw(dataInfoId: DataInfoId, registerId: string, restamping: Restamping): Promise<boolean> {
    const registerVersion = { version: 0, stamp: this.#stamps.next() };
    this.#withdrawals.note(this.slotOf(dataInfoId), dataInfoId, registerId, registerVersion);
    const { result, sequence, slotId } = await this.#write({ kind: 'unpublish', dataInfoId, registerId, registerVersion });
    if (result.kind === 'stale') {
      this.#stamps.lift(result.stored.stamp);
      const isNewest = !result.tombstone && restamping.isAllowed(registerVersion.stamp, result.stored.stamp);
      if (isNewest) return this.#withdraw(dataInfoId, registerId, restamping);
    }
    await this.#reader.whenApplied(slotId, sequence);
    return result.kind === 'applied';
  }

  /** The leader does not know a record of which there is a copy here: it lost it, and gets it back. */
  #renewed(dataInfoId: DataInfoId, registerId: string, result: SlotOperationResult): void {
    this.#copies.renewalAnswered(dataInfoId, registerId);
    const copy = this.#copies.get(dataInfoId, registerId);
    if (result.kind !== 'unknown' || copy === undefined) return;
    this.#writer.write({ kind: 'publish', publisher: copy }, (answer) => {
      // Withdrawn elsewhere: the copy must not answer heartbeats any more.
      if (answer.kind === 'stale' && answer.tombstone && this.#copies.get(dataInfoId, registerId) === copy)
        this.#copies.remove(dataInfoId, registerId);
    });
  }

  async #renewAtLeader(dataInfoId: DataInfoId, registerId: string): Promise<RenewOutcome> {
    const written = this.#write({ kind: 'renew', dataInfoId, registerId, wantsRecord: true });
    const answer = await Promise.race([written, this.#leaderWait()]);
    if (answer === undefined) {
      // The leader is away, perhaps for good: what a reader of everything knows here is as good as a copy, and the renewal is on its way.
      const known = this.#reader.find(dataInfoId, registerId);
      if (known?.liveness.kind !== 'lease') return 'unknown';
      this.#copies.put({ ...known, payload: known.payload.slice() });
      return 'renewed';
    }
    if (answer.result.kind === 'unknown') return 'unknown';
    if (answer.result.kind === 'record') {
      const { publisher } = answer.result;
      this.#copies.put(StoredPublisher.of(publisher));
    }
    return 'renewed';
  }

  #write(operation: SlotOperation): Promise<{ readonly result: SlotOperationResult; readonly sequence: number; readonly slotId: number }> {
    return new Promise((resolve) => this.#writer.write(operation, (result, sequence, slotId) => resolve({ result, sequence, slotId })));
  }

  #leaderWait(): Promise<undefined> {
    return new Promise((resolve) => this.#host.clock.schedule(LEADER_WAIT_MS, () => resolve(undefined)));
  }

  slotOf(dataInfoId: DataInfoId): number {
    return this.#router.slotOf(foldDataInfoId(dataInfoId));
  }
}
