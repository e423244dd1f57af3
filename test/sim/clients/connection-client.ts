import { type ClientConnection, type DataInfoId, type Push, type PushOutcome, Scope } from '../../../core/index.ts';
import { CONNECTION_FORMAT } from '../formats.ts';
import type { Observer } from '../observer.ts';
import type { MeantRegistration, Truth } from '../truth.ts';
import type { Chance } from '../world/chance.ts';
import type { SimCluster } from '../world/cluster.ts';
import type { World } from '../world/world.ts';
import { SessionPort } from './session-port.ts';

/** As long as a Session may believe in a client that vanished without closing: the idle close. */
const IDLE_MS = 6_000;
/** The longest trouble in a run, and a little more. */
const LEADER_REACHED_MS = 8_000;
const PROFILE = { emptyFirstPushWaitMs: 300, leastPushGapMs: 150, acknowledgeTimeoutMs: 3_000, retryDelaysMs: [500, 1_000, 2_000] };

/**
 * A client that lives by its connection, like SOFA's: it publishes and subscribes on one Session, moves to another when the connection
 * breaks and says everything again, with the versions it had.
 */
export class ConnectionClient {
  readonly name: string;
  readonly #world: World;
  readonly #cluster: SimCluster;
  readonly #truth: Truth;
  readonly #observer: Observer;
  readonly #chance: Chance;
  readonly #isSteady: boolean;
  readonly #published = new Map<string, { readonly meant: MeantRegistration; readonly version: number }>();
  readonly #subscribed: DataInfoId[] = [];
  #port: SessionPort | undefined;
  /** The Session's side of the connection, once it is there. */
  #connection: ClientConnection | undefined;
  /** Grows with each connection: what belongs to an earlier one is not ours any more. */
  #generation = 0;
  #version = 0;
  #isAlive = false;
  /** Sessions that still believe in a connection which this client has left. */
  readonly #left = new Set<SessionPort>();
  /** Whether acknowledgements get lost now and then. A lost one holds the next list back for the whole acknowledgement timeout. */
  losesAcknowledgements = true;

  constructor(world: World, cluster: SimCluster, truth: Truth, observer: Observer, name: string, isSteady: boolean) {
    this.name = name;
    this.#world = world;
    this.#cluster = cluster;
    this.#truth = truth;
    this.#observer = observer;
    this.#chance = world.stream(name);
    this.#isSteady = isSteady;
    cluster.onCrash((node) => {
      if (this.#port?.node === node && this.#isAlive) this.#reconnect(this.#chance.between(50, 1_500));
    });
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** It is connected, or gone, and no Session believes otherwise: what the Sessions hold of it is what it means. */
  get isAtRest(): boolean {
    const isHalfOpen = [...this.#left].some((port) => port.isAlive);
    return !isHalfOpen && (!this.#isAlive || this.#connection !== undefined);
  }

  get publishedNames(): readonly DataInfoId[] {
    return [...this.#published.values()].map(({ meant }) => meant.dataInfoId);
  }

  get subscribedNames(): readonly DataInfoId[] {
    return this.#isAlive ? this.#subscribed : [];
  }

  start(subscriptions: readonly DataInfoId[]): void {
    this.#isAlive = true;
    this.#subscribed.push(...subscriptions);
    this.#world.tell(this.name, `starts and subscribes to ${subscriptions.length} names`);
    this.#reconnect(0);
  }

  /** Publishes, or publishes again with another value. */
  publish(dataInfoId: DataInfoId): void {
    this.#version += 1;
    const value = `${this.name}.${this.#version}`;
    const meant: MeantRegistration = { dataInfoId, registerId: `${this.name}-r`, value, isSteady: this.#isSteady, livesBy: 'connection' };
    this.#published.set(dataInfoId, { meant, version: this.#version });
    this.#truth.put(meant);
    this.#world.tell(this.name, `publishes ${value}`);
    this.#say((connection) => connection.publish(this.#registration(meant), this.#publishedVersion(dataInfoId)));
  }

  unpublish(dataInfoId: DataInfoId): void {
    const published = this.#published.get(dataInfoId);
    if (published === undefined) return;
    this.#version += 1;
    const version = this.#version;
    this.#published.delete(dataInfoId);
    const { registerId, value } = published.meant;
    this.#truth.remove(dataInfoId, registerId);
    this.#world.tell(this.name, `unpublishes ${value}`);
    const generation = this.#generation;
    this.#say((connection) => {
      connection.unpublish(dataInfoId, registerId, version);
      // Acknowledged means held by the Session; the slot leader hears of it when it can be reached, after what was said before.
      this.#world.at(undefined, LEADER_REACHED_MS, () => {
        if (generation === this.#generation) this.#truth.withdrawalAcknowledged(dataInfoId, registerId, value);
      });
    });
  }

  /** The connection breaks, visibly for both sides; the client connects again. */
  breakConnection(): void {
    this.#world.tell(this.name, 'loses its connection');
    this.#closeAtSession(0);
    this.#reconnect(this.#chance.between(10, 500));
  }

  /** The connection is half open: the client is elsewhere already, the Session still believes in it. */
  moveAway(): void {
    this.#world.tell(this.name, 'moves away unnoticed');
    this.#closeAtSession(this.#chance.between(1_000, IDLE_MS));
    this.#reconnect(this.#chance.between(10, 200));
  }

  /** Ends without a word. The Session notices by the closed socket, or later by silence. */
  crash(): void {
    this.#world.tell(this.name, 'crashes');
    this.#isAlive = false;
    this.#generation += 1;
    for (const { meant } of this.#published.values()) this.#truth.remove(meant.dataInfoId, meant.registerId);
    this.#published.clear();
    this.#closeAtSession(this.#chance.isLucky(0.5) ? 0 : this.#chance.between(1_000, IDLE_MS));
    this.#observer.forget(this.name);
    this.#port = undefined;
    this.#connection = undefined;
  }

  #publishedVersion(dataInfoId: DataInfoId): number {
    return this.#published.get(dataInfoId)?.version ?? 0;
  }

  #closeAtSession(delayMs: number): void {
    const connection = this.#connection;
    const port = this.#port;
    if (connection === undefined || port === undefined) return;
    this.#left.add(port);
    this.#world.at(undefined, delayMs, () =>
      port.do(() => {
        connection.close('broken');
        this.#left.delete(port);
      }),
    );
  }

  #reconnect(delayMs: number): void {
    this.#generation += 1;
    const generation = this.#generation;
    this.#port = undefined;
    this.#connection = undefined;
    this.#world.at(undefined, delayMs, () => {
      if (generation === this.#generation && this.#isAlive) this.#connect(generation);
    });
  }

  #connect(generation: number): void {
    const port = SessionPort.any(this.#world, this.#cluster, (nodes) => this.#chance.pick(nodes));
    if (port === undefined) {
      this.#reconnect(500);
      return;
    }
    this.#port = port;
    this.#observer.connected(this.name);
    const push = (push: Push, done: (outcome: PushOutcome) => void) => {
      this.#observer.sent(this.name, port.node);
      port.back(() => {
        if (generation !== this.#generation) return;
        this.#observer.received(this.name, push);
        // The push is repeated then.
        const isLost = this.#chance.isLucky(0.02) && this.losesAcknowledgements;
        if (!isLost) port.do(() => done('acknowledged'));
      });
    };
    port.do((session) => {
      const info = { protocol: 'sim', address: `${this.name}:1`, format: CONNECTION_FORMAT, push, pushProfile: PROFILE };
      const connection = session.gateway.connect(info);
      if (generation !== this.#generation) {
        connection.close('broken');
        return;
      }
      this.#connection = connection;
      for (const { meant, version } of this.#published.values()) connection.publish(this.#registration(meant), version);
      for (const dataInfoId of this.#subscribed) {
        const kind = { scope: Scope.DataCenter, zone: '', acceptsSeveralDataCenters: false, appName: this.name };
        connection.subscribe({ dataInfoId, registerId: `${this.name}-s`, ...kind });
      }
    });
  }

  /** Over the present connection; when there is none yet, everything is said with the next one. */
  #say(act: (connection: ClientConnection) => void): void {
    const generation = this.#generation;
    this.#port?.do(() => {
      if (generation === this.#generation && this.#connection !== undefined) act(this.#connection);
    });
  }

  #registration(meant: MeantRegistration) {
    return {
      dataInfoId: meant.dataInfoId,
      registerId: meant.registerId,
      format: CONNECTION_FORMAT,
      payload: new TextEncoder().encode(meant.value),
      zone: '',
      appName: this.name,
      clientAddress: this.name,
    };
  }
}
