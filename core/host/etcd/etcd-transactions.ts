import { type Compare, decode, type EtcdKeys, encode, numberOf, type RangeAnswer, type TxnAnswer } from './etcd-format.ts';
import { EtcdError, type EtcdGateway } from './etcd-gateway.ts';

/** What etcd must find, then what it does. */
export interface Transaction {
  readonly compare: readonly Compare[];
  readonly success: readonly object[];
  /** Read when the comparison failed, to tell why. */
  readonly failure: readonly object[];
}

export type Outcome =
  | { readonly succeeded: true; readonly revision: number; readonly answer: TxnAnswer | undefined }
  | { readonly succeeded: false; readonly answer: TxnAnswer };

/**
 * Transactions whose outcome is always found out, one at a time. Each also writes the client's own marker key, and only while that key is
 * as the client last left it. When an answer is lost, the marker tells whether the transaction was carried out; when it was not, the marker
 * is rewritten, so that a copy of the request that is still under way will find it changed and do nothing.
 */
export class EtcdTransactions {
  readonly #gateway: EtcdGateway;
  readonly #marker: string;
  readonly #uniqueId: () => string;
  /** The revision at which the marker was written last; undefined: not known yet. */
  #markerRevision: number | undefined;
  /** Sent, and nobody knows what became of it. */
  #unresolved: string | undefined;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(gateway: EtcdGateway, keys: EtcdKeys, client: string, uniqueId: () => string) {
    this.#gateway = gateway;
    this.#marker = keys.transaction(client);
    this.#uniqueId = uniqueId;
  }

  /** @throws EtcdError; with `isOutcomeUnknown` when etcd could not be asked what became of it. */
  run(transaction: Transaction): Promise<Outcome> {
    const running = this.#queue.then(() => this.#run(transaction));
    this.#queue = running.catch(() => undefined);
    return running;
  }

  async #run(transaction: Transaction): Promise<Outcome> {
    if (this.#unresolved !== undefined) await this.#resolve(this.#unresolved);
    this.#markerRevision ??= await this.#readMarker();
    for (;;) {
      const id = this.#uniqueId();
      const markerCompare = this.#isMarkerAt(this.#markerRevision);
      const body = {
        compare: [...transaction.compare, markerCompare],
        success: [...transaction.success, { request_put: { key: this.#marker, value: encode(id) } }],
        failure: [...transaction.failure, { request_range: { key: this.#marker } }],
      };
      const answer = await this.#send(body, id);
      if (answer === 'done') return { succeeded: true, revision: this.#markerRevision, answer: undefined };
      if (answer === 'not done') continue;
      if (answer.succeeded === true) {
        this.#markerRevision = numberOf(answer.header.revision);
        return { succeeded: true, revision: this.#markerRevision, answer };
      }
      const marker = numberOf(answer.responses?.at(-1)?.response_range?.kvs?.[0]?.mod_revision);
      if (marker === this.#markerRevision) return { succeeded: false, answer };
      // An earlier incarnation of this node had a request under way when this one began.
      this.#markerRevision = marker;
    }
  }

  async #send(body: object, id: string): Promise<TxnAnswer | 'done' | 'not done'> {
    try {
      return await this.#gateway.askOnce<TxnAnswer>('kv/txn', body);
    } catch (caught) {
      if (!(caught instanceof EtcdError) || !caught.isOutcomeUnknown) throw caught;
      this.#unresolved = id;
      return (await this.#resolve(id)) ? 'done' : 'not done';
    }
  }

  /** True when the transaction was carried out; false when it was not and never will be. */
  async #resolve(id: string): Promise<boolean> {
    try {
      const answer = await this.#gateway.ask<TxnAnswer>('kv/txn', {
        compare: [this.#isMarkerAt(this.#markerRevision ?? 0)],
        success: [{ request_put: { key: this.#marker, value: encode(`void ${id}`) } }],
        failure: [{ request_range: { key: this.#marker } }],
      });
      const known = answer.responses?.[0]?.response_range?.kvs?.[0];
      this.#markerRevision = answer.succeeded === true ? numberOf(answer.header.revision) : numberOf(known?.mod_revision);
      this.#unresolved = undefined;
      return answer.succeeded !== true && decode(known?.value ?? '') === id;
    } catch (caught) {
      if (!(caught instanceof EtcdError)) throw caught;
      throw new EtcdError(`it is not known whether the last write was done: ${caught.message}`, caught.code, true);
    }
  }

  #isMarkerAt(revision: number): Compare {
    return { key: this.#marker, target: 'MOD', result: 'EQUAL', mod_revision: String(revision) };
  }

  async #readMarker(): Promise<number> {
    const { kvs } = await this.#gateway.ask<RangeAnswer>('kv/range', { key: this.#marker });
    return numberOf(kvs?.[0]?.mod_revision);
  }
}
