import type { DataInfoId, SessionServer } from '../../../core/index.ts';
import { LEASE_FORMAT, spelledByLeases } from '../formats.ts';
import type { MeantRegistration, Truth } from '../truth.ts';
import type { Chance } from '../world/chance.ts';
import type { SimCluster, SimNode } from '../world/cluster.ts';
import type { World } from '../world/world.ts';
import { SessionPort } from './session-port.ts';

export const LEASE_MS = 15_000;
const STEADY_LEASE_MS = 60_000;
const TIMEOUT_MS = 3_000;

/** A client that lives by heartbeats, like Eureka's: any Session will do for each of them, and "unknown" means to register again. */
export class LeaseClient {
  readonly name: string;
  readonly #world: World;
  readonly #cluster: SimCluster;
  readonly #truth: Truth;
  readonly #shownValue: (node: SimNode, dataInfoId: DataInfoId, registerId: string) => string | undefined;
  readonly #chance: Chance;
  readonly #dataInfoId: DataInfoId;
  readonly #isSteady: boolean;
  #port: SessionPort | undefined;
  #meant: MeantRegistration | undefined;
  #serial = 0;
  /** A registration was not answered: nobody knows whether and when it will be taken, so its end cannot be known either. */
  #isInDoubt = false;
  /** One request at a time, in the order in which they were wanted. */
  #busy: Promise<void> = Promise.resolve();

  /** `shownValue`: what a node's reader of everything shows of a registration. */
  constructor(
    world: World,
    cluster: SimCluster,
    truth: Truth,
    shownValue: (node: SimNode, dataInfoId: DataInfoId, registerId: string) => string | undefined,
    name: string,
    dataInfoId: DataInfoId,
    isSteady: boolean,
  ) {
    this.name = name;
    this.#world = world;
    this.#cluster = cluster;
    this.#truth = truth;
    this.#shownValue = shownValue;
    this.#chance = world.stream(name);
    this.#dataInfoId = dataInfoId;
    this.#isSteady = isSteady;
  }

  get isRegistered(): boolean {
    return this.#meant !== undefined;
  }

  /** Registers, or changes the value when it is registered already. */
  register(): void {
    this.#serial += 1;
    const value = `${this.name}.${this.#serial}`;
    const meant: MeantRegistration = {
      dataInfoId: this.#dataInfoId,
      registerId: this.name,
      value,
      isSteady: this.#isSteady,
      livesBy: 'lease',
    };
    const wasRegistered = this.#meant !== undefined;
    this.#meant = meant;
    this.#truth.put(meant);
    this.#world.tell(this.name, `registers ${value}`);
    this.#later(() => this.#registerUntilTaken(meant));
    if (!wasRegistered) this.#beatLater(meant.registerId);
  }

  /** Deregisters, perhaps through another Session than the one it used. */
  cancel(): void {
    const value = this.#meant?.value;
    this.#forget('cancels');
    this.#later(async () => {
      while (this.#meant === undefined) {
        this.#port = undefined;
        const known = await this.#call((session) => session.gateway.leases.cancel(spelledByLeases(this.#dataInfoId), this.name));
        if (known !== undefined) {
          this.#world.tell(this.name, 'is deregistered');
          if (value !== undefined && !this.#isInDoubt) this.#truth.withdrawalAcknowledged(this.#dataInfoId, this.name, value);
          return;
        }
        await this.#world.sleep(300);
      }
    });
  }

  /** Ends without a word. */
  crash(): void {
    this.#forget('crashes');
  }

  #forget(how: string): void {
    this.#meant = undefined;
    this.#truth.remove(this.#dataInfoId, this.name);
    this.#world.tell(this.name, how);
  }

  async #registerUntilTaken(meant: MeantRegistration): Promise<void> {
    const registration = {
      dataInfoId: spelledByLeases(meant.dataInfoId),
      registerId: meant.registerId,
      format: LEASE_FORMAT,
      payload: new TextEncoder().encode(meant.value),
      zone: '',
      appName: this.name,
      clientAddress: '10.0.0.1',
    };
    const durationMs = this.#isSteady ? STEADY_LEASE_MS : LEASE_MS;
    while (this.#meant === meant) {
      const taken = await this.#call((session) => session.gateway.leases.register(registration, durationMs).then(() => true));
      if (taken === true) return;
      this.#isInDoubt = true;
      await this.#world.sleep(300);
    }
  }

  #beatLater(registerId: string): void {
    this.#world.at(undefined, LEASE_MS / 3, () => {
      if (this.#meant === undefined) return;
      this.#later(() => this.#beat());
      this.#beatLater(registerId);
    });
  }

  async #beat(): Promise<void> {
    const meant = this.#meant;
    if (meant === undefined) return;
    // Now and then a balancer sends it to another Session.
    if (this.#chance.isLucky(0.2)) this.#port = undefined;
    // The heartbeat names the newest value (Eureka: lastDirtyTimestamp); a Session that shows another one asks for it.
    const outcome = await this.#call((session, node) => {
      const shown = this.#shownValue(node, meant.dataInfoId, meant.registerId);
      if (shown !== undefined && shown !== meant.value) return 'unknown';
      return session.gateway.leases.renew(spelledByLeases(meant.dataInfoId), meant.registerId);
    });
    if (outcome === 'unknown' && this.#meant === meant) {
      this.#world.tell(this.name, 'is unknown and registers again');
      await this.#registerUntilTaken(meant);
    }
  }

  async #call<T>(ask: (session: SessionServer, node: SimNode) => T | Promise<T>): Promise<T | undefined> {
    if (this.#port?.isAlive !== true) this.#port = SessionPort.any(this.#world, this.#cluster, (nodes) => this.#chance.pick(nodes));
    const port = this.#port;
    const answer = await port?.call(TIMEOUT_MS, (session) => ask(session, port.node));
    if (answer === undefined) this.#port = undefined;
    return answer;
  }

  #later(act: () => Promise<void>): void {
    this.#busy = this.#busy.then(act);
  }
}
