import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Role } from '../../../core/index.ts';
import type { MembersPage } from '../../../deploy/cluster-pages.ts';
import { eventually } from '../eventually.ts';
import { freePorts } from '../free-ports.ts';
import { ClusterNode } from './cluster-node.ts';

export const MAIN = fileURLToPath(new URL('../../../dist/deploy/main.js', import.meta.url));

export interface ClusterShape {
  readonly metas: number;
  readonly data: number;
  readonly sessions: number;
  readonly replicas?: number;
  /** For every node, e.g. where etcd is. */
  readonly args?: readonly string[];
  /** Kept when given; otherwise a folder that is removed at the end. */
  readonly folder?: string;
  /** Starts Node with these arguments, when it is to be started in another way. */
  readonly run?: (args: readonly string[]) => ChildProcess;
}

/** A cluster of real processes on this machine, on free ports of loopback. */
export class LocalCluster {
  readonly nodes: readonly ClusterNode[];
  readonly replicas: number;
  readonly folder: string;
  readonly #ownsFolder: boolean;

  private constructor(nodes: readonly ClusterNode[], shape: ClusterShape, folder: string) {
    this.nodes = nodes;
    this.replicas = shape.replicas ?? 2;
    this.folder = folder;
    this.#ownsFolder = shape.folder === undefined;
  }

  /** Ports and folders, but no process yet. */
  static async prepare(shape: ClusterShape): Promise<LocalCluster> {
    const folder = shape.folder ?? mkdtempSync(join(tmpdir(), 'isthmus-cluster-'));
    const kinds: readonly (readonly [string, Role, number])[] = [
      ['meta', Role.Meta, shape.metas],
      ['data', Role.Data, shape.data],
      ['session', Role.Session, shape.sessions],
    ];
    const names = kinds.flatMap(([prefix, role, count]) => Array.from({ length: count }, (_, i) => ({ name: `${prefix}-${i + 1}`, role })));
    const ports = await freePorts(names.length * 5);
    const portsOf = (i: number) => {
      const [cluster = 0, admin = 0, eureka = 0, sofa = 0, sofaHttp = 0] = ports.slice(i * 5, i * 5 + 5);
      return { cluster, admin, eureka, sofa, sofaHttp };
    };
    const metas = names.flatMap(({ role }, i) => (role === Role.Meta ? [`127.0.0.1:${portsOf(i).cluster}`] : [])).join(',');
    const args = ['--replicas', String(shape.replicas ?? 2), ...(shape.args ?? [])];
    const run = shape.run === undefined ? {} : { run: shape.run };
    const nodes = names.map(
      ({ name, role }, i) =>
        new ClusterNode({ name, roles: [role], dataDir: folder, ports: portsOf(i), join: metas, args, main: MAIN, ...run }),
    );
    return new LocalCluster(nodes, shape, folder);
  }

  withRole(role: Role): readonly ClusterNode[] {
    return this.nodes.filter((node) => node.roles.includes(role));
  }

  /** Starts all at once; who needs another waits for it. Resolves when the cluster is settled. */
  async start(): Promise<void> {
    for (const node of this.nodes) node.launch();
    await Promise.all(this.nodes.map((node) => node.ready()));
    await this.settled();
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.kill()));
    if (this.#ownsFolder) rmSync(this.folder, { recursive: true, force: true });
  }

  /** Ids of the leaders of all slots, as some node knows them. */
  async leaders(): Promise<readonly string[]> {
    const [node] = this.nodes.filter((each) => each.isRunning);
    if (node === undefined) throw new Error('no node runs');
    return (await node.slots()).slots.map((slot) => `${slot.leader} ${slot.leaderEpoch}`);
  }

  /** The running Data nodes, who leads most slots first. */
  async byLeaderships(): Promise<readonly ClusterNode[]> {
    const running = this.withRole(Role.Data).filter((node) => node.isRunning);
    const ledBy = async (node: ClusterNode) => (await node.slots()).here.filter((slot) => slot.role === 'leader').length;
    const led = new Map(await Promise.all(running.map(async (node) => [node, await ledBy(node)] as const)));
    return running.sort((a, b) => (led.get(b) ?? 0) - (led.get(a) ?? 0));
  }

  /** The running Data node that leads most slots. */
  async busiest(): Promise<ClusterNode> {
    const [most] = await this.byLeaderships();
    if (most === undefined) throw new Error('no Data node runs');
    return most;
  }

  /** The running Meta that the Sessions ask, which is the one that leads. */
  async leadingMeta(): Promise<ClusterNode> {
    const session = this.withRole(Role.Session).find((node) => node.isRunning);
    const page = await session?.page<MembersPage>('/members');
    for (const meta of this.withRole(Role.Meta).filter((node) => node.isRunning)) {
      const { node } = await meta.page<MembersPage>('/members');
      if (page?.meta === `${node}/meta`) return meta;
    }
    throw new Error(`nobody of the running Metas is ${page?.meta}`);
  }

  /** Resolves when every running Data node holds the same table, every slot serves, and has as many copies in step as it should. */
  async settled(deadlineMs = 30_000): Promise<void> {
    await eventually(async () => {
      const data = this.withRole(Role.Data).filter((node) => node.isRunning);
      const pages = await Promise.all(data.map((node) => node.slots()));
      const [first] = pages;
      if (first === undefined || first.slots.length === 0) throw new Error('no slot table yet');
      if (pages.some((page) => page.epoch !== first.epoch)) throw new Error('several tables are in force');
      const copies = Math.min(this.replicas, data.length);
      const here = pages.flatMap((page) => page.here);
      const serving = here.filter((slot) => slot.phase === 'serving').length;
      if (serving !== first.slots.length) throw new Error(`${serving} of ${first.slots.length} slots serve`);
      const synced = new Map<number, number>();
      for (const slot of here) if (slot.role === 'follower' && slot.isSynced) synced.set(slot.slotId, (synced.get(slot.slotId) ?? 0) + 1);
      const poor = first.slots.filter((slot) => (synced.get(slot.slotId) ?? 0) < copies - 1);
      if (poor.length > 0) throw new Error(`${poor.length} slots have too few copies in step`);
    }, deadlineMs);
  }

  /** Resolves when it is settled and balancing has come to rest. */
  async balanced(deadlineMs = 60_000): Promise<void> {
    let seenEpoch = -1;
    let sinceMs = 0;
    await eventually(async () => {
      await this.settled(0);
      const epoch =
        (
          await this.withRole(Role.Data)
            .find((node) => node.isRunning)
            ?.slots()
        )?.epoch ?? 0;
      if (epoch !== seenEpoch) {
        seenEpoch = epoch;
        sinceMs = performance.now();
      }
      if (performance.now() - sinceMs < 2_500) throw new Error('the slot table still changes');
    }, deadlineMs);
  }
}
