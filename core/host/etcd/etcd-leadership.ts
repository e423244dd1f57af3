import { nodeOf, type ProcessId } from '../../model/node.ts';
import type { Leadership } from '../../seams/store.ts';
import { type Compare, decode, type EtcdKeys, type EtcdPair, encode, numberOf, type RangeAnswer, type TxnAnswer } from './etcd-format.ts';
import type { EtcdGateway } from './etcd-gateway.ts';

/**
 * Leadership by a lease of etcd: the leader's key lives as long as the lease is kept alive, and the revision at which it was created
 * is the term. etcd alone decides when a lease is over; its clock is the one that counts.
 */
export class EtcdLeadership {
  readonly #gateway: EtcdGateway;
  readonly #keys: EtcdKeys;
  /** By name: the lease under which this store's leader key lives. */
  readonly #leases = new Map<string, string>();

  constructor(gateway: EtcdGateway, keys: EtcdKeys) {
    this.#gateway = gateway;
    this.#keys = keys;
  }

  get isLeading(): boolean {
    return this.#leases.size > 0;
  }

  /** @throws EtcdError. */
  async campaign(name: string, holder: ProcessId, validForMs: number): Promise<Leadership> {
    const lease = this.#leases.get(name);
    if (lease !== undefined && !(await this.#keepAlive(lease))) this.#leases.delete(name);
    const present = await this.#read(name);
    if (present !== undefined) {
      const leader = decode(present.value ?? '') as ProcessId;
      if (present.lease !== undefined && present.lease === this.#leases.get(name)) return this.#leads(name, present, validForMs);
      if (leader === holder || nodeOf(leader) !== nodeOf(holder)) return { name, holder: leader, term: termOf(present), validForMs: 0 };
      // What this node held before it was started again: nobody else can be using it.
      if (present.lease !== undefined) await this.#revoke(present.lease);
    }
    return this.#run(name, holder, validForMs);
  }

  async resign(name: string): Promise<void> {
    const lease = this.#leases.get(name);
    this.#leases.delete(name);
    if (lease !== undefined) await this.#revoke(lease);
  }

  /** Holds while the term lasts. */
  fence(name: string, term: number): Compare {
    return { key: this.#keys.leader(name), target: 'CREATE', result: 'EQUAL', create_revision: String(term) };
  }

  async isTermOver(name: string, term: number): Promise<boolean> {
    const present = await this.#read(name);
    return present === undefined || termOf(present) !== term;
  }

  async #run(name: string, holder: ProcessId, validForMs: number): Promise<Leadership> {
    const { ID: lease } = await this.#gateway.ask<{ readonly ID: string }>('lease/grant', { TTL: String(Math.ceil(validForMs / 1_000)) });
    const key = this.#keys.leader(name);
    // May be sent twice: the second one finds the key that the first one made, under this lease.
    const answer = await this.#gateway.ask<TxnAnswer>('kv/txn', {
      compare: [{ key, target: 'CREATE', result: 'EQUAL', create_revision: '0' }],
      success: [{ request_put: { key, value: encode(holder), lease } }, { request_range: { key } }],
      failure: [{ request_range: { key } }],
    });
    const present = answer.responses?.at(-1)?.response_range?.kvs?.[0];
    if (present?.lease === lease) {
      this.#leases.set(name, lease);
      return this.#leads(name, present, validForMs);
    }
    await this.#revoke(lease);
    const leader = decode(present?.value ?? '') as ProcessId;
    return { name, holder: leader, term: present === undefined ? 0 : termOf(present), validForMs: 0 };
  }

  #leads(name: string, present: EtcdPair, validForMs: number): Leadership {
    return { name, holder: decode(present.value ?? '') as ProcessId, term: termOf(present), validForMs };
  }

  async #read(name: string): Promise<EtcdPair | undefined> {
    const { kvs } = await this.#gateway.ask<RangeAnswer>('kv/range', { key: this.#keys.leader(name) });
    return kvs?.[0];
  }

  /** False when the lease is over. */
  async #keepAlive(lease: string): Promise<boolean> {
    const { result } = await this.#gateway.ask<{ readonly result?: { readonly TTL?: string } }>('lease/keepalive', { ID: lease });
    return numberOf(result?.TTL) > 0;
  }

  async #revoke(lease: string): Promise<void> {
    try {
      await this.#gateway.ask('lease/revoke', { ID: lease });
    } catch {
      // It ends by itself.
    }
  }
}

function termOf(pair: EtcdPair): number {
  return numberOf(pair.create_revision);
}
