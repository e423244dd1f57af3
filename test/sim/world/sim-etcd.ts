import {
  type CommitResult,
  type Fence,
  type Leadership,
  type MetaStore,
  nodeOf,
  type ProcessId,
  RegistryError,
  RegistryErrorCode,
  type StoreCondition,
  type StoredValue,
  type StoreWatcher,
  type StoreWrite,
} from '../../../core/index.ts';
import type { SimNetwork } from './network.ts';
import type { SimProcess, World } from './world.ts';

/** The name of its node in the network. */
export const ETCD = 'etcd';
/** As long as the real store's tries take at most. */
const GIVE_UP_MS = 3_000;
const WATCH_EVERY_MS = 500;
/** Commits that a watch may be behind before its history is compacted. */
const HISTORY = 40;
const CLUSTER_KEY = 'meta/cluster';

interface Leader {
  readonly holder: ProcessId;
  readonly term: number;
  readonly client: SimProcess;
  readonly validForMs: number;
  untilMs: number;
}

/**
 * etcd as a Meta sees it through its store: linearizable, with a leader key under a lease, commits fenced by the term, a watch that may
 * find its history compacted. It never loses anything by itself; the network to it does, it may be full, and it may stand still, after
 * which it carries out what has arrived, also what its sender has long given up.
 */
export class SimEtcd {
  readonly #world: World;
  readonly #network: SimNetwork;
  readonly #values = new Map<string, StoredValue>();
  readonly #history: { readonly revision: number; readonly keys: readonly string[] }[] = [];
  #revision = 0;
  #leader: Leader | undefined;
  #standsStillUntilMs = 0;
  isFull = false;
  /** Commits of an old term that were refused. */
  refused = 0;
  /** Writes that were carried out for a Meta that did not lead at that moment: there must be none. */
  readonly lateWrites: string[] = [];

  constructor(world: World, network: SimNetwork) {
    this.#world = world;
    this.#network = network;
  }

  store(process: SimProcess): MetaStore {
    return new SimEtcdStore(this.#world, this, process);
  }

  /** As when etcd itself elects a leader: nothing is answered meanwhile, and no lease runs out. */
  standStill(forMs: number): void {
    this.#standsStillUntilMs = this.#world.nowMs + forMs;
    if (this.#leader !== undefined)
      this.#leader.untilMs = Math.max(this.#leader.untilMs, this.#standsStillUntilMs) + this.#leader.validForMs;
  }

  /** Runs `act` in etcd and brings back what it says. The way may be cut in either direction, before or after it has run. */
  ask<T>(process: SimProcess, act: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      let isOver = false;
      const settle = (run: () => void) => {
        if (isOver) return;
        isOver = true;
        timer.cancel();
        run();
      };
      const timer = this.#world.at(process, GIVE_UP_MS, () => settle(() => reject(unavailable('etcd does not answer'))));
      const run = () => {
        const waitMs = this.#standsStillUntilMs - this.#world.nowMs;
        if (waitMs > 0) {
          this.#world.at(undefined, waitMs, run);
          return;
        }
        let answer: () => void;
        try {
          const value = act();
          answer = () => settle(() => resolve(value));
        } catch (caught) {
          answer = () => settle(() => reject(RegistryError.from(caught)));
        }
        this.#network.carry(ETCD, process.node, () => this.#world.at(process, 0, answer));
      };
      this.#network.carry(process.node, ETCD, run);
    });
  }

  get(key: string): StoredValue | undefined {
    return this.#values.get(key);
  }

  list(prefix: string, after: string, limit: number): readonly StoredValue[] {
    const keys = [...this.#values.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
    return keys.slice(0, limit).map((key) => this.#values.get(key) as StoredValue);
  }

  get revision(): number {
    return this.#revision;
  }

  commit(writes: readonly StoreWrite[], fence: Fence | undefined, client: SimProcess): CommitResult {
    if (this.isFull) throw unavailable('etcd is full (NOSPACE)');
    if (fence !== undefined && this.#presentLeader()?.term !== fence.term) {
      this.refused += 1;
      throw new RegistryError(RegistryErrorCode.NotLeader, `term ${fence.term} is over`);
    }
    const conflict = writes.find((write) => {
      return write.expectedRevision !== undefined && (this.#values.get(write.key)?.revision ?? 0) !== write.expectedRevision;
    });
    if (conflict !== undefined) return { committed: false, conflictingKey: conflict.key };
    this.#checkWriter(writes, client);
    this.#revision += 1;
    for (const write of writes) {
      if (write.kind === 'delete') this.#values.delete(write.key);
      else this.#values.set(write.key, { key: write.key, value: write.value, revision: this.#revision });
    }
    this.#history.push({ revision: this.#revision, keys: writes.map((write) => write.key) });
    if (this.#history.length > HISTORY) this.#history.shift();
    return { committed: true, revision: this.#revision };
  }

  campaign(name: string, holder: ProcessId, validForMs: number, client: SimProcess): Leadership {
    let leader = this.#presentLeader();
    if (leader?.client === client) leader.untilMs = this.#world.nowMs + validForMs;
    else if (leader === undefined || nodeOf(leader.holder) === nodeOf(holder)) {
      // A new lease is a write; one that lives can be kept alive.
      if (this.isFull) throw unavailable('etcd is full (NOSPACE)');
      this.#revision += 1;
      leader = { holder, term: this.#revision, client, validForMs, untilMs: this.#world.nowMs + validForMs };
      this.#leader = leader;
      this.#world.tell(ETCD, `${holder} leads in term ${leader.term}`);
    }
    return { name, holder: leader.holder, term: leader.term, validForMs: leader.client === client ? validForMs : 0 };
  }

  resign(client: SimProcess): void {
    if (this.#leader?.client === client) this.#leader = undefined;
  }

  /** Undefined when what lies behind `after` is compacted. */
  changesAfter(after: number): readonly { readonly revision: number; readonly keys: readonly string[] }[] | undefined {
    const oldest = this.#history[0]?.revision ?? this.#revision + 1;
    if (after + 1 < oldest && after < this.#revision && this.#history.length === HISTORY) return undefined;
    return this.#history.filter(({ revision }) => revision > after);
  }

  /** Not by what the writer says of its term: by who leads. Only the first record of a cluster is written before anybody does. */
  #checkWriter(writes: readonly StoreWrite[], client: SimProcess): void {
    if (this.#presentLeader()?.client === client) return;
    for (const { key, expectedRevision } of writes)
      if (key !== CLUSTER_KEY || expectedRevision !== 0) this.lateWrites.push(`${client.node} writes ${key}`);
  }

  #presentLeader(): Leader | undefined {
    if (this.#leader !== undefined && this.#leader.untilMs <= this.#world.nowMs) this.#leader = undefined;
    return this.#leader;
  }
}

class SimEtcdStore implements MetaStore {
  readonly #world: World;
  readonly #etcd: SimEtcd;
  readonly #process: SimProcess;
  #refusal: string | undefined;
  #isClosed = false;

  constructor(world: World, etcd: SimEtcd, process: SimProcess) {
    this.#world = world;
    this.#etcd = etcd;
    this.#process = process;
  }

  get(key: string): Promise<StoredValue | undefined> {
    return this.#etcd.ask(this.#process, () => this.#etcd.get(key));
  }

  list(prefix: string, { after = '', limit }: { readonly after?: string; readonly limit: number }): Promise<readonly StoredValue[]> {
    return this.#etcd.ask(this.#process, () => this.#etcd.list(prefix, after, limit));
  }

  async commit(writes: readonly StoreWrite[], fence?: Fence): Promise<CommitResult> {
    const own = writes.map((write) => (write.kind === 'put' ? { ...write, value: write.value.slice() } : write));
    try {
      const result = await this.#etcd.ask(this.#process, () => this.#etcd.commit(own, fence, this.#process));
      this.#refusal = undefined;
      return result;
    } catch (caught) {
      const { code, message } = RegistryError.from(caught);
      if (code === RegistryErrorCode.StoreUnavailable) this.#refusal = message;
      throw caught;
    }
  }

  revision(): Promise<number> {
    return this.#etcd.ask(this.#process, () => this.#etcd.revision);
  }

  campaign(name: string, holder: ProcessId, validForMs: number): Promise<Leadership> {
    return this.#etcd.ask(this.#process, () => this.#etcd.campaign(name, holder, validForMs, this.#process));
  }

  resign(): Promise<void> {
    return this.#etcd.ask(this.#process, () => this.#etcd.resign(this.#process));
  }

  watch(prefix: string, watcher: StoreWatcher) {
    let isClosed = false;
    let seen: number | undefined;
    const follow = async () => {
      try {
        if (seen === undefined) seen = await this.revision();
        else seen = await this.#follow(prefix, watcher, seen, () => isClosed);
      } catch {
        // Taken up at the same place with the next look.
      }
      if (!isClosed) this.#world.at(this.#process, WATCH_EVERY_MS, () => void follow());
    };
    void follow();
    return {
      close: () => {
        isClosed = true;
      },
    };
  }

  async #follow(prefix: string, watcher: StoreWatcher, seen: number, isClosed: () => boolean): Promise<number> {
    const { changes, revision } = await this.#etcd.ask(this.#process, () => ({
      changes: this.#etcd.changesAfter(seen),
      revision: this.#etcd.revision,
    }));
    if (isClosed()) return revision;
    if (changes === undefined) watcher.missed();
    for (const change of changes ?? []) {
      const keys = change.keys.filter((key) => key.startsWith(prefix));
      if (keys.length > 0) watcher.changed(keys, change.revision);
    }
    return revision;
  }

  condition(): StoreCondition {
    if (this.#isClosed) return { state: 'closed' };
    return this.#refusal === undefined ? { state: 'serving' } : { state: 'refusing-writes', reason: this.#refusal };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }
}

function unavailable(message: string): RegistryError {
  return new RegistryError(RegistryErrorCode.StoreUnavailable, message);
}
