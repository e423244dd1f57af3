import { RegistryError, RegistryErrorCode } from '../../model/errors.ts';
import type { ProcessId } from '../../model/node.ts';
import type { Clock } from '../../seams/clock.ts';
import type { Log } from '../../seams/log.ts';
import type { Random } from '../../seams/random.ts';
import type {
  CommitResult,
  Fence,
  Leadership,
  MetaStore,
  StoreCondition,
  StoredValue,
  StoreWatcher,
  StoreWrite,
} from '../../seams/store.ts';
import type { Closeable } from '../../seams/transport.ts';
import { assertValueSizes } from '../store-rules.ts';
import { type Compare, EtcdKeys, type EtcdPair, numberOf, type RangeAnswer, type TxnAnswer } from './etcd-format.ts';
import { EtcdError, EtcdGateway, type EtcdGatewayOptions } from './etcd-gateway.ts';
import { EtcdLeadership } from './etcd-leadership.ts';
import { EtcdTransactions } from './etcd-transactions.ts';
import { EtcdUpkeep } from './etcd-upkeep.ts';
import { type EncodedValue, EtcdValues, encodeValue } from './etcd-values.ts';
import { EtcdWatch } from './etcd-watch.ts';

export interface EtcdStoreOptions extends EtcdGatewayOptions {
  readonly cluster: string;
  /** Stable name of this node: what it had under way before a restart is told apart by it. */
  readonly client: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** History older than this is compacted; 5 minutes when absent. */
  readonly compactEveryMs?: number;
  /** etcd's quota, to warn before it is reached; etcd's own default of 2 GiB when absent. */
  readonly quotaBytes?: number;
}

const COMPACT_EVERY_MS = 300_000;
const QUOTA_BYTES = 2 * 1024 * 1024 * 1024;
/** Values fetched at once; each has at most a chunk's size. */
const LIST_PAGE = 32;
/** Chunks that a cleaner removed between their writing and the manifest's are written again. */
const COMMIT_TRIES = 3;

/** The MetaStore of several Metas, over etcd 3.4 or newer. Nothing is asked of etcd before the first call. */
export class EtcdStore implements MetaStore {
  readonly #gateway: EtcdGateway;
  readonly #keys: EtcdKeys;
  readonly #options: EtcdStoreOptions;
  readonly #values: EtcdValues;
  readonly #transactions: EtcdTransactions;
  readonly #leadership: EtcdLeadership;
  readonly #upkeep: EtcdUpkeep;
  readonly #watches = new Set<EtcdWatch>();
  #refusal: string | undefined;
  #isClosed = false;

  constructor(options: EtcdStoreOptions) {
    this.#options = options;
    this.#gateway = new EtcdGateway(options);
    this.#keys = new EtcdKeys(options.cluster);
    this.#values = new EtcdValues(this.#gateway, this.#keys);
    this.#transactions = new EtcdTransactions(this.#gateway, this.#keys, options.client, () => options.random.uuid());
    this.#leadership = new EtcdLeadership(this.#gateway, this.#keys);
    this.#upkeep = new EtcdUpkeep({
      gateway: this.#gateway,
      values: this.#values,
      clock: options.clock,
      log: options.log,
      compactEveryMs: options.compactEveryMs ?? COMPACT_EVERY_MS,
      quotaBytes: options.quotaBytes ?? QUOTA_BYTES,
      isLeading: () => this.#leadership.isLeading,
      freed: () => {
        this.#refusal = undefined;
      },
    });
  }

  get(key: string): Promise<StoredValue | undefined> {
    return this.#asking(async () => {
      const { kvs } = await this.#gateway.ask<RangeAnswer>('kv/range', { key: this.#keys.value(key) });
      return kvs?.[0] === undefined ? undefined : this.#values.read(kvs[0]);
    });
  }

  list(prefix: string, options: { readonly after?: string; readonly limit: number }): Promise<readonly StoredValue[]> {
    return this.#asking(async () => {
      const found: StoredValue[] = [];
      const range = this.#keys.values(prefix);
      let key = options.after === undefined || options.after < prefix ? range.key : this.#keys.behind(options.after);
      while (found.length < options.limit) {
        const limit = Math.min(LIST_PAGE, options.limit - found.length);
        const { kvs = [] } = await this.#gateway.ask<RangeAnswer>('kv/range', { ...range, key, limit: String(limit) });
        for (const pair of kvs) {
          const value = await this.#values.read(pair);
          if (value !== undefined) found.push(value);
        }
        const last = kvs.at(-1);
        if (kvs.length < limit || last === undefined) break;
        key = this.#keys.behind(this.#keys.keyOf(last.key));
      }
      return found;
    });
  }

  commit(writes: readonly StoreWrite[], fence?: Fence): Promise<CommitResult> {
    return this.#asking(async () => {
      assertValueSizes(writes);
      // Encoded before anything is awaited: the caller's arrays are its own again once this returns.
      const last = new Map<string, EncodedValue | undefined>();
      for (const write of writes) last.set(write.key, write.kind === 'put' ? encodeValue(write.value) : undefined);
      for (let attempt = 1; ; attempt += 1) {
        const result = await this.#commitOnce(writes, last, fence, attempt === COMMIT_TRIES);
        this.#works();
        if (result !== undefined) return result;
      }
    });
  }

  revision(): Promise<number> {
    return this.#asking(async () => {
      const range = { ...this.#keys.transactions(), sort_order: 'DESCEND', sort_target: 'MOD', limit: '1' };
      const { kvs } = await this.#gateway.ask<RangeAnswer>('kv/range', range);
      return numberOf(kvs?.[0]?.mod_revision);
    });
  }

  campaign(name: string, holder: ProcessId, validForMs: number): Promise<Leadership> {
    return this.#asking(() => this.#leadership.campaign(name, holder, validForMs));
  }

  resign(name: string): Promise<void> {
    return this.#asking(() => this.#leadership.resign(name));
  }

  watch(prefix: string, watcher: StoreWatcher): Closeable {
    const watch = new EtcdWatch(this.#gateway, this.#keys, this.#options.clock, prefix, watcher);
    this.#watches.add(watch);
    return {
      close: () => {
        watch.close();
        this.#watches.delete(watch);
      },
    };
  }

  condition(): StoreCondition {
    if (this.#isClosed) return { state: 'closed' };
    return this.#refusal === undefined ? { state: 'serving' } : { state: 'refusing-writes', reason: this.#refusal };
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#upkeep.close();
    for (const watch of this.#watches) watch.close();
    this.#gateway.close();
  }

  /** undefined: chunks were removed under our hands, try again. */
  async #commitOnce(
    writes: readonly StoreWrite[],
    values: ReadonlyMap<string, EncodedValue | undefined>,
    fence: Fence | undefined,
    isLastTry: boolean,
  ): Promise<CommitResult | undefined> {
    const chunksAreThere: Compare[] = [];
    for (const [key, value] of values) if (value !== undefined) chunksAreThere.push(...(await this.#values.writeChunks(key, value)));
    const expected = writes.filter((write) => write.expectedRevision !== undefined);
    const outcome = await this.#transactions.run({
      compare: [
        ...expected.map((write): Compare => {
          const revision = String(write.expectedRevision);
          return { key: this.#keys.value(write.key), target: 'MOD', result: 'EQUAL', mod_revision: revision };
        }),
        ...chunksAreThere,
        ...(fence === undefined ? [] : [this.#leadership.fence(fence.name, fence.term)]),
      ],
      success: [...values].map(([key, value]) => this.#operation(key, value)),
      failure: expected.map((write) => ({ request_range: { key: this.#keys.value(write.key), keys_only: true } })),
    });
    if (outcome.succeeded) {
      await this.#forgetChunks(outcome.answer, values, outcome.revision);
      return { committed: true, revision: outcome.revision };
    }
    if (fence !== undefined && (await this.#leadership.isTermOver(fence.name, fence.term))) {
      throw new RegistryError(RegistryErrorCode.NotLeader, `term ${fence.term} of ${fence.name} is over`);
    }
    const conflict = expected.find((write, at) => {
      const found = outcome.answer.responses?.[at]?.response_range?.kvs?.[0];
      return numberOf(found?.mod_revision) !== write.expectedRevision;
    });
    if (conflict !== undefined) return { committed: false, conflictingKey: conflict.key };
    if (!isLastTry) return undefined;
    throw new RegistryError(RegistryErrorCode.StoreUnavailable, 'others keep removing what is being written');
  }

  #operation(key: string, value: EncodedValue | undefined): object {
    const name = this.#keys.value(key);
    if (value === undefined) return { request_delete_range: { key: name, prev_kv: true } };
    return { request_put: { key: name, value: value.stored, prev_kv: true } };
  }

  /** What cannot be removed now is swept later. */
  async #forgetChunks(
    answer: TxnAnswer | undefined,
    values: ReadonlyMap<string, EncodedValue | undefined>,
    revision: number,
  ): Promise<void> {
    const replaced = (answer?.responses ?? []).flatMap(({ response_put, response_delete_range }): readonly EtcdPair[] => {
      if (response_put?.prev_kv !== undefined) return [response_put.prev_kv];
      return response_delete_range?.prev_kvs ?? [];
    });
    for (const previous of replaced) {
      try {
        await this.#values.forgetChunks(previous, values.get(this.#keys.keyOf(previous.key)), revision);
      } catch (caught) {
        this.#options.log.debug('chunks of a replaced value are left for later', { reason: RegistryError.from(caught).message });
      }
    }
  }

  #works(): void {
    if (this.#refusal === undefined) return;
    this.#refusal = undefined;
    this.#upkeep.healed();
    this.#options.log.info('etcd takes writes again');
  }

  /** @throws RegistryError for whatever etcd answered, or did not. */
  async #asking<T>(ask: () => Promise<T>): Promise<T> {
    if (this.#isClosed) throw new RegistryError(RegistryErrorCode.StoreUnavailable, 'the store is closed');
    try {
      return await ask();
    } catch (caught) {
      if (!(caught instanceof EtcdError)) throw caught;
      if (caught.isOutOfSpace) {
        if (this.#refusal === undefined) this.#options.log.error('etcd is full and refuses writes', { reason: caught.message });
        this.#refusal = `etcd is full (NOSPACE): ${caught.message}`;
        this.#upkeep.healSoon();
        throw new RegistryError(RegistryErrorCode.StoreUnavailable, this.#refusal, { cause: caught });
      }
      throw new RegistryError(RegistryErrorCode.StoreUnavailable, `etcd: ${caught.message}`, { cause: caught });
    }
  }
}
