import type { Clock, Timer } from '../../seams/clock.ts';
import type { StoreWatcher } from '../../seams/store.ts';
import type { Closeable } from '../../seams/transport.ts';
import { type EtcdHeader, type EtcdKeys, type EtcdPair, numberOf, type RangeAnswer } from './etcd-format.ts';
import type { EtcdGateway } from './etcd-gateway.ts';

interface WatchMessage {
  readonly result?: {
    readonly header?: EtcdHeader;
    readonly canceled?: boolean;
    readonly compact_revision?: string;
    readonly events?: readonly { readonly kv: EtcdPair }[];
  };
  readonly error?: { readonly message?: string };
}

const RETRY_MS = 500;

/** Follows the keys below a prefix. A stream that ends is taken up where it ended; when etcd has compacted what lies between, the watcher is told so. */
export class EtcdWatch implements Closeable {
  readonly #gateway: EtcdGateway;
  readonly #keys: EtcdKeys;
  readonly #clock: Clock;
  readonly #prefix: string;
  readonly #watcher: StoreWatcher;
  /** First revision that was not seen; undefined: begin with what comes. */
  #from: number | undefined;
  #stream: Closeable | undefined;
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(gateway: EtcdGateway, keys: EtcdKeys, clock: Clock, prefix: string, watcher: StoreWatcher) {
    this.#gateway = gateway;
    this.#keys = keys;
    this.#clock = clock;
    this.#prefix = prefix;
    this.#watcher = watcher;
    void this.#begin();
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#stream?.close();
  }

  async #begin(): Promise<void> {
    try {
      // Without a revision to begin at, what happens before the stream is there would be missed.
      if (this.#from === undefined) {
        const { header } = await this.#gateway.ask<RangeAnswer>('kv/range', { ...this.#keys.values(this.#prefix), count_only: true });
        this.#from = numberOf(header.revision) + 1;
      }
    } catch {
      this.#retry();
      return;
    }
    if (this.#isClosed) return;
    const create_request = { ...this.#keys.values(this.#prefix), start_revision: String(this.#from), progress_notify: true };
    this.#stream = this.#gateway.stream<WatchMessage>(
      'watch',
      { create_request },
      (message) => this.#take(message),
      () => this.#retry(),
    );
  }

  #take({ result, error }: WatchMessage): void {
    if (this.#isClosed) return;
    if (error !== undefined || result?.canceled === true) {
      if (result?.compact_revision !== undefined) {
        this.#from = numberOf(result.compact_revision);
        this.#watcher.missed();
      }
      this.#stream?.close();
      return;
    }
    const byRevision = new Map<number, string[]>();
    for (const { kv } of result?.events ?? []) {
      const revision = numberOf(kv.mod_revision);
      const keys = byRevision.get(revision);
      if (keys === undefined) byRevision.set(revision, [this.#keys.keyOf(kv.key)]);
      else keys.push(this.#keys.keyOf(kv.key));
    }
    for (const [revision, keys] of byRevision) this.#watcher.changed(keys, revision);
    if (byRevision.size > 0) this.#from = Math.max(...byRevision.keys()) + 1;
  }

  #retry(): void {
    if (this.#isClosed) return;
    this.#timer = this.#clock.schedule(RETRY_MS, () => void this.#begin());
  }
}
