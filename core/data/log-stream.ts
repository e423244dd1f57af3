import { RegistryError } from '../model/errors.ts';
import type { PeerId } from '../model/node.ts';
import type { RoleHost } from '../seams/host.ts';
import { decodeSlotLogAnswer, encodeSlotLog } from '../wire/slot-log.ts';
import type { SlotReplica } from './slot-replica.ts';

interface Receiver {
  /** The receiver has applied up to here, as far as this node knows. */
  position: number;
  isSending: boolean;
  retryDelayMs: number;
}

const ENTRIES_PER_MESSAGE = 512;
/** What a follower took too long to acknowledge it may have applied: the next message finds out, and what waits is not held up for long. */
const REQUEST_TIMEOUT_MS = 1_000;
/** Entries that stay in the log of a slot although every receiver has them. */
const KEPT_ENTRIES = 64;
const RETRY_LEAST_MS = 20;
const RETRY_MOST_MS = 1_000;

/**
 * Streams the operation logs of the slots this node leads to their followers and whole readers: one message in flight per slot and
 * receiver, everything that happens meanwhile in the next. A receiver that is behind the ring repairs itself and says where it is.
 */
export class LogStream {
  readonly #host: RoleHost;
  readonly #tableEpoch: () => number;
  readonly #receivers = new Map<SlotReplica, Map<PeerId, Receiver>>();
  /** Who waits until a follower has a sequence of a slot. */
  readonly #waiting = new Map<SlotReplica, Set<{ readonly sequence: number; readonly resolve: () => void }>>();
  #stopped = false;

  constructor(host: RoleHost, tableEpoch: () => number) {
    this.#host = host;
    this.#tableEpoch = tableEpoch;
  }

  /** Call after the log of a slot grew, or its receivers changed. */
  pump(replica: SlotReplica): void {
    if (!replica.isLeader || this.#stopped) return;
    const targets = this.#targets(replica);
    for (const peer of targets) this.#send(replica, peer, this.#receiver(replica, peer));
    // On a single node nobody reads it, and it would hold every change for nothing.
    if (targets.length === 0) replica.log.forgetUpTo(replica.log.sequence);
  }

  /** Resolves when one follower has applied what the log of a slot holds now, at once when there is none to wait for, or after `mostMs`. */
  whenFollowed(replica: SlotReplica, mostMs: number): Promise<void> {
    const { sequence } = replica.log;
    const receivers = this.#receivers.get(replica);
    const isFollowed = replica.followers.some((peer) => (receivers?.get(peer)?.position ?? 0) >= sequence);
    if (replica.followers.length === 0 || isFollowed || this.#stopped) return Promise.resolve();
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(replica) ?? new Set();
      this.#waiting.set(replica, waiting);
      const timer = this.#host.clock.schedule(mostMs, () => waiter.resolve());
      const waiter = {
        sequence,
        resolve: () => {
          timer.cancel();
          waiting.delete(waiter);
          resolve();
        },
      };
      waiting.add(waiter);
    });
  }

  /** A whole reader begins at the present sequence: what came before it reads page by page. */
  startReader(replica: SlotReplica, peer: PeerId): void {
    this.#slotReceivers(replica).set(peer, { position: replica.log.sequence, isSending: false, retryDelayMs: RETRY_LEAST_MS });
  }

  forget(replica: SlotReplica): void {
    this.#receivers.delete(replica);
    this.#followed(replica, Number.POSITIVE_INFINITY);
    this.#waiting.delete(replica);
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Entries not yet applied by the slowest receiver of a slot. */
  lag(replica: SlotReplica): number {
    let lag = 0;
    for (const receiver of this.#receivers.get(replica)?.values() ?? []) lag = Math.max(lag, replica.log.sequence - receiver.position);
    return lag;
  }

  #targets(replica: SlotReplica): readonly PeerId[] {
    return [...new Set([...replica.followers, ...replica.interest.wholeReaders()])];
  }

  #slotReceivers(replica: SlotReplica): Map<PeerId, Receiver> {
    let receivers = this.#receivers.get(replica);
    if (receivers === undefined) {
      receivers = new Map();
      this.#receivers.set(replica, receivers);
    }
    return receivers;
  }

  #receiver(replica: SlotReplica, peer: PeerId): Receiver {
    const receivers = this.#slotReceivers(replica);
    let receiver = receivers.get(peer);
    if (receiver === undefined) {
      // Nobody knows yet where it is: the first message makes it say so.
      receiver = { position: 0, isSending: false, retryDelayMs: RETRY_LEAST_MS };
      receivers.set(peer, receiver);
    }
    return receiver;
  }

  #send(replica: SlotReplica, peer: PeerId, receiver: Receiver): void {
    if (receiver.isSending || receiver.position === replica.log.sequence) return;
    // Behind the ring: an empty message makes the receiver say where it is, and repair itself.
    const entries = replica.log.since(receiver.position, ENTRIES_PER_MESSAGE) ?? [];
    const after = entries.length > 0 ? receiver.position : replica.log.sequence;
    const { slotId, leaderEpoch } = replica;
    receiver.isSending = true;
    const message = encodeSlotLog({ slotId, leaderEpoch, processId: this.#host.processId, tableEpoch: this.#tableEpoch(), after, entries });
    this.#host.peers.request(peer, message, { timeoutMs: REQUEST_TIMEOUT_MS }).then(
      (frame) => this.#answered(replica, leaderEpoch, peer, receiver, frame),
      (caught: unknown) => this.#failed(replica, peer, receiver, caught),
    );
  }

  #answered(replica: SlotReplica, leaderEpoch: number, peer: PeerId, receiver: Receiver, frame: Uint8Array): void {
    receiver.isSending = false;
    if (this.#stopped || replica.leaderEpoch !== leaderEpoch || this.#receivers.get(replica)?.get(peer) !== receiver) return;
    try {
      const { applied } = decodeSlotLogAnswer(frame);
      const isProgress = applied > receiver.position;
      receiver.position = Math.min(applied, replica.log.sequence);
      if (replica.followers.includes(peer)) this.#followed(replica, receiver.position);
      this.#forgetRead(replica);
      if (isProgress || receiver.position === replica.log.sequence) {
        receiver.retryDelayMs = RETRY_LEAST_MS;
        this.#send(replica, peer, receiver);
      } else this.#retryLater(replica, peer, receiver);
    } catch (caught) {
      this.#failed(replica, peer, receiver, caught);
    }
  }

  /** What everybody has is kept no longer than for one who lost an answer: each entry holds a publisher. */
  #forgetRead(replica: SlotReplica): void {
    const receivers = this.#receivers.get(replica);
    const positions = this.#targets(replica).map((peer) => receivers?.get(peer)?.position ?? 0);
    replica.log.forgetUpTo(Math.min(...positions) - KEPT_ENTRIES);
  }

  #followed(replica: SlotReplica, position: number): void {
    for (const waiter of [...(this.#waiting.get(replica) ?? [])]) if (waiter.sequence <= position) waiter.resolve();
  }

  #failed(replica: SlotReplica, peer: PeerId, receiver: Receiver, caught: unknown): void {
    receiver.isSending = false;
    this.#host.log.debug('slot log not taken', { slot: replica.slotId, peer, reason: RegistryError.from(caught).message });
    this.#retryLater(replica, peer, receiver);
  }

  #retryLater(replica: SlotReplica, peer: PeerId, receiver: Receiver): void {
    const delayMs = receiver.retryDelayMs;
    receiver.retryDelayMs = Math.min(RETRY_MOST_MS, delayMs * 2);
    this.#host.clock.schedule(delayMs, () => {
      const isCurrent = replica.isLeader && this.#receivers.get(replica)?.get(peer) === receiver;
      if (isCurrent && !this.#stopped && this.#targets(replica).includes(peer)) this.#send(replica, peer, receiver);
    });
  }
}
