import { Role } from '../../../core/index.ts';
import { eventually } from '../eventually.ts';
import { BoltApp } from './bolt-app.ts';
import { explainLateChanges } from './late-changes.ts';
import type { LocalCluster } from './local-cluster.ts';

/** Enough names that every Data node leads the slots of some. */
const NAMES = 120;
/** Longer than most faults may keep a change from being pushed: whoever reads of it wants to know why. */
const LATE_MS = 5_000;

/** Finds out when a change of any name reaches readers again: one publisher and one subscriber of many names, at different Sessions. */
export class Probes {
  readonly #cluster: LocalCluster;
  readonly #publisher: BoltApp;
  readonly #subscriber: BoltApp;
  readonly #seen = new Map<string, string>();
  #round = 0;

  constructor(cluster: LocalCluster) {
    this.#cluster = cluster;
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

  /** Changes every name and resolves with the milliseconds until all changes were pushed. What is late by then is explained on the console. */
  async passMs(deadlineMs = 30_000, lateMs = LATE_MS): Promise<number> {
    this.#round += 1;
    const value = `round ${this.#round}`;
    const startedMs = performance.now();
    const late = () => names().filter((dataId) => this.#seen.get(dataId) !== value);
    for (const dataId of names()) this.#publisher.publish(dataId, value);
    const explain = setTimeout(() => void this.#explain(late(), Math.round(performance.now() - startedMs)), lateMs);
    try {
      await eventually(() => {
        const [first, ...others] = late();
        if (first !== undefined) throw new Error(`${others.length + 1} of ${NAMES} changes were not pushed, e.g. ${first}`);
      }, deadlineMs);
    } finally {
      clearTimeout(explain);
    }
    return Math.round(performance.now() - startedMs);
  }

  async #explain(dataIds: readonly string[], afterMs: number): Promise<void> {
    const ports = { publisherPort: this.#publisher.port, subscriberPort: this.#subscriber.port };
    const text = await explainLateChanges(this.#cluster, { dataIds, afterMs, ...ports }).catch(
      (caught: unknown) => `not explained: ${caught}`,
    );
    console.log(text);
  }

  stop(): void {
    this.#publisher.stop();
    this.#subscriber.stop();
  }
}

function names(): readonly string[] {
  return Array.from({ length: NAMES }, (_, i) => `probe.${i}`);
}
