import type { DataInfoId } from '../model/data-info-id.ts';
import { LIMITS } from '../model/limits.ts';
import type { RegisterVersion } from '../model/register-version.ts';
import type { Clock } from '../seams/clock.ts';
import type { WithdrawnRecord } from '../wire/slot-compare.ts';

interface Withdrawal extends WithdrawnRecord {
  readonly slotId: number;
  readonly atMs: number;
}

/**
 * What clients withdrew through this Session lately. A leader that acknowledged it may die before a follower has heard of it: the next
 * leader learns it from here, so that the withdrawal is not undone.
 */
export class RecentWithdrawals {
  readonly #clock: Clock;
  /** The oldest first: a record that is withdrawn again moves to the end. */
  readonly #records = new Map<string, Withdrawal>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  note(slotId: number, dataInfoId: DataInfoId, registerId: string, registerVersion: RegisterVersion): void {
    const key = `${dataInfoId}\u0000${registerId}`;
    this.#records.delete(key);
    this.#records.set(key, { slotId, dataInfoId, registerId, registerVersion, atMs: this.#clock.monotonicMs() });
    this.#forgetOld();
  }

  ofSlot(slotId: number): readonly WithdrawnRecord[] {
    this.#forgetOld();
    return [...this.#records.values()].filter((record) => record.slotId === slotId);
  }

  #forgetOld(): void {
    const oldestMs = this.#clock.monotonicMs() - LIMITS.tombstoneMs;
    for (const [key, { atMs }] of this.#records) {
      if (atMs >= oldestMs && this.#records.size <= LIMITS.recentWithdrawals) return;
      this.#records.delete(key);
    }
  }
}
