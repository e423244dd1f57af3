import { Role } from '../../core/index.ts';
import type { Chance } from './world/chance.ts';
import type { SimCluster, SimNode } from './world/cluster.ts';
import { ETCD, type SimEtcd } from './world/sim-etcd.ts';
import type { World } from './world/world.ts';

/** Longest single trouble: shorter than every lease of a client that never leaves, so that none of those may be lost. */
const MOST_TROUBLE_MS = 7_000;

/** How long after a loss the survivors may not have told each other everything: an eviction, a promotion, a reconnect. */
const LOSS_WINDOW_MS = 15_000;

/** Machines that are added in one run. */
const MOST_JOINED = 2;

/** What goes wrong in a run, drawn from its seed. `heal` ends everything that still goes on. */
export class Faults {
  readonly #world: World;
  readonly #cluster: SimCluster;
  readonly #chance: Chance;
  readonly #kinds: readonly (readonly [share: number, inject: () => void])[];
  #isOver = false;
  #joined = 0;
  #crashes: readonly { readonly atMs: number; readonly isData: boolean; readonly isSession: boolean }[] = [];

  constructor(world: World, cluster: SimCluster) {
    this.#world = world;
    this.#cluster = cluster;
    this.#chance = world.stream('faults');
    this.#kinds = cluster.etcd === undefined ? this.#kindsOfFew() : this.#kindsOfMany(cluster.etcd);
  }

  begin(untilMs: number): void {
    const meanMs = this.#chance.between(2_000, 12_000);
    const next = () => {
      this.#world.at(undefined, this.#chance.between(200, 2 * meanMs), () => {
        if (this.#isOver || this.#world.nowMs >= untilMs) return;
        this.#inject();
        next();
      });
    };
    next();
  }

  heal(): void {
    this.#isOver = true;
    this.#world.tell('faults', 'end; everything is healed');
    this.#cluster.network.healAll();
    for (const node of this.#cluster.nodes) {
      node.store.isFull = false;
      this.#cluster.start(node);
    }
    if (this.#cluster.etcd !== undefined) this.#cluster.etcd.isFull = false;
  }

  #inject(): void {
    let draw = this.#chance.next();
    for (const [share, inject] of this.#kinds) {
      draw -= share;
      if (draw >= 0) continue;
      inject();
      return;
    }
  }

  #kindsOfFew(): readonly (readonly [number, () => void])[] {
    return [
      [0.25, () => this.#crash()],
      [0.15, () => this.#sleep()],
      [0.15, () => this.#partition()],
      [0.13, () => this.#breakLink()],
      [0.12, () => this.#loseAnswers()],
      [0.12, () => this.#jumpClock()],
      [0.08, () => this.#fillDisk()],
    ];
  }

  #kindsOfMany(etcd: SimEtcd): readonly (readonly [number, () => void])[] {
    return [
      [0.18, () => this.#crash()],
      [0.1, () => this.#sleep()],
      [0.12, () => this.#partition()],
      [0.08, () => this.#breakLink()],
      [0.1, () => this.#loseMessages()],
      [0.08, () => this.#jumpClock()],
      [0.06, () => this.#slowDown()],
      [0.1, () => this.#strikeMetaLeader()],
      [0.1, () => this.#loseEtcd(etcd)],
      [0.04, () => this.#join()],
      [0.04, () => this.#leave()],
    ];
  }

  #crash(): void {
    const node = this.#chance.pick(this.#cluster.nodes);
    if (!this.maySurvive(node)) return;
    const isOnlyData = node.roles.includes(Role.Data) && this.#othersAlive(node) === 0;
    this.#cluster.crash(node);
    // The last copy of the data may only come back with its restart cache: losing both is beyond what is promised.
    if (!isOnlyData && this.#chance.isLucky(0.3)) {
      this.#world.tell(node.name, 'loses its restart cache');
      node.cache.clear();
    }
    this.#later(() => this.#cluster.start(node));
  }

  /**
   * All copies of a datum and the Session of its client may not die within seconds of each other: nobody would be left who knows.
   */
  maySurvive(node: SimNode): boolean {
    if (this.#cluster.nodes.length === 1) return true;
    const nowMs = this.#world.nowMs;
    this.#crashes = this.#crashes.filter((crash) => nowMs - crash.atMs < LOSS_WINDOW_MS);
    const isData = node.roles.includes(Role.Data);
    const isSession = node.roles.includes(Role.Session);
    const lostData = this.#crashes.filter((crash) => crash.isData).length + (isData ? 1 : 0);
    const lostSessions = this.#crashes.filter((crash) => crash.isSession).length + (isSession ? 1 : 0);
    if ((isData || isSession) && lostData >= this.#cluster.safeReplicas && lostSessions > 0) return false;
    this.#crashes = [...this.#crashes, { atMs: nowMs, isData, isSession }];
    return true;
  }

  /** Whether every Session has lived long enough to know what it must give back; none may die for a while then. */
  mayLoseAllData(): boolean {
    const nowMs = this.#world.nowMs;
    const sessions = this.#cluster.withRole(Role.Session);
    const isCalm = sessions.every((node) => node.process?.isAlive === true && nowMs - node.process.startedAtMs > LOSS_WINDOW_MS);
    if (!isCalm || this.#crashes.some((crash) => nowMs - crash.atMs < LOSS_WINDOW_MS)) return false;
    const lost = this.#cluster.withRole(Role.Data).map(() => ({ atMs: nowMs, isData: true, isSession: false }));
    this.#crashes = [...this.#crashes, ...lost];
    return true;
  }

  #othersAlive(node: SimNode): number {
    return this.#cluster.withRole(Role.Data).filter((other) => other !== node && other.data !== undefined).length;
  }

  #sleep(): void {
    const node = this.#chance.pick(this.#cluster.nodes);
    if (node.process?.isAlive !== true) return;
    const sleepMs = this.#chance.between(300, MOST_TROUBLE_MS);
    this.#world.tell(node.name, `sleeps for ${sleepMs} ms`);
    // Never shortened: what waits for the end of a sleep must not be overtaken.
    node.process.asleepUntilMs = Math.max(node.process.asleepUntilMs, this.#world.nowMs + sleepMs);
  }

  #partition(): void {
    if (this.#cluster.nodes.length === 1) return;
    const a = this.#chance.pick(this.#cluster.nodes);
    const b = this.#chance.pick(this.#cluster.nodes.filter((node) => node !== a));
    const isOneWay = this.#chance.isLucky(0.4);
    this.#world.tell('faults', `${a.name} ${isOneWay ? 'cannot reach' : 'is cut off from'} ${b.name}`);
    this.#cluster.network.cut(a.name, b.name);
    if (!isOneWay) this.#cluster.network.cut(b.name, a.name);
    this.#later(() => {
      this.#world.tell('faults', 'the network is whole again');
      this.#cluster.network.healAll();
    });
  }

  #breakLink(): void {
    if (this.#cluster.nodes.length === 1) return;
    const a = this.#chance.pick(this.#cluster.nodes);
    const b = this.#chance.pick(this.#cluster.nodes.filter((node) => node !== a));
    this.#world.tell('faults', `the connections of ${a.name} and ${b.name} break`);
    this.#cluster.network.breakLinks(a.name, b.name);
  }

  #loseAnswers(): void {
    const share = this.#chance.between(2, 30) / 100;
    const jitterMs = this.#chance.between(3, 400);
    this.#world.tell('faults', `${Math.round(share * 100)} % of answers are lost, up to ${jitterMs} ms latency`);
    this.#cluster.network.answerLoss = share;
    this.#cluster.network.jitterMs = jitterMs;
    this.#later(() => this.#cluster.network.healAll());
  }

  /** By minutes, both ways. Not by more than a restart cache may be old: what is older is rightly not believed. */
  #jumpClock(): void {
    const node = this.#chance.pick(this.#cluster.nodes);
    node.wallOffsetMs = this.#chance.between(-240_000, 240_000);
    this.#world.tell(node.name, `has a calendar that is ${node.wallOffsetMs} ms off`);
  }

  #fillDisk(): void {
    const node = this.#chance.pick(this.#cluster.withRole(Role.Meta));
    this.#world.tell(node.name, 'has a full disk');
    node.store.isFull = true;
    this.#later(() => {
      node.store.isFull = false;
    });
  }

  /** Loses, repeats and delays at once. */
  #loseMessages(): void {
    const { network } = this.#cluster;
    network.answerLoss = this.#chance.between(0, 20) / 100;
    network.sendLoss = this.#chance.between(0, 20) / 100;
    network.duplicates = this.#chance.between(0, 20) / 100;
    network.jitterMs = this.#chance.between(3, 400);
    const shares = [network.answerLoss, network.sendLoss, network.duplicates].map((share) => Math.round(share * 100));
    this.#world.tell(
      'faults',
      `${shares.join(', ')} % of answers and notices are lost, of messages repeated; ${network.jitterMs} ms latency`,
    );
    this.#later(() => network.healAll());
  }

  #slowDown(): void {
    const node = this.#chance.pick(this.#cluster.nodes);
    const extraMs = this.#chance.between(50, 700);
    this.#world.tell(node.name, `is slow by ${extraMs} ms`);
    this.#cluster.network.slowDown(node.name, extraMs);
    this.#later(() => this.#cluster.network.healAll());
  }

  /** The Meta that leads sleeps beyond its lease, dies, or loses sight of etcd while the others reach it. */
  #strikeMetaLeader(): void {
    const leader = this.#cluster.nodes.find((node) => node.meta?.leadership().isLeader === true);
    if (leader?.process === undefined) return;
    const draw = this.#chance.next();
    if (draw < 0.5) {
      const sleepMs = this.#chance.between(4_000, leader.roles.length > 1 ? MOST_TROUBLE_MS : 15_000);
      this.#world.tell(leader.name, `leads, and sleeps for ${sleepMs} ms`);
      leader.process.asleepUntilMs = Math.max(leader.process.asleepUntilMs, this.#world.nowMs + sleepMs);
    } else if (draw < 0.75 && leader.roles.length === 1) {
      this.#world.tell(leader.name, 'leads, and dies');
      this.#cluster.crash(leader);
      this.#later(() => this.#cluster.start(leader));
    } else {
      const isOneWay = this.#chance.isLucky(0.5);
      this.#world.tell(leader.name, `leads, and ${isOneWay ? 'does not hear' : 'is cut off from'} etcd`);
      this.#cluster.network.cut(ETCD, leader.name);
      if (!isOneWay) this.#cluster.network.cut(leader.name, ETCD);
      this.#world.at(undefined, this.#chance.between(3_000, 12_000), () => {
        if (!this.#isOver) this.#cluster.network.healAll();
      });
    }
  }

  #loseEtcd(etcd: SimEtcd): void {
    const draw = this.#chance.next();
    if (draw < 0.3) {
      this.#world.tell(ETCD, 'is full');
      etcd.isFull = true;
      this.#later(() => {
        etcd.isFull = false;
      });
    } else if (draw < 0.65) {
      const forMs = this.#chance.between(500, 8_000);
      this.#world.tell(ETCD, `stands still for ${forMs} ms`);
      etcd.standStill(forMs);
    } else {
      this.#world.tell(ETCD, 'is out of reach');
      for (const node of this.#cluster.withRole(Role.Meta)) {
        this.#cluster.network.cut(node.name, ETCD);
        this.#cluster.network.cut(ETCD, node.name);
      }
      this.#later(() => this.#cluster.network.healAll());
    }
  }

  #join(): void {
    if (this.#joined >= MOST_JOINED) return;
    this.#joined += 1;
    const role = this.#chance.isLucky(0.6) ? Role.Data : Role.Session;
    this.#cluster.join(`${role === Role.Data ? 'd' : 's'}+${this.#joined}`, [role]);
  }

  /** In good order, and for good. What it counts for the clients is the loss of a node. */
  #leave(): void {
    const node = this.#chance.pick(this.#cluster.nodes);
    if (node.process?.isAlive !== true || node.roles.includes(Role.Meta)) return;
    const [role] = node.roles;
    const others = this.#cluster.nodes.filter((other) => other !== node && role !== undefined && other.roles.includes(role));
    if (others.filter((other) => other.process?.isAlive === true).length < 2 || !this.maySurvive(node)) return;
    this.#cluster.leave(node);
  }

  #later(run: () => void): void {
    this.#world.at(undefined, this.#chance.between(200, MOST_TROUBLE_MS), () => {
      if (!this.#isOver) run();
    });
  }
}
