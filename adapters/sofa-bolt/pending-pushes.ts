import type { PushOutcome } from '../../core/index.ts';

/** Answers that have not come after this many later pushes are not waited for any more. */
const MOST_PENDING = 4_096;

/** The pushes of one connection that its client has not answered yet, by request id. */
export class PendingPushes {
  readonly #pending = new Map<number, (outcome: PushOutcome) => void>();
  #lastId = 0;

  /** A number that is unique among the pushes of the connection. */
  nextId(): number {
    this.#lastId = this.#lastId >= 0x7fff_ffff ? 1 : this.#lastId + 1;
    return this.#lastId;
  }

  add(requestId: number, done: (outcome: PushOutcome) => void): void {
    this.#pending.set(requestId, done);
    if (this.#pending.size <= MOST_PENDING) return;
    // A client that never answers: the core has given these up long ago.
    const [oldest] = this.#pending.keys();
    if (oldest !== undefined) this.#pending.delete(oldest);
  }

  /** An answer to nothing that is pending changes nothing: it may be late. */
  answered(requestId: number, outcome: PushOutcome): void {
    const done = this.#pending.get(requestId);
    this.#pending.delete(requestId);
    done?.(outcome);
  }

  closeAll(): void {
    const waiting = [...this.#pending.values()];
    this.#pending.clear();
    for (const done of waiting) done('closed');
  }
}
