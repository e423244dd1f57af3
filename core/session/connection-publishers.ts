import { type DataInfoId, foldDataInfoId } from '../model/data-info-id.ts';
import { RegistryError, RegistryErrorCode } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import { CONNECTION } from '../model/publisher.ts';
import type { RoleHost } from '../seams/host.ts';
import type { Registration } from '../seams/session-gateway.ts';
import { isWithdrawnSince } from '../wire/slot-batch.ts';
import { HeldPublisher, type PublisherHolder, type PublisherStore } from './publisher-store.ts';
import type { RecentWithdrawals } from './recent-withdrawals.ts';
import type { SlotRouter } from './slot-router.ts';
import type { SlotWriter } from './slot-writer.ts';
import { Restamping, type StampClock } from './stamp-clock.ts';

/** Takes, replaces and withdraws the publishers of client connections, and keeps the slot leaders in step. */
export class ConnectionPublishers {
  readonly #host: RoleHost;
  readonly #router: SlotRouter;
  readonly #writer: SlotWriter;
  readonly #stamps: StampClock;
  readonly #store: PublisherStore;
  readonly #withdrawals: RecentWithdrawals;

  constructor(
    host: RoleHost,
    router: SlotRouter,
    writer: SlotWriter,
    stamps: StampClock,
    store: PublisherStore,
    withdrawals: RecentWithdrawals,
  ) {
    this.#host = host;
    this.#router = router;
    this.#writer = writer;
    this.#stamps = stamps;
    this.#store = store;
    this.#withdrawals = withdrawals;
  }

  /** A client that reconnected holds its record again before its old connection is noticed dead. */
  publish(holder: PublisherHolder, registration: Registration, clientVersion: number): void {
    assertRegistration(registration);
    if (!Number.isSafeInteger(clientVersion) || clientVersion < 0) {
      throw new RegistryError(RegistryErrorCode.InvalidArgument, `a registration's version is a whole number from 0, not ${clientVersion}`);
    }
    const { dataInfoId, registerId } = registration;
    const known = this.#store.get(this.#slotOf(dataInfoId), dataInfoId, registerId);
    if (known !== undefined && known.registerVersion.version > clientVersion) return;
    if (known?.holder !== holder && holder.publishers.size >= LIMITS.publishersPerConnection) {
      throw new RegistryError(
        RegistryErrorCode.LimitExceeded,
        `one connection publishes at most ${LIMITS.publishersPerConnection} records`,
      );
    }
    this.#put(holder, registration, clientVersion, new Restamping(this.#host.clock));
  }

  unpublish(dataInfoId: DataInfoId, registerId: string, clientVersion: number): void {
    const known = this.#store.remove(this.#slotOf(dataInfoId), dataInfoId, registerId);
    const version = Math.max(clientVersion, known?.registerVersion.version ?? 0);
    this.#withdraw(dataInfoId, registerId, version, new Restamping(this.#host.clock));
  }

  /** The connection is gone: withdraws what it still holds. */
  disconnect(holder: PublisherHolder): void {
    for (const { dataInfoId, registerId, registerVersion } of [...holder.publishers]) {
      this.#store.remove(this.#slotOf(dataInfoId), dataInfoId, registerId);
      // An answer of `stale` or `unknown` means that it is another Session's by now, or gone: both are what is wanted.
      this.#writer.write({ kind: 'disconnect', dataInfoId, registerId, registerVersion }, () => undefined);
    }
  }

  #put(holder: PublisherHolder, registration: Registration, clientVersion: number, restamping: Restamping): void {
    const { dataInfoId, registerId } = registration;
    const registerVersion = { version: clientVersion, stamp: this.#stamps.next() };
    const publisher = new HeldPublisher(registration, { registerVersion, owner: this.#host.processId, liveness: CONNECTION }, holder);
    const slotId = this.#slotOf(dataInfoId);
    this.#store.put(slotId, publisher);
    this.#writer.write({ kind: 'publish', publisher }, (result) => {
      if (result.kind !== 'stale' || this.#store.get(slotId, dataInfoId, registerId) !== publisher) return;
      this.#stamps.lift(result.stored.stamp);
      // Another Session holds a newer version of the record: it is not this one's truth any more.
      const isOver = result.stored.version > clientVersion || isWithdrawnSince(result, registerVersion);
      if (isOver) this.#store.remove(slotId, dataInfoId, registerId);
      else if (restamping.isAllowed(registerVersion.stamp, result.stored.stamp)) this.#put(holder, registration, clientVersion, restamping);
    });
  }

  #withdraw(dataInfoId: DataInfoId, registerId: string, version: number, restamping: Restamping): void {
    const registerVersion = { version, stamp: this.#stamps.next() };
    this.#withdrawals.note(this.#slotOf(dataInfoId), dataInfoId, registerId, registerVersion);
    this.#writer.write({ kind: 'unpublish', dataInfoId, registerId, registerVersion }, (result) => {
      if (result.kind !== 'stale' || result.tombstone || result.stored.version > version) return;
      if (this.#store.get(this.#slotOf(dataInfoId), dataInfoId, registerId) !== undefined) return;
      this.#stamps.lift(result.stored.stamp);
      if (restamping.isAllowed(registerVersion.stamp, result.stored.stamp)) this.#withdraw(dataInfoId, registerId, version, restamping);
    });
  }

  #slotOf(dataInfoId: DataInfoId): number {
    return this.#router.slotOf(foldDataInfoId(dataInfoId));
  }
}

/** @throws RegistryError `limit-exceeded`, `invalid-argument`. */
export function assertRegistration(registration: Registration): void {
  if (registration.registerId === '' || registration.registerId.length > LIMITS.registerIdLength) {
    throw new RegistryError(RegistryErrorCode.InvalidArgument, `a registerId has 1 to ${LIMITS.registerIdLength} characters`);
  }
  if (registration.payload.length > LIMITS.publisherPayloadBytes) {
    throw new RegistryError(
      RegistryErrorCode.LimitExceeded,
      `a publisher's data has at most ${LIMITS.publisherPayloadBytes} bytes, this one has ${registration.payload.length}`,
    );
  }
}
