import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Role } from '../../core/index.ts';
import { type ClusterShape, LocalCluster } from '../../test/support/cluster/local-cluster.ts';
import type { ProcessMemory } from '../support/measured-process.ts';
import { cpuMs, pause, writtenBytes } from '../support/process-meter.ts';
import { sum } from '../support/statistics.ts';

const PROBE = fileURLToPath(new URL('../support/probe.mjs', import.meta.url));
/** Messages between the roles, their buffers and what a collection frees. */
const SETTLE_MS = 5_000;

/** What the nodes of one role have used so far. */
export interface Usage {
  readonly cpuMs: number;
  readonly writtenBytes: number;
}

/** A local cluster whose processes carry the probe. */
export class MeasuredCluster {
  readonly cluster: LocalCluster;
  readonly #children: ReadonlyMap<number, ChildProcess>;

  private constructor(cluster: LocalCluster, children: ReadonlyMap<number, ChildProcess>) {
    this.cluster = cluster;
    this.#children = children;
  }

  static async start(shape: ClusterShape): Promise<MeasuredCluster> {
    const children = new Map<number, ChildProcess>();
    const run = (args: readonly string[]) => {
      const all = ['--expose-gc', '--import', PROBE, ...args];
      const child = spawn(process.execPath, all, { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
      if (child.pid !== undefined) children.set(child.pid, child);
      return child;
    };
    const cluster = await LocalCluster.prepare({ ...shape, run });
    try {
      await cluster.start();
      await cluster.balanced();
    } catch (caught) {
      await cluster.stop();
      throw caught;
    }
    return new MeasuredCluster(cluster, children);
  }

  /** Bolt ports of the Sessions. */
  get boltPorts(): readonly number[] {
    return this.cluster.withRole(Role.Session).map((node) => node.ports.sofa);
  }

  /** Live bytes of all running nodes of a role, after a full collection of each. */
  async liveBytes(role: Role): Promise<number> {
    await pause(SETTLE_MS);
    const memories = await Promise.all(this.#pids(role).map((pid) => this.#memory(pid)));
    return sum(memories.map(({ heapUsed, external }) => heapUsed + external));
  }

  usage(role: Role): Usage {
    const pids = this.#pids(role);
    return { cpuMs: sum(pids.map(cpuMs)), writtenBytes: sum(pids.map(writtenBytes)) };
  }

  stop(): Promise<void> {
    return this.cluster.stop();
  }

  #pids(role: Role): readonly number[] {
    return this.cluster
      .withRole(role)
      .filter((node) => node.isRunning)
      .map((node) => node.pid);
  }

  #memory(pid: number): Promise<ProcessMemory> {
    const child = this.#children.get(pid);
    if (child === undefined) throw new Error(`process ${pid} is none of this cluster`);
    return new Promise((resolve) => {
      child.once('message', (message: { readonly value: ProcessMemory }) => resolve(message.value));
      child.send({ id: 1, question: 'memory' });
    });
  }
}
