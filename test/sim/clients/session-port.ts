import type { SessionServer } from '../../../core/index.ts';
import type { SimCluster, SimNode } from '../world/cluster.ts';
import type { World } from '../world/world.ts';

const WIRE_MS = 0.5;

/**
 * A client's way to one Session and back: calls run in the Session's process after the way there, answers in the client after
 * the way back, in order. A dead Session never answers, a sleeping one answers late.
 */
export class SessionPort {
  readonly node: SimNode;
  readonly #world: World;
  readonly #session: SessionServer;
  readonly #process: NonNullable<SimNode['process']>;

  private constructor(world: World, node: SimNode, session: SessionServer, process: NonNullable<SimNode['process']>) {
    this.#world = world;
    this.node = node;
    this.#session = session;
    this.#process = process;
  }

  static to(world: World, node: SimNode): SessionPort | undefined {
    const { process, session } = node;
    return process?.isAlive === true && session !== undefined ? new SessionPort(world, node, session, process) : undefined;
  }

  static any(world: World, cluster: SimCluster, pick: (nodes: readonly SimNode[]) => SimNode): SessionPort | undefined {
    const nodes = cluster.sessions();
    return nodes.length === 0 ? undefined : SessionPort.to(world, pick(nodes));
  }

  get isAlive(): boolean {
    return this.#process.isAlive;
  }

  /** Runs `act` in the Session; nothing comes back. */
  do(act: (session: SessionServer) => void): void {
    this.#world.at(undefined, WIRE_MS, () => this.#world.at(this.#process, 0, () => act(this.#session)));
  }

  /** Runs `ask` in the Session and brings its answer back; undefined when that took longer than `timeoutMs` or failed. */
  call<T>(timeoutMs: number, ask: (session: SessionServer) => T | Promise<T>): Promise<T | undefined> {
    return new Promise((resolve) => {
      let isAbandoned = false;
      const timer = this.#world.at(undefined, timeoutMs, () => {
        isAbandoned = true;
        resolve(undefined);
      });
      const answer = (value: T | undefined) =>
        this.#world.at(undefined, WIRE_MS, () => {
          timer.cancel();
          resolve(value);
        });
      this.do((session) => {
        // A client that gave up has closed its connection: what was not read by then is not acted upon.
        if (isAbandoned) return;
        // In a function of its own, so that what is thrown at once is handled like what is rejected later.
        const asked = async () => ask(session);
        asked().then(
          (value) => this.#process.isAlive && answer(value),
          () => this.#process.isAlive && answer(undefined),
        );
      });
    });
  }

  /** From the Session to the client. */
  back(run: () => void): void {
    this.#world.at(undefined, WIRE_MS, run);
  }
}
