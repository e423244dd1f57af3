import { Role } from '../../../core/index.ts';
import { EurekaOperator } from '../eureka-operator.ts';
import { eventually } from '../eventually.ts';
import { BoltApp } from './bolt-app.ts';
import type { LocalCluster } from './local-cluster.ts';

const EUREKA_APPS = 12;
const INSTANCES_PER_APP = 2;
const BOLT_NAMES = 12;
const HEARTBEAT_EVERY_MS = 4_000;
const READ_EVERY_MS = 150;
const CHURN_EVERY_MS = 25;
const CHURN_NAMES = 40;

/** A reader was shown something else than the whole fixed population. */
export interface Violation {
  readonly atMs: number;
  readonly reader: string;
  readonly missing: readonly string[];
  readonly extra: readonly string[];
}

/**
 * Load for a cluster under test: a fixed population of Eureka instances and bolt publishers that never changes, registrations that come
 * and go beside it all the time, and readers of both protocols at every Session. Each of their reads must contain exactly the fixed
 * population; what does not is kept as a violation.
 */
export class Population {
  readonly violations: Violation[] = [];
  reads = 0;
  pushes = 0;
  changes = 0;
  refusedChanges = 0;
  /** Heartbeats that were answered "register again". */
  forgotten = 0;
  /** Heartbeats that were answered "known". */
  renewals = 0;
  readonly publishers: readonly BoltApp[];
  readonly subscriber: BoltApp;
  readonly #cluster: LocalCluster;
  readonly #churner: BoltApp;
  readonly #instances: readonly { readonly app: string; readonly id: string }[];
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #startedAtMs = performance.now();
  #isWatching = false;
  #stopped = false;
  #turn = 0;

  constructor(cluster: LocalCluster) {
    this.#cluster = cluster;
    this.publishers = [0, 1].map((at) => new BoltApp(() => this.#boltPorts(at)));
    this.subscriber = new BoltApp(() => this.#boltPorts(1));
    this.#churner = new BoltApp(() => this.#boltPorts(0));
    this.#instances = Array.from({ length: EUREKA_APPS * INSTANCES_PER_APP }, (_, i) => ({
      app: `FIX${i % EUREKA_APPS}`,
      id: `fix-${i % EUREKA_APPS}-${Math.floor(i / EUREKA_APPS)}`,
    }));
  }

  /** Resolves when every reader at every Session has seen the whole population once; from then on each read is checked. */
  async start(): Promise<void> {
    await Promise.all(this.#instances.map(({ app, id }) => this.#atSomeSession((operator) => operator.register(app, id))));
    const seen = new Set<string>();
    for (let i = 0; i < BOLT_NAMES; i += 1) {
      const dataId = `fix.bolt.${i}`;
      const expected = this.publishers.map((publisher, at) => {
        publisher.publish(dataId, `${dataId}/${at}`);
        return `${dataId}/${at}`;
      });
      this.subscriber.subscribe(dataId, ({ values }) => {
        this.pushes += 1;
        if (this.#check(`bolt ${dataId}`, values, expected)) seen.add(dataId);
      });
    }
    const sessions = this.#cluster.withRole(Role.Session);
    await eventually(async () => {
      if (seen.size < BOLT_NAMES) throw new Error(`${seen.size} of ${BOLT_NAMES} names were pushed whole`);
      for (const session of sessions) if (!(await this.#read(session.ports.eureka, session.name))) throw new Error('not all is seen yet');
    }, 20_000);
    this.#isWatching = true;
    for (const session of sessions) void this.#readForEver(session.ports.eureka, session.name);
    this.#every(HEARTBEAT_EVERY_MS, () => void this.#heartbeats());
    this.#every(CHURN_EVERY_MS, () => void this.#churn());
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers) clearInterval(timer);
    for (const app of [...this.publishers, this.subscriber, this.#churner]) app.stop();
  }

  /** Runs against one running Session after the other until one answers. */
  async #atSomeSession<T>(run: (operator: EurekaOperator) => Promise<T>): Promise<T> {
    const sessions = this.#cluster.withRole(Role.Session).filter((node) => node.isRunning);
    let failure: unknown = new Error('no Session runs');
    this.#turn += 1;
    for (let at = 0; at < sessions.length; at += 1) {
      const session = sessions[(at + this.#turn) % sessions.length];
      try {
        return await run(new EurekaOperator(session?.ports.eureka ?? 0));
      } catch (caught) {
        failure = caught;
      }
    }
    throw failure;
  }

  async #heartbeats(): Promise<void> {
    await Promise.all(
      this.#instances.map(async ({ app, id }) => {
        try {
          const status = await this.#atSomeSession((operator) => operator.heartbeat(app, id));
          if (status === 200) this.renewals += 1;
          if (status !== 404) return;
          this.forgotten += 1;
          await this.#atSomeSession((operator) => operator.register(app, id));
        } catch {
          // Nobody answered: the next heartbeat will do.
        }
      }),
    );
  }

  async #churn(): Promise<void> {
    const at = this.changes % CHURN_NAMES;
    const isComing = Math.floor(this.changes / CHURN_NAMES) % 2 === 0;
    this.changes += 1;
    if (isComing) this.#churner.publish(`churn.bolt.${at}`, `value ${this.changes}`);
    else this.#churner.unpublish(`churn.bolt.${at}`);
    try {
      if (isComing) await this.#atSomeSession((operator) => operator.register(`CHURN${at}`, `churn-${at}`));
      else await this.#atSomeSession((operator) => operator.cancel(`CHURN${at}`, `churn-${at}`));
    } catch {
      this.refusedChanges += 1;
    }
  }

  async #readForEver(port: number, name: string): Promise<void> {
    while (!this.#stopped) {
      try {
        await this.#read(port, name);
      } catch {
        // The Session is not there, or says that it cannot answer yet: no list is no short list.
      }
      await new Promise((resolve) => setTimeout(resolve, READ_EVERY_MS));
    }
  }

  async #read(port: number, name: string): Promise<boolean> {
    const all = await new EurekaOperator(port).all();
    this.reads += 1;
    const seen = all.filter((instance) => instance.app.startsWith('FIX')).map((instance) => instance.instanceId);
    return this.#check(
      `Eureka at ${name}`,
      seen,
      this.#instances.map((instance) => instance.id),
    );
  }

  #check(reader: string, seen: readonly string[], expected: readonly string[]): boolean {
    const missing = expected.filter((id) => !seen.includes(id));
    const extra = seen.filter((id, at) => !expected.includes(id) || seen.indexOf(id) !== at);
    if (missing.length === 0 && extra.length === 0) return true;
    if (this.#isWatching) this.violations.push({ atMs: Math.round(performance.now() - this.#startedAtMs), reader, missing, extra });
    return false;
  }

  /** Bolt ports of the Sessions, beginning with one of them. */
  #boltPorts(first: number): readonly number[] {
    const ports = this.#cluster.withRole(Role.Session).map((session) => session.ports.sofa);
    return [...ports.slice(first), ...ports.slice(0, first)];
  }

  #every(ms: number, run: () => void): void {
    this.#timers.push(setInterval(run, ms));
  }
}
