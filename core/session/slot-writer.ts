import type { DataInfoId } from '../model/data-info-id.ts';
import { foldDataInfoId } from '../model/data-info-id.ts';
import { RegistryError, RegistryErrorCode } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { PeerId } from '../model/node.ts';
import { type Slot, SlotStatus } from '../model/slot-table.ts';
import { payloadBytes } from '../model/stored-publisher.ts';
import type { RoleHost } from '../seams/host.ts';
import { decodeSlotBatchAnswer, encodeSlotBatch, type SlotOperation, type SlotOperationResult } from '../wire/slot-batch.ts';
import type { SlotRouter } from './slot-router.ts';

/** Told once, when the slot leader has answered an operation. `slotSequence` is the slot's after it. */
export type OperationDone = (result: SlotOperationResult, slotSequence: number, slotId: number) => void;

interface Pending {
  readonly operation: SlotOperation;
  readonly done: OperationDone[];
  readonly acceptedAtMs: number;
}

interface SlotQueue {
  readonly slotId: number;
  /** By record: the newest operation of each, in the order of their first arrival. */
  pending: Map<string, Pending>;
  isSending: boolean;
  retryDelayMs: number;
}

/**
 * Operations of this Session that one leader may have unanswered, before the next batch waits: about 60 ms of its processor. A leader that
 * is given all at once answers much of it too late, is sent that again meanwhile, and has the more to do.
 */
const OPERATIONS_UNDER_WAY = 2_000;
const RETRY_LEAST_MS = 20;
const RETRY_MOST_MS = 1_000;

/**
 * Carries what this Session's clients changed to the slot leaders: per slot and turn one batch, the next one only after the answer,
 * so that the order per record holds. Nothing is dropped while it waits: a record's newer operation replaces its older one, so
 * memory is bounded by what the Session holds. No leader is given more at once than it answers in time. Moved, MisMatch, silence: the
 * table is refreshed and the batch tried again.
 */
export class SlotWriter {
  readonly #host: RoleHost;
  readonly #router: SlotRouter;
  readonly #timeoutMs: number;
  readonly #queues = new Map<number, SlotQueue>();
  /** What is to be sent as soon as its leader may be given more, in the order in which it came. */
  readonly #ready = new Set<SlotQueue>();
  /** Unanswered operations by leader. */
  readonly #underWay = new Map<PeerId, number>();
  #isFlushScheduled = false;
  #changeId = 0;
  #stopped = false;

  constructor(host: RoleHost, router: SlotRouter, timeoutMs: number) {
    this.#host = host;
    this.#router = router;
    this.#timeoutMs = timeoutMs;
  }

  /** Operations that wait for an answer. */
  get pendingCount(): number {
    let count = 0;
    for (const queue of this.#queues.values()) count += queue.pending.size;
    return count;
  }

  write(operation: SlotOperation, done: OperationDone): void {
    if (this.#stopped) throw new RegistryError(RegistryErrorCode.Stopped, 'the Session is stopping');
    const dataInfoId = nameOf(operation);
    const queue = this.#queue(this.#router.slotOf(foldDataInfoId(dataInfoId)));
    enqueue(queue, { operation, done: [done], acceptedAtMs: this.#host.clock.wallMs() });
    this.#flushSoon(queue);
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Tries every slot again at once: a new table has come. */
  kick(): void {
    for (const queue of this.#queues.values()) {
      if (queue.pending.size > 0) this.#flushSoon(queue);
    }
  }

  #queue(slotId: number): SlotQueue {
    let queue = this.#queues.get(slotId);
    if (queue === undefined) {
      queue = { slotId, pending: new Map(), isSending: false, retryDelayMs: RETRY_LEAST_MS };
      this.#queues.set(slotId, queue);
    }
    return queue;
  }

  #flushSoon(queue: SlotQueue): void {
    this.#ready.add(queue);
    this.#scheduleFlush();
  }

  #scheduleFlush(): void {
    if (this.#isFlushScheduled || this.#ready.size === 0) return;
    this.#isFlushScheduled = true;
    this.#host.clock.soon(() => {
      this.#isFlushScheduled = false;
      for (const queue of [...this.#ready]) {
        const slot = this.#router.slot(queue.slotId);
        if (slot !== undefined && (this.#underWay.get(slot.leader) ?? 0) >= OPERATIONS_UNDER_WAY) continue;
        this.#ready.delete(queue);
        void this.#send(queue, slot);
      }
    });
  }

  async #send(queue: SlotQueue, slot: Slot | undefined): Promise<void> {
    if (queue.isSending || queue.pending.size === 0 || this.#stopped) return;
    queue.isSending = true;
    const batch = takeBatch(queue);
    const isAnswered = slot !== undefined && (await this.#deliver(slot, batch));
    queue.isSending = false;
    if (isAnswered) {
      queue.retryDelayMs = RETRY_LEAST_MS;
      if (queue.pending.size > 0) this.#flushSoon(queue);
      return;
    }
    putBack(queue, batch);
    this.#router.refresh();
    const delayMs = queue.retryDelayMs;
    queue.retryDelayMs = Math.min(RETRY_MOST_MS, delayMs * 2);
    this.#host.clock.schedule(delayMs, () => this.#flushSoon(queue));
  }

  async #deliver(slot: Slot, batch: readonly Pending[]): Promise<boolean> {
    this.#changeId += 1;
    const request = encodeSlotBatch({
      ...this.#router.address(slot),
      processId: this.#host.processId,
      changeId: this.#changeId,
      acceptedAtMs: batch[0]?.acceptedAtMs ?? 0,
      operations: batch.map((pending) => pending.operation),
    });
    this.#countUnderWay(slot.leader, batch.length);
    try {
      const answer = decodeSlotBatchAnswer(await this.#host.peers.request(slot.leader, request, { timeoutMs: this.#timeoutMs }));
      if (answer.status === SlotStatus.Moved || answer.status === SlotStatus.MisMatch || answer.results.length !== batch.length)
        return false;
      batch.forEach((pending, index) => {
        for (const done of pending.done) done(answer.results[index] as SlotOperationResult, answer.slotSequence, slot.slotId);
      });
      return true;
    } catch (caught) {
      this.#host.log.debug('a batch was not answered; it is tried again', {
        slot: slot.slotId,
        reason: RegistryError.from(caught).message,
      });
      return false;
    } finally {
      this.#countUnderWay(slot.leader, -batch.length);
      this.#scheduleFlush();
    }
  }

  #countUnderWay(leader: PeerId, more: number): void {
    const count = (this.#underWay.get(leader) ?? 0) + more;
    if (count > 0) this.#underWay.set(leader, count);
    else this.#underWay.delete(leader);
  }
}

function nameOf(operation: SlotOperation): DataInfoId {
  return operation.kind === 'publish' ? operation.publisher.dataInfoId : operation.dataInfoId;
}

function recordKey(operation: SlotOperation): string {
  const registerId = operation.kind === 'publish' ? operation.publisher.registerId : operation.registerId;
  return `${nameOf(operation)}\u0000${registerId}`;
}

/** A newer operation of the same record takes the place of the older one, and answers for it. A heartbeat never replaces a change. */
function enqueue(queue: SlotQueue, pending: Pending): void {
  const key = recordKey(pending.operation);
  const earlier = queue.pending.get(key);
  if (earlier === undefined) {
    queue.pending.set(key, pending);
    return;
  }
  const operation = pending.operation.kind === 'renew' ? mergeRenewal(earlier.operation, pending.operation) : pending.operation;
  queue.pending.set(key, { operation, done: [...earlier.done, ...pending.done], acceptedAtMs: earlier.acceptedAtMs });
}

function mergeRenewal(earlier: SlotOperation, renewal: Extract<SlotOperation, { kind: 'renew' }>): SlotOperation {
  if (earlier.kind !== 'renew') return earlier;
  return { ...renewal, wantsRecord: renewal.wantsRecord || earlier.wantsRecord };
}

function takeBatch(queue: SlotQueue): Pending[] {
  const batch: Pending[] = [];
  let bytes = 0;
  for (const [key, pending] of queue.pending) {
    if (batch.length >= LIMITS.batchOperations || bytes >= LIMITS.batchBytes) break;
    batch.push(pending);
    queue.pending.delete(key);
    if (pending.operation.kind === 'publish') bytes += payloadBytes(pending.operation.publisher) + 200;
  }
  return batch;
}

/** What was not answered goes first again, unless something newer of the same record has come. */
function putBack(queue: SlotQueue, batch: readonly Pending[]): void {
  const newer = queue.pending;
  queue.pending = new Map();
  for (const pending of batch) enqueue(queue, pending);
  for (const pending of newer.values()) enqueue(queue, pending);
}
