/** The parts of etcd's JSON that the store reads. Fields with the value 0, '' or false are left out by the gateway. */
export interface EtcdHeader {
  readonly revision?: string;
}

export interface EtcdPair {
  readonly key: string;
  readonly value?: string;
  readonly create_revision?: string;
  readonly mod_revision?: string;
  readonly lease?: string;
}

export interface RangeAnswer {
  readonly header: EtcdHeader;
  readonly kvs?: readonly EtcdPair[];
}

export interface TxnAnswer {
  readonly header: EtcdHeader;
  readonly succeeded?: boolean;
  readonly responses?: readonly {
    readonly response_range?: RangeAnswer;
    readonly response_put?: { readonly prev_kv?: EtcdPair };
    readonly response_delete_range?: { readonly prev_kvs?: readonly EtcdPair[] };
  }[];
}

export interface Compare {
  readonly key: string;
  readonly target: 'MOD' | 'CREATE';
  readonly result: 'EQUAL' | 'GREATER';
  readonly mod_revision?: string;
  readonly create_revision?: string;
}

/**
 * Where things live below `isthmus/<cluster>/`: `v/` values, `c/` chunks of large values, `t/` the last transaction of each
 * client, `l/` who leads. Several clusters, and other users, share an etcd without meeting.
 */
export class EtcdKeys {
  readonly #base: string;

  constructor(cluster: string) {
    this.#base = `isthmus/${cluster}/`;
  }

  value(key: string): string {
    return encode(`${this.#base}v/${key}`);
  }

  /** The caller's key of an etcd key below `v/`. */
  keyOf(encoded: string): string {
    return decode(encoded).slice(this.#base.length + 2);
  }

  chunk(key: string, hash: string): string {
    return encode(`${this.#base}c/${key}\0${hash}`);
  }

  /** The caller's key and the hash of an etcd key below `c/`. */
  chunkOf(encoded: string): { readonly key: string; readonly hash: string } {
    const text = decode(encoded).slice(this.#base.length + 2);
    const end = text.lastIndexOf('\0');
    return { key: text.slice(0, end), hash: text.slice(end + 1) };
  }

  chunks(): { readonly key: string; readonly range_end: string } {
    return rangeOf(`${this.#base}c/`);
  }

  values(prefix: string): { readonly key: string; readonly range_end: string } {
    return rangeOf(`${this.#base}v/${prefix}`);
  }

  /** The least key behind `after`. */
  behind(after: string): string {
    return encode(`${this.#base}v/${after}\0`);
  }

  transaction(client: string): string {
    return encode(`${this.#base}t/${client}`);
  }

  transactions(): { readonly key: string; readonly range_end: string } {
    return rangeOf(`${this.#base}t/`);
  }

  leader(name: string): string {
    return encode(`${this.#base}l/${name}`);
  }
}

export function encode(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}

export function decode(encoded: string): string {
  return Buffer.from(encoded, 'base64').toString('utf8');
}

export function numberOf(text: string | undefined): number {
  return text === undefined ? 0 : Number(text);
}

/** All keys with this prefix: up to the prefix with its last byte raised. No prefix here ends with the byte 255. */
function rangeOf(prefix: string): { readonly key: string; readonly range_end: string } {
  const start = Buffer.from(prefix, 'utf8');
  const end = Buffer.from(start);
  end[end.length - 1] = (end[end.length - 1] ?? 0) + 1;
  return { key: start.toString('base64'), range_end: end.toString('base64') };
}
