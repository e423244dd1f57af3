import { spawn } from 'node:child_process';
import { Role } from '../../core/index.ts';
import type { ClusterNode } from '../../test/support/cluster/cluster-node.ts';
import { type ClusterShape, LocalCluster } from '../../test/support/cluster/local-cluster.ts';
import { eventually } from '../../test/support/eventually.ts';
import { PROBE_ARGS, Probe } from '../support/probe.ts';
import { cpuMs, pause, writtenBytes } from '../support/process-meter.ts';
import { sum } from '../support/statistics.ts';

/** Messages between the roles, their buffers and what a collection frees. */
const SETTLE_MS = 5_000;
/** Until everything that was accepted is where it belongs. */
const DEADLINE_MS = 120_000;

/** What the nodes of one role have used so far. */
export interface Usage {
  readonly cpuMs: number;
  readonly writtenBytes: number;
}

/** A local cluster whose processes carry the probe. */
export class MeasuredCluster {
  readonly cluster: LocalCluster;
  /** By process id. */
  readonly #probes: ReadonlyMap<number, Probe>;

  private constructor(cluster: LocalCluster, probes: ReadonlyMap<number, Probe>) {
    this.cluster = cluster;
    this.#probes = probes;
  }

  static async start(shape: ClusterShape): Promise<MeasuredCluster> {
    const probes = new Map<number, Probe>();
    const run = (args: readonly string[]) => {
      const child = spawn(process.execPath, [...PROBE_ARGS, ...args], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
      if (child.pid !== undefined) probes.set(child.pid, new Probe(child));
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
    return new MeasuredCluster(cluster, probes);
  }

  /** Bolt ports of the Sessions. */
  get boltPorts(): readonly number[] {
    return this.cluster.withRole(Role.Session).map((node) => node.ports.sofa);
  }

  /** Resolves when the cluster is settled and its leaders hold as many publishers as were registered: Sessions acknowledge earlier. */
  async holds(publishers: number): Promise<void> {
    await this.cluster.settled(DEADLINE_MS);
    await eventually(async () => {
      const pages = await Promise.all(this.cluster.withRole(Role.Data).map((node) => node.slots()));
      const leaders = pages.flatMap((page) => page.here).filter((slot) => slot.role === 'leader');
      const held = sum(leaders.map((slot) => slot.publishers));
      if (held < publishers) throw new Error(`${held} of ${publishers} publishers are held`);
    }, DEADLINE_MS);
  }

  /**
   * Live bytes of all running nodes of a role, after a full collection of each. One after the other: collections of large heaps that share
   * the processors last so long that nodes are taken for dead.
   */
  async liveBytes(role: Role): Promise<number> {
    await pause(SETTLE_MS);
    let bytes = 0;
    for (const { pid } of this.#running(role)) bytes += await this.#probe(pid).liveBytes();
    return bytes;
  }

  usage(role: Role): Usage {
    const pids = this.#running(role).map(({ pid }) => pid);
    return { cpuMs: sum(pids.map(cpuMs)), writtenBytes: sum(pids.map(writtenBytes)) };
  }

  /** Runs `work`; with a folder, writes what each process that lives through it did meanwhile: `<name>-<node>.cpuprofile`. */
  async profiled<T>(profileDir: string | undefined, name: string, work: () => Promise<T>): Promise<T> {
    if (profileDir === undefined) return await work();
    const profiled = new Map(this.#running().map((node) => [node, node.pid]));
    await Promise.all([...profiled.values()].map((pid) => this.#probe(pid).startProfile()));
    const result = await work();
    for (const [node, pid] of profiled)
      if (node.isRunning && node.pid === pid) await this.#probe(pid).stopProfile(`${profileDir}/${name}-${node.name}.cpuprofile`);
    return result;
  }

  /** With a folder, writes what lives in one node of a role: `<name>-<node>.heapsnapshot`. */
  async heapSnapshot(profileDir: string | undefined, name: string, role: Role): Promise<void> {
    const [node] = this.#running(role);
    if (profileDir !== undefined && node !== undefined)
      await this.#probe(node.pid).heapSnapshot(`${profileDir}/${name}-${node.name}.heapsnapshot`);
  }

  stop(): Promise<void> {
    return this.cluster.stop();
  }

  #running(role?: Role): readonly ClusterNode[] {
    return this.cluster.nodes.filter((node) => node.isRunning && (role === undefined || node.roles.includes(role)));
  }

  #probe(pid: number): Probe {
    const probe = this.#probes.get(pid);
    if (probe === undefined) throw new Error(`process ${pid} is none of this cluster`);
    return probe;
  }
}
