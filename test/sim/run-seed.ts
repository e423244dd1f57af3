import { type DataInfoId, DEFAULT_GROUP, DEFAULT_INSTANCE_ID, formatDataInfoId, type LeaseGuardConfig } from '../../core/index.ts';
import { ClusterChecker, recordDifferences, replicaDisagreements } from './checkers.ts';
import { ConnectionClient } from './clients/connection-client.ts';
import { EverythingReader } from './clients/everything-reader.ts';
import { LeaseClient } from './clients/lease-client.ts';
import { PollingReader } from './clients/polling-reader.ts';
import { Estate } from './estate.ts';
import { Faults } from './faults.ts';
import { Observer } from './observer.ts';
import { Operator } from './operator.ts';
import { Truth } from './truth.ts';
import { CLUSTER_TOPOLOGIES, SimCluster, type SimNode, TOPOLOGIES } from './world/cluster.ts';
import { Trace } from './world/trace.ts';
import { World } from './world/world.ts';

const SETTLE_MS = 10_000;
const CHAOS_MS = 45_000;
/** Longest time after the last fault until every reader must have the truth: a dead Session's lease plus a client's lease. */
const CONVERGE_MS = 90_000;
/** Peace must last this long. */
const PEACE_MS = 8_000;
/** How long all Sessions may take at quiet to read the operator's switch: a heartbeat, and the document. */
const SWITCH_READ_MS = 3_000;
/** Longest time at quiet until an operator is answered, and until readers have what was withheld from them. */
const CATCH_UP_MS = 2_000;
const CHECK_EVERY_MS = 250;
/** How many times as many clients a cluster has; the last one makes hundreds. */
const CROWDS = [1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 1, 12];

/**
 * What is drawn from a seed: `few` is one Meta and some nodes with some clients; `many` is several Metas over an etcd with up to hundreds of
 * clients, and machines that join and leave; `operated` is either of them with an operator who stops and resumes pushing. What an operator
 * does is drawn from a stream of its own, and the other plans have none, so that their seeds stay what they were.
 */
export const PLANS = ['few', 'many', 'operated'] as const;
export type Plan = (typeof PLANS)[number];

export interface RunOptions {
  readonly seed: number;
  /** Drawn from the seed as well when absent. */
  readonly plan?: Plan;
  /** Receives the story line by line. */
  readonly tell?: (line: string) => void;
}

export interface RunResult {
  readonly seed: number;
  readonly topology: string;
  readonly violations: readonly string[];
  /** Hash over everything that happened: the same seed gives the same. */
  readonly traceHash: string;
  readonly simulatedMs: number;
  readonly events: number;
  readonly pushes: number;
}

/** One run: a cluster drawn from the seed, clients that come and go, faults, then quiet until everything agrees. */
export async function runSeed({ seed, plan, tell }: RunOptions): Promise<RunResult> {
  const world = new World(seed, new Trace(tell));
  const run = new Run(world, plan ?? planOf(world));
  await run.play();
  return {
    seed,
    topology: run.topologyName,
    violations: run.observer.violations,
    traceHash: world.trace.digest(),
    simulatedMs: world.nowMs,
    events: world.events,
    pushes: run.observer.pushes,
  };
}

function planOf(world: World): Plan {
  const chance = world.stream('plan');
  const size = chance.isLucky(0.7) ? 'few' : 'many';
  return chance.isLucky(0.25) ? 'operated' : size;
}

class Run {
  readonly topologyName: string;
  readonly observer: Observer;
  readonly #world: World;
  readonly #truth = new Truth();
  readonly #cluster: SimCluster;
  readonly #checker: ClusterChecker;
  readonly #names: readonly DataInfoId[];
  readonly #readers = new Map<string, EverythingReader>();
  readonly #connections: ConnectionClient[] = [];
  readonly #leases: LeaseClient[] = [];
  #clientsLoseAcknowledgements = true;
  /** How many times as many clients as the smallest world has. */
  readonly #clients: number;
  readonly #operator: Operator | undefined;
  #clientSerial = 0;

  constructor(world: World, plan: Plan) {
    this.#world = world;
    const { chance } = world;
    const size = plan === 'operated' ? (world.stream('size').isLucky(0.7) ? 'few' : 'many') : plan;
    const topology = chance.pick(size === 'few' ? TOPOLOGIES : CLUSTER_TOPOLOGIES);
    this.topologyName = topology.name;
    this.observer = new Observer(world, this.#truth);
    const leaseGuard: LeaseGuardConfig = { share: chance.isLucky(0.5) ? 1 : 0.15, least: 5, mostHoldMs: 20_000 };
    const replicas = size === 'few' ? chance.between(1, 2) : chance.between(1, 3);
    this.#cluster = new SimCluster(world, { topology, slotCount: 16, replicas, leaseGuard });
    this.#clients = size === 'few' ? 1 : chance.pick(CROWDS);
    this.#names = Array.from({ length: chance.between(3, 6) * Math.min(2, this.#clients) }, (_, i) =>
      formatDataInfoId({ dataId: `svc-${i}`, instanceId: DEFAULT_INSTANCE_ID, group: DEFAULT_GROUP }),
    );
    this.#checker = new ClusterChecker(this.#cluster, this.observer, 400 * this.#clients);
    this.#operator = plan === 'operated' ? new Operator(world, this.#cluster, this.observer) : undefined;
    this.#cluster.onSession((node, session) => {
      const reader = `${node.name}-all`;
      this.observer.forget(reader);
      this.#readers.set(reader, new EverythingReader(reader, session, this.observer));
    });
    this.#cluster.onCrash((node) => this.#readers.delete(`${node.name}-all`));
    new PollingReader(world, this.observer, () => [...this.#readers.values()]).start();
  }

  async play(): Promise<void> {
    const { chance } = this.#world;
    this.#cluster.startAll();
    this.#watch();
    await this.#world.runUntil(2_000);
    for (let i = 0; i < 2; i += 1) this.#startSteady();
    for (let i = 0; i < this.#clients * chance.between(3, 8); i += 1) this.#startConnectionClient();
    for (let i = 0; i < this.#clients * chance.between(3, 10); i += 1) this.#startLeaseClient();
    await this.#world.runUntil(SETTLE_MS);
    this.observer.populationKnown();
    const untilMs = SETTLE_MS + CHAOS_MS;
    const faults = new Faults(this.#world, this.#cluster);
    faults.begin(untilMs);
    this.#actUntil(untilMs);
    if (this.#operator !== undefined) new Estate(this.#world, this.#cluster, faults).begin(untilMs);
    this.#operator?.begin(untilMs, () => this.#connectedReaders());
    await this.#world.runUntil(untilMs);
    faults.heal();
    await this.#converge();
    if (this.#operator !== undefined && this.observer.violations.length === 0) await this.#stopAtQuiet(this.#operator);
  }

  #connectedReaders(): readonly string[] {
    return this.#connections.filter((client) => client.isAlive).map((client) => client.name);
  }

  /** Two of each name that never leave, one of each kind. */
  #startSteady(): void {
    const client = this.#newConnectionClient(true);
    client.start(this.#names);
    for (const name of this.#names) {
      client.publish(name);
      const lease = this.#newLeaseClient(name, true);
      lease.register();
    }
  }

  #newConnectionClient(isSteady: boolean): ConnectionClient {
    this.#clientSerial += 1;
    const client = new ConnectionClient(this.#world, this.#cluster, this.#truth, this.observer, `C${this.#clientSerial}`, isSteady);
    client.losesAcknowledgements = this.#clientsLoseAcknowledgements;
    return client;
  }

  #newLeaseClient(name: DataInfoId, isSteady: boolean): LeaseClient {
    this.#clientSerial += 1;
    const shownValue = (node: SimNode, dataInfoId: DataInfoId, registerId: string) =>
      this.#readers.get(`${node.name}-all`)?.valueOf(dataInfoId, registerId);
    return new LeaseClient(this.#world, this.#cluster, this.#truth, shownValue, `L${this.#clientSerial}`, name, isSteady);
  }

  #startConnectionClient(): void {
    const { chance } = this.#world;
    const client = this.#newConnectionClient(false);
    client.start(this.#names.filter(() => chance.isLucky(0.6)));
    for (const name of this.#names) if (chance.isLucky(0.5)) client.publish(name);
    this.#connections.push(client);
  }

  #startLeaseClient(): void {
    const { chance } = this.#world;
    const client = this.#newLeaseClient(chance.pick(this.#names), false);
    client.register();
    this.#leases.push(client);
  }

  #actUntil(untilMs: number): void {
    const chance = this.#world.stream('clients');
    const pauseMs = chance.between(50, 800) / Math.sqrt(this.#clients);
    const next = () => {
      this.#world.at(undefined, chance.between(1, Math.ceil(2 * pauseMs)), () => {
        if (this.#world.nowMs >= untilMs) return;
        if (chance.isLucky(0.6)) this.#actOnConnection(chance.next());
        else this.#actOnLease(chance.next());
        next();
      });
    };
    next();
  }

  #actOnConnection(draw: number): void {
    const { chance } = this.#world;
    const client = chance.pick(this.#connections);
    if (!client.isAlive) {
      if (this.#connections.filter((each) => each.isAlive).length < 10 * this.#clients) this.#startConnectionClient();
      return;
    }
    if (draw < 0.45) client.publish(chance.pick(this.#names));
    else if (draw < 0.65 && client.publishedNames.length > 0) client.unpublish(chance.pick(client.publishedNames));
    else if (draw < 0.78) client.breakConnection();
    else if (draw < 0.9) client.moveAway();
    else if (draw > 0.95) client.crash();
  }

  #actOnLease(draw: number): void {
    const client = this.#world.chance.pick(this.#leases);
    if (!client.isRegistered || draw < 0.4) client.register();
    else if (draw < 0.7) client.cancel();
    else if (draw < 0.85) client.crash();
    else if (this.#leases.length < 20 * this.#clients) this.#startLeaseClient();
  }

  #watch(): void {
    this.#world.at(undefined, CHECK_EVERY_MS, () => {
      this.#checker.check();
      this.#watch();
    });
  }

  /** Pushing is stopped while clients act and come: only the excepted hear of it, and with the end of the stop all others. */
  async #stopAtQuiet(operator: Operator): Promise<void> {
    const [excepted = ''] = this.#connectedReaders();
    await this.#answered(operator.stopPush([excepted]));
    await this.#pass(SWITCH_READ_MS);
    operator.pushSwitch.rests();
    // How fast all catch up is asked of the registry: a client that answers nothing is waited for longer than that.
    this.#clientsLoseAcknowledgements = false;
    this.#startConnectionClient();
    for (const client of this.#connections) client.losesAcknowledgements = false;
    this.#actUntil(this.#world.nowMs + PEACE_MS);
    await this.#pass(PEACE_MS);
    const isServed = (reader: string) => reader === excepted || !this.#connections.some((client) => client.name === reader);
    await this.#agree('no convergence while stopped', CONVERGE_MS, () => [...this.#differences(isServed), ...this.#moving()]);
    await this.#answered(operator.resumePush());
    const afterStop = () => [...recordDifferences(this.#cluster, this.#truth), ...this.#readerDifferences()];
    await this.#agree('no convergence after a stop', CATCH_UP_MS, afterStop);
  }

  /** A client that its last Session still believes in, and that is not at the next yet, has as many publishers as it means only for a moment. */
  #moving(): readonly string[] {
    return this.#connections.filter((client) => !client.isAtRest).map((client) => `${client.name} is on its way to another Session`);
  }

  async #answered(act: Promise<void>): Promise<void> {
    let isOver = false;
    void act.then(() => {
      isOver = true;
    });
    await this.#agree('operator not answered', CATCH_UP_MS, () => (isOver ? [] : ['a durable write at quiet']));
  }

  async #pass(durationMs: number): Promise<void> {
    await this.#world.runUntil(this.#world.nowMs + durationMs);
  }

  /** Whether nothing is open any more; what still is after `mostMs` is a violation. */
  async #agree(rule: string, mostMs: number, differences: () => readonly string[]): Promise<boolean> {
    const untilMs = this.#world.nowMs + mostMs;
    let open = differences();
    while (open.length > 0 && this.#world.nowMs < untilMs) {
      await this.#pass(1_000);
      open = differences();
    }
    for (const difference of open) this.observer.violate(rule, difference);
    return open.length === 0;
  }

  async #converge(): Promise<void> {
    const isOver = () => (this.#operator?.isStopped === true ? ['pushing is stopped'] : []);
    if (!(await this.#agree('no convergence', CONVERGE_MS, () => [...this.#differences(), ...isOver()]))) return;
    this.#world.tell('CHECK', 'everything agrees');
    // Peace must last: what was repaired by luck would move again.
    await this.#pass(PEACE_MS);
    for (const difference of this.#readerDifferences()) this.observer.violate('agreement lost', difference);
    // A slot may just be moving for balance: its copies agree again soon.
    let copies = replicaDisagreements(this.#cluster);
    for (let second = 0; second < PEACE_MS / 1_000 && copies.length > 0; second += 1) {
      await this.#pass(1_000);
      copies = replicaDisagreements(this.#cluster);
    }
    for (const difference of copies) this.observer.violate('agreement lost', difference);
  }

  #differences(isServed?: (reader: string) => boolean): readonly string[] {
    const atNodes = [...replicaDisagreements(this.#cluster), ...recordDifferences(this.#cluster, this.#truth)];
    return [...atNodes, ...this.#readerDifferences(isServed)];
  }

  #readerDifferences(isServed: (reader: string) => boolean = () => true): readonly string[] {
    const found: string[] = [];
    const sessions = this.#cluster.sessions().map((node) => `${node.name}-all`);
    const readers = sessions.map((reader) => ({ reader, names: this.#truth.names() }));
    for (const client of this.#connections) readers.push({ reader: client.name, names: client.subscribedNames });
    for (const { reader, names } of readers.filter((each) => isServed(each.reader))) {
      for (const name of names) {
        const held = this.observer.contentHeldBy(reader, name);
        const truth = this.#truth.contentOf(name);
        if (held !== truth) found.push(`${reader} of ${name}: ${textDifference(held, truth)}`);
      }
    }
    return found;
  }
}

function textDifference(held: string | undefined, truth: string): string {
  if (held === undefined) return 'has never been shown anything';
  const [has, should] = [held.split(' '), truth.split(' ')];
  const missing = should.filter((entry) => !has.includes(entry));
  const extra = has.filter((entry) => !should.includes(entry));
  return `lacks [${missing.join(' ')}], has too much [${extra.join(' ')}]`;
}
