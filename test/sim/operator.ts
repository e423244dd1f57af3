import { encodeStopPush, type SessionServer, STOP_PUSH_KEY } from '../../core/index.ts';
import { SessionPort } from './clients/session-port.ts';
import type { Observer } from './observer.ts';
import { PushSwitchChecker } from './push-switch-checker.ts';
import type { Chance } from './world/chance.ts';
import type { SimCluster } from './world/cluster.ts';
import type { World } from './world/world.ts';

const TIMEOUT_MS = 4_000;
const AGAIN_AFTER_MS = 300;
const LONGEST_STOP_MS = 15_000;

/** Whoever operates the cluster: stops and resumes pushing, in the middle of all that goes wrong. */
export class Operator {
  readonly pushSwitch: PushSwitchChecker;
  readonly #world: World;
  readonly #cluster: SimCluster;
  readonly #chance: Chance;
  #isStopped = false;
  /** One act at a time. */
  #busy: Promise<void> = Promise.resolve();

  constructor(world: World, cluster: SimCluster, observer: Observer) {
    this.#world = world;
    this.#cluster = cluster;
    this.#chance = world.stream('operator');
    this.pushSwitch = new PushSwitchChecker(world, observer);
    cluster.onSession((node, session) => this.pushSwitch.sessionStarted(node, session));
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Stops pushing now and then, and never for longer than some seconds. `clients`: who may be excepted. */
  begin(untilMs: number, clients: () => readonly string[]): void {
    const next = () => {
      this.#world.at(undefined, this.#chance.between(2_000, 20_000), () => {
        if (this.#world.nowMs >= untilMs) return;
        const known = clients();
        void this.stopPush(known.length > 0 && this.#chance.isLucky(0.5) ? [this.#chance.pick(known)] : []);
        this.#world.at(undefined, this.#chance.between(500, LONGEST_STOP_MS), () => {
          void this.resumePush();
          if (this.#world.nowMs < untilMs) next();
        });
      });
    };
    next();
  }

  /** Resolves when the cluster has acknowledged it. */
  stopPush(except: readonly string[]): Promise<void> {
    return this.#act(`stops pushing${except.length === 0 ? '' : `, but to ${except.join(' ')}`}`, async () => {
      this.#isStopped = true;
      const revision = await this.#untilTaken((session) => session.gateway.documents.put(STOP_PUSH_KEY, encodeStopPush({ except })));
      this.pushSwitch.stopped(revision, except);
    });
  }

  resumePush(): Promise<void> {
    return this.#act('resumes pushing', async () => {
      if (!this.#isStopped) return;
      this.pushSwitch.resuming();
      await this.#untilTaken((session) => session.gateway.documents.delete(STOP_PUSH_KEY));
      this.#isStopped = false;
    });
  }

  #act(what: string, act: () => Promise<void>): Promise<void> {
    this.#busy = this.#busy.then(async () => {
      this.#world.tell('operator', what);
      await act();
      this.#world.tell('operator', 'is answered');
    });
    return this.#busy;
  }

  async #untilTaken<T>(ask: (session: SessionServer) => Promise<T>): Promise<T> {
    for (;;) {
      const port = SessionPort.any(this.#world, this.#cluster, (nodes) => this.#chance.pick(nodes));
      const answer = await port?.call(TIMEOUT_MS, ask);
      if (answer !== undefined) return answer;
      await this.#world.sleep(AGAIN_AFTER_MS);
    }
  }
}
