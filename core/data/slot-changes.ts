import { type DataInfoId, type FoldedId, foldDataInfoId } from '../model/data-info-id.ts';
import { RegistryError, RegistryErrorCode } from '../model/errors.ts';
import type { ProcessId } from '../model/node.ts';
import type { Publisher } from '../model/publisher.ts';
import type { RoleHost } from '../seams/host.ts';
import type { RemoveReason } from '../seams/session-gateway.ts';
import { slotOf } from '../slot/slot-of.ts';
import type { SlotBatchRequest, SlotOperation, SlotOperationResult } from '../wire/slot-batch.ts';
import type { WithdrawnRecord } from '../wire/slot-compare.ts';
import { encodeSlotNotice } from '../wire/slot-read.ts';
import type { HeldNames } from './held-names.ts';
import type { LeaseKeeper } from './lease-keeper.ts';
import type { LogStream } from './log-stream.ts';
import type { RestartCache } from './restart-cache.ts';
import type { CompareEffects } from './session-compare.ts';
import type { SlotReplica } from './slot-replica.ts';
import type { Moment } from './slot-store.ts';
import type { PublisherRecord } from './stored-datum.ts';

/** Why something changed, for the notice: the batch of a Session, or the leader's own reasons. */
interface Cause {
  readonly changeId: number;
  readonly acceptedAtMs: number;
}
const OWN_CAUSE: Cause = { changeId: 0, acceptedAtMs: 0 };

export interface ChangeParts {
  readonly host: RoleHost;
  readonly slotCount: number;
  readonly leases: LeaseKeeper;
  readonly restart: RestartCache;
  readonly held: HeldNames;
  readonly stream: LogStream;
  tableEpoch(): number;
}

/**
 * Changes of the slots this node leads: lets the store decide, and makes each decision known to the lease table, the operation log
 * (followers and readers of everything), the restart cache, and, once per turn, to the interested Sessions.
 */
export class SlotChanges implements CompareEffects {
  readonly #parts: ChangeParts;
  readonly #changedSlots = new Set<SlotReplica>();
  #highestStamp = 0;
  #isFlushScheduled = false;
  #stopped = false;

  constructor(parts: ChangeParts) {
    this.#parts = parts;
  }

  /** Greatest register stamp of any operation so far: Sessions keep their stamp clocks above it. */
  get highestStamp(): number {
    return this.#highestStamp;
  }

  stop(): void {
    this.#stopped = true;
  }

  /** One operation of a Session's batch. @throws RegistryError `invalid-argument` for a name of another slot. */
  operate(replica: SlotReplica, request: SlotBatchRequest, operation: SlotOperation): SlotOperationResult {
    if (slotOf(foldDataInfoId(operationName(operation)), this.#parts.slotCount) !== replica.slotId) {
      throw new RegistryError(RegistryErrorCode.InvalidArgument, `a name of another slot in a batch for slot ${replica.slotId}`);
    }
    switch (operation.kind) {
      case 'publish':
        return this.#publish(replica, operation.publisher, request);
      case 'unpublish':
      case 'disconnect':
        return this.#withdrawBy(replica, request, operation);
      case 'renew':
        return this.#renew(replica, request.processId, operation);
    }
  }

  /** A registration that is known from elsewhere: a Session's digest answer, the restart cache. Order by register version decides whether it is news. */
  put(replica: SlotReplica, publisher: Publisher): void {
    this.#publish(replica, publisher, OWN_CAUSE);
  }

  #publish(replica: SlotReplica, publisher: Publisher, cause: Cause): SlotOperationResult {
    this.#highestStamp = Math.max(this.#highestStamp, publisher.registerVersion.stamp);
    const applied = replica.store.publish(publisher, this.moment());
    if (applied.kind === 'stale') return { kind: 'stale', stored: applied.stored, tombstone: applied.tombstone };
    if (applied.kind === 'unchanged') {
      // The same registration again is as good a sign of life as a heartbeat.
      const record = replica.store.find(publisher.dataInfoId, publisher.registerId);
      if (record?.lease !== undefined) this.#parts.leases.renew(record);
      return { kind: 'applied' };
    }
    if (applied.kind === 'unknown') return { kind: 'unknown' };
    const { record } = applied;
    this.#parts.leases.grant(record);
    replica.log.append({ kind: 'put', publisher: record.publisher, datumVersion: record.datum.version }, replica.store.root);
    this.#parts.restart.put(record.publisher);
    const foldedId = record.datum.group.foldedId;
    const isReleased = publisher.liveness.kind === 'connection' && this.#parts.held.returned(foldedId, publisher.registerId);
    if (applied.kind === 'visible' || isReleased) this.notice(replica, foldedId, cause);
    this.#changedSlots.add(replica);
    return { kind: 'applied' };
  }

  #withdrawBy(
    replica: SlotReplica,
    request: SlotBatchRequest,
    operation: Extract<SlotOperation, { kind: 'unpublish' | 'disconnect' }>,
  ): SlotOperationResult {
    const { dataInfoId, registerId, registerVersion } = operation;
    const moment = this.moment();
    const applied =
      operation.kind === 'unpublish'
        ? replica.store.unpublish(dataInfoId, registerId, registerVersion, moment)
        : replica.store.disconnect(request.processId, dataInfoId, registerId, registerVersion, moment);
    this.#highestStamp = Math.max(this.#highestStamp, registerVersion.stamp);
    if (applied.kind === 'stale') return { kind: 'stale', stored: applied.stored, tombstone: applied.tombstone };
    const isReleased = this.#parts.held.withdrawn(foldDataInfoId(dataInfoId), registerId);
    if (applied.kind !== 'visible') {
      if (isReleased) this.notice(replica, foldDataInfoId(dataInfoId), request);
      return { kind: 'unknown' };
    }
    this.#removed(replica, applied.record, operation.kind === 'unpublish' ? 'withdrawn' : 'expired', request, registerVersion);
    return { kind: 'applied' };
  }

  /** What a client withdrew through a Session, learned from that Session. */
  withdraw(replica: SlotReplica, { dataInfoId, registerId, registerVersion }: WithdrawnRecord): void {
    const applied = replica.store.unpublish(dataInfoId, registerId, registerVersion, this.moment());
    if (applied.kind === 'visible') this.#removed(replica, applied.record, 'withdrawn', OWN_CAUSE, registerVersion);
  }

  #renew(replica: SlotReplica, sender: ProcessId, operation: Extract<SlotOperation, { kind: 'renew' }>): SlotOperationResult {
    const record = replica.store.find(operation.dataInfoId, operation.registerId);
    if (record === undefined || record.publisher.liveness.kind !== 'lease') return { kind: 'unknown' };
    this.#parts.leases.renew(record);
    if (!operation.wantsRecord) return { kind: 'applied' };
    // The sender keeps a copy from now on, so it is the one to ask for it: ownership is not visible and changes no version.
    record.publisher = record.publisher.ownedBy(sender);
    return { kind: 'record', publisher: record.publisher };
  }

  #removed(
    replica: SlotReplica,
    record: PublisherRecord,
    reason: RemoveReason,
    cause: Cause,
    version = record.publisher.registerVersion,
  ): void {
    const { publisher, datum } = record;
    this.#parts.leases.release(record);
    const { dataInfoId, registerId, format } = publisher;
    replica.log.append(
      { kind: 'remove', dataInfoId, registerId, format, registerVersion: version, reason, datumVersion: datum.version },
      replica.store.root,
    );
    this.#parts.restart.gone(publisher);
    this.notice(replica, datum.group.foldedId, cause);
    this.#changedSlots.add(replica);
  }

  /** A lease has run out. */
  expire(replica: SlotReplica, record: PublisherRecord): void {
    this.#parts.host.log.debug('lease expired', { dataInfoId: record.publisher.dataInfoId, registerId: record.publisher.registerId });
    replica.store.drop(record, this.moment());
    this.#removed(replica, record, 'expired', OWN_CAUSE);
    this.#parts.restart.flush(replica.store.highestVersion);
    this.flushSoon();
  }

  /** Those of a datum that are not among `keep`, and that whoever was asked decides about, are gone. */
  removeOthers(
    replica: SlotReplica,
    dataInfoId: DataInfoId,
    keep: ReadonlySet<string>,
    isAskedFor: (publisher: Publisher) => boolean,
  ): void {
    const datum = replica.store.group(foldDataInfoId(dataInfoId), false).datums.find((other) => other.dataInfoId === dataInfoId);
    for (const publisher of datum?.publishers ?? []) {
      if (keep.has(publisher.registerId) || !isAskedFor(publisher)) continue;
      const record = replica.store.find(dataInfoId, publisher.registerId);
      if (record === undefined) continue;
      replica.store.drop(record, this.moment());
      this.#removed(replica, record, 'repaired', OWN_CAUSE);
    }
    this.flushSoon();
  }

  /** A Session is gone: everything its connections registered goes with it. */
  removeAllOf(replica: SlotReplica, owner: ProcessId): void {
    if (replica.store.ownerRoot(owner).count === 0) return;
    for (const record of [...replica.store.records()]) {
      if (record.publisher.owner !== owner || record.publisher.liveness.kind !== 'connection') continue;
      replica.store.drop(record, this.moment());
      this.#removed(replica, record, 'expired', OWN_CAUSE);
    }
    this.#parts.restart.flush(replica.store.highestVersion);
  }

  /** Whoever is interested in the name hears of its present version with the next flush. */
  notice(replica: SlotReplica, foldedId: FoldedId, cause: Cause = OWN_CAUSE): void {
    this.#changedSlots.add(replica);
    if (this.#parts.held.isHeld(foldedId)) return;
    const { changeId, acceptedAtMs } = cause;
    const version = replica.store.groupVersion(foldedId);
    replica.interest.changed({ foldedId, version, changeId, acceptedAtMs, committedAtMs: this.#parts.host.clock.wallMs() });
  }

  /** One flush per turn, so that a batch makes one notice per Session and one log message per receiver. */
  flushSoon(): void {
    if (this.#isFlushScheduled || this.#changedSlots.size === 0) return;
    this.#isFlushScheduled = true;
    this.#parts.host.clock.soon(() => this.flush());
  }

  flush(): void {
    this.#isFlushScheduled = false;
    const replicas = [...this.#changedSlots];
    this.#changedSlots.clear();
    if (this.#stopped) return;
    for (const replica of replicas) {
      this.#parts.stream.pump(replica);
      if (replica.phase.kind !== 'serving') continue;
      const { slotId, leaderEpoch } = replica;
      const { monotonicMs } = this.moment();
      replica.notices.add(replica.interest.wholeReaders().length, monotonicMs);
      for (const { session, previous, sequence, changes } of replica.interest.takeNotices()) {
        replica.notices.add(changes.length, monotonicMs);
        this.#parts.host.peers.send(
          session,
          encodeSlotNotice({ slotId, leaderEpoch, tableEpoch: this.#parts.tableEpoch(), previous, sequence, changes }),
        );
      }
    }
  }

  moment(): Moment {
    return { wallMs: this.#parts.host.clock.wallMs(), monotonicMs: this.#parts.host.clock.monotonicMs() };
  }
}

function operationName(operation: SlotOperation): DataInfoId {
  return operation.kind === 'publish' ? operation.publisher.dataInfoId : operation.dataInfoId;
}
