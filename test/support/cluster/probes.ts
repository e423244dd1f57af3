import { Role } from '../../../core/index.ts';
import { eventually } from '../eventually.ts';
import { BoltApp } from './bolt-app.ts';
import type { LocalCluster } from './local-cluster.ts';

/** Enough names that every Data node leads the slots of some. */
const NAMES = 120;

/** Finds out when a change of any name reaches readers again: one publisher and one subscriber of many names, at different Sessions. */
export class Probes {
  readonly #publisher: BoltApp;
  readonly #subscriber: BoltApp;
  readonly #seen = new Map<string, string>();
  #round = 0;

  constructor(cluster: LocalCluster) {
    const ports = () =>
      cluster
        .withRole(Role.Session)
        .filter((session) => session.isRunning)
        .map((session) => session.ports.sofa);
    this.#publisher = new BoltApp(ports);
    this.#subscriber = new BoltApp(() => [...ports()].reverse());
    for (const dataId of names()) {
      this.#subscriber.subscribe(dataId, ({ values: [value = ''] }) => this.#seen.set(dataId, value));
    }
  }

  /** Changes every name and resolves with the milliseconds until all changes were pushed. */
  async passMs(deadlineMs = 30_000): Promise<number> {
    this.#round += 1;
    const value = `round ${this.#round}`;
    const startedMs = performance.now();
    for (const dataId of names()) this.#publisher.publish(dataId, value);
    await eventually(() => {
      const late = names().filter((dataId) => this.#seen.get(dataId) !== value);
      if (late.length > 0) throw new Error(`${late.length} of ${NAMES} changes were not pushed, e.g. ${late[0]}`);
    }, deadlineMs);
    return Math.round(performance.now() - startedMs);
  }

  stop(): void {
    this.#publisher.stop();
    this.#subscriber.stop();
  }
}

function names(): readonly string[] {
  return Array.from({ length: NAMES }, (_, i) => `probe.${i}`);
}
