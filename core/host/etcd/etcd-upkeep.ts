import type { Clock, Timer } from '../../seams/clock.ts';
import type { Log } from '../../seams/log.ts';
import { type EtcdHeader, numberOf } from './etcd-format.ts';
import type { EtcdGateway } from './etcd-gateway.ts';
import type { EtcdValues } from './etcd-values.ts';

export interface EtcdUpkeepOptions {
  readonly gateway: EtcdGateway;
  readonly values: EtcdValues;
  readonly clock: Clock;
  readonly log: Log;
  /** Every so often history older than that is compacted, by whoever leads. */
  readonly compactEveryMs: number;
  /** What etcd was started with as --quota-backend-bytes. */
  readonly quotaBytes: number;
  readonly isLeading: () => boolean;
  /** Space was freed: writes may go on. */
  readonly freed: () => void;
}

interface StatusAnswer {
  readonly header: EtcdHeader;
  readonly dbSize?: string;
  readonly dbSizeInUse?: string;
}

interface AlarmAnswer {
  readonly alarms?: readonly { readonly memberID: string; readonly alarm?: string }[];
}

const HEAL_LEAST_MS = 1_000;
const HEAL_MOST_MS = 30_000;
const DEFRAGMENT_TIMEOUT_MS = 60_000;
const QUOTA_WARNING_SHARE = 0.8;

/** Keeps etcd from filling up with history, and helps it when it is full. Other work of the store never waits for it. */
export class EtcdUpkeep {
  readonly #options: EtcdUpkeepOptions;
  #compactTimer: Timer | undefined;
  #healTimer: Timer | undefined;
  #healDelayMs = HEAL_LEAST_MS;
  #revisionBefore: number | undefined;
  #isClosed = false;

  constructor(options: EtcdUpkeepOptions) {
    this.#options = options;
    this.#scheduleCompaction();
  }

  /** Writes are refused for want of space: frees what is only history. Says nothing when it fails; the next try is near. */
  healSoon(): void {
    if (this.#healTimer !== undefined || this.#isClosed) return;
    this.#healTimer = this.#options.clock.schedule(this.#healDelayMs, () => {
      this.#healTimer = undefined;
      void this.#heal();
    });
    this.#healDelayMs = Math.min(HEAL_MOST_MS, 2 * this.#healDelayMs);
  }

  healed(): void {
    this.#healDelayMs = HEAL_LEAST_MS;
  }

  close(): void {
    this.#isClosed = true;
    this.#compactTimer?.cancel();
    this.#healTimer?.cancel();
  }

  async #heal(): Promise<void> {
    const { gateway, log } = this.#options;
    try {
      const { header } = await gateway.ask<StatusAnswer>('maintenance/status', {});
      await this.#compact(numberOf(header.revision), true);
      // One after the other: a member does not answer while it is being defragmented.
      for (const endpoint of gateway.endpoints) {
        await gateway.askMember(endpoint, 'maintenance/defragment', {}, DEFRAGMENT_TIMEOUT_MS);
      }
      const { alarms = [] } = await gateway.ask<AlarmAnswer>('maintenance/alarm', { action: 'GET' });
      for (const { memberID, alarm } of alarms) {
        if (alarm === 'NOSPACE') await gateway.ask('maintenance/alarm', { action: 'DEACTIVATE', memberID, alarm });
      }
      log.info('etcd was compacted and defragmented, and its alarm put off');
      this.#options.freed();
    } catch (caught) {
      log.warn('etcd is full, and could not be cleaned up yet', { reason: caught instanceof Error ? caught.message : String(caught) });
      this.healSoon();
    }
  }

  #scheduleCompaction(): void {
    const { clock, compactEveryMs } = this.#options;
    this.#compactTimer = clock.schedule(compactEveryMs, () => {
      void this.#look().finally(() => {
        if (!this.#isClosed) this.#scheduleCompaction();
      });
    });
  }

  async #look(): Promise<void> {
    const { gateway, values, log, quotaBytes, isLeading } = this.#options;
    if (!isLeading()) {
      this.#revisionBefore = undefined;
      return;
    }
    try {
      const { header, dbSize, dbSizeInUse } = await gateway.ask<StatusAnswer>('maintenance/status', {});
      if (this.#revisionBefore !== undefined) await this.#compact(this.#revisionBefore, false);
      this.#revisionBefore = numberOf(header.revision);
      await values.sweep();
      if (numberOf(dbSize) > QUOTA_WARNING_SHARE * quotaBytes)
        log.warn('etcd has used most of its quota', { quotaBytes, usedBytes: numberOf(dbSize), liveBytes: numberOf(dbSizeInUse) });
    } catch (caught) {
      log.debug('etcd could not be looked after now', { reason: caught instanceof Error ? caught.message : String(caught) });
    }
  }

  /** Somebody else may have compacted further already, which is as good. */
  async #compact(revision: number, physical: boolean): Promise<void> {
    try {
      await this.#options.gateway.ask('kv/compaction', { revision: String(revision), physical });
    } catch (caught) {
      if (!(caught instanceof Error && caught.message.includes('has been compacted'))) throw caught;
    }
  }
}
