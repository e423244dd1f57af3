import {
  type ClientConnection,
  type DataInfoId,
  DEFAULT_GROUP,
  DEFAULT_INSTANCE_ID,
  formatDataInfoId,
  type Publisher,
  type PushProfile,
  Role,
  Scope,
} from '../../core/index.ts';
import { replicaDisagreements } from './checkers.ts';
import { type ClusterOptions, SimCluster, type SimNode } from './world/cluster.ts';
import { Trace } from './world/trace.ts';
import { World } from './world/world.ts';

const PROFILE: PushProfile = { emptyFirstPushWaitMs: 0, leastPushGapMs: 0, acknowledgeTimeoutMs: 2_000, retryDelaysMs: [500] };

export const nameOf = (service: string): DataInfoId =>
  formatDataInfoId({ dataId: service, instanceId: DEFAULT_INSTANCE_ID, group: DEFAULT_GROUP });

interface Surroundings {
  /** For several Metas. */
  readonly hasEtcd?: boolean;
  readonly zoneOf?: (node: string) => string;
}

/** A simulated cluster without chance in what happens: tests say what starts, ends and is cut, and wait for conditions. */
export class SmallCluster {
  readonly world: World;
  readonly cluster: SimCluster;
  readonly options: ClusterOptions;
  readonly told: string[] = [];

  constructor(nodes: Readonly<Record<string, Role>>, slotCount: number, replicas: number, { hasEtcd = false, zoneOf }: Surroundings = {}) {
    this.world = new World(1, new Trace((line) => this.told.push(line)));
    const topology = { name: 'small', hasEtcd, nodes: Object.entries(nodes).map(([name, role]) => ({ name, roles: [role] })) };
    const leaseGuard = { share: 1, least: 5, mostHoldMs: 1 };
    this.options = { topology, slotCount, replicas, leaseGuard, gatherMs: 500, ...(zoneOf === undefined ? {} : { zoneOf }) };
    this.cluster = new SimCluster(this.world, this.options);
  }

  node(name: string): SimNode {
    const found = this.cluster.nodes.find((node) => node.name === name);
    if (found === undefined) throw new Error(`there is no node ${name}`);
    return found;
  }

  /** The Meta that leads, as it believes itself. */
  leader(): SimNode | undefined {
    return this.cluster.nodes.find((node) => node.process?.isAlive === true && node.meta?.leadership().isLeader === true);
  }

  start(...names: readonly string[]): void {
    for (const name of names) this.cluster.start(this.node(name));
  }

  /** Lets virtual time pass until the condition holds. Returns how long it took. @throws Error after `mostMs`. */
  async until(what: string, condition: () => boolean, mostMs = 120_000): Promise<number> {
    const startedMs = this.world.nowMs;
    while (!condition()) {
      if (this.world.nowMs - startedMs > mostMs) throw new Error(`${what}: not after ${mostMs} ms. ${this.told.slice(-20).join('\n')}`);
      await this.world.runUntil(this.world.nowMs + 100);
    }
    return this.world.nowMs - startedMs;
  }

  async pass(durationMs: number): Promise<void> {
    await this.world.runUntil(this.world.nowMs + durationMs);
  }

  /** Every slot is served and every copy is whole, with as many copies as given. */
  async untilWhole(copies: number, mostMs?: number): Promise<number> {
    const isWhole = () => {
      const table = this.leader()?.meta?.table();
      const hasCopies = table?.slots.every((slot) => slot.followers.length + 1 === copies) === true;
      return hasCopies && replicaDisagreements(this.cluster).length === 0;
    };
    return this.until(`every slot with ${copies} copies`, isWhole, mostMs);
  }

  connect(node: string): ClientConnection {
    const session = this.node(node).session;
    if (session === undefined) throw new Error(`${node} accepts no clients`);
    const push = { push: (_push: unknown, done: (outcome: 'acknowledged') => void) => done('acknowledged'), pushProfile: PROFILE };
    return session.gateway.connect({ protocol: 'sim', address: 'c:1', format: 'sim', ...push });
  }

  /** A client that writes down every list it is shown. */
  subscribe(node: string, dataInfoId: DataInfoId): (readonly Publisher[])[] {
    const session = this.node(node).session;
    if (session === undefined) throw new Error(`${node} accepts no clients`);
    const lists: (readonly Publisher[])[] = [];
    const connection = session.gateway.connect({
      protocol: 'sim',
      address: 'c:2',
      format: 'sim',
      push: (push, done) => {
        lists.push(push.view.publishers);
        done('acknowledged');
      },
      pushProfile: PROFILE,
    });
    const who = { registerId: 'reader', scope: Scope.DataCenter, zone: '', acceptsSeveralDataCenters: false, appName: '' };
    connection.subscribe({ dataInfoId, ...who });
    return lists;
  }
}

/** Publishes or changes one record. */
export function publish(connection: ClientConnection, dataInfoId: DataInfoId, registerId: string, version = 1, payloadBytes = 200): void {
  const payload = new TextEncoder().encode(`${registerId} ${version} `.padEnd(payloadBytes, '.'));
  connection.publish({ dataInfoId, registerId, format: 'sim', payload, zone: '', appName: 'app', clientAddress: 'c:1' }, version);
}

export const roles = (metas: readonly string[], datas: readonly string[], sessions: readonly string[]): Readonly<Record<string, Role>> =>
  Object.fromEntries([
    ...metas.map((name) => [name, Role.Meta]),
    ...datas.map((name) => [name, Role.Data]),
    ...sessions.map((name) => [name, Role.Session]),
  ]);
