import { mkdirSync, rmSync } from 'node:fs';
import { Role } from '../../core/index.ts';
import type { ClusterNode } from './cluster/cluster-node.ts';
import { LocalCluster } from './cluster/local-cluster.ts';
import { GatewayProcess } from './gateway-process.ts';

/** Set by `npm test -- --on-cluster`. */
const IS_ON_CLUSTER = process.env['CONFORMANCE_ON_CLUSTER'] === '1';
const SHAPE = { metas: 1, data: 2, sessions: 2, replicas: 2 } as const;

/**
 * What real clients are at: one gateway, or a cluster of processes. Of a cluster `url`, `sofaPort` and `sofaHttpPort` name another Session
 * each time they are read, so that the clients of a scenario are spread over all; operators, who change something and read it back, stay at
 * the last one.
 */
export interface ConformanceGateway {
  /** Service URL of Eureka clients. */
  readonly url: string;
  readonly sofaPort: number;
  readonly sofaHttpPort: number;
  /** Where operators speak Eureka. */
  readonly eurekaPort: number;
  readonly adminPort: number;
  /** What the processes wrote since they were started, or the end of it. */
  readonly output: string;
  /** All processes that there are, at once. */
  signal(signal: NodeJS.Signals): void;
  exited(): Promise<unknown>;
  kill(): Promise<void>;
  /** Resolves when it serves again. */
  start(): Promise<void>;
  /** Throws away all that was kept; it must be dead. */
  forget(): void;
  stop(): Promise<void>;
}

/** `args` are for every process. */
export async function startConformanceGateway({ args = [] }: { readonly args?: readonly string[] } = {}): Promise<ConformanceGateway> {
  const gateway = IS_ON_CLUSTER
    ? new ClusterGateway(await LocalCluster.prepare({ ...SHAPE, args }))
    : await GatewayProcess.prepare({ args });
  await gateway.start();
  return gateway;
}

class ClusterGateway implements ConformanceGateway {
  readonly #cluster: LocalCluster;
  readonly #sessions: readonly ClusterNode[];
  #turn = 0;

  constructor(cluster: LocalCluster) {
    this.#cluster = cluster;
    this.#sessions = cluster.withRole(Role.Session);
  }

  get url(): string {
    return `http://127.0.0.1:${this.#next().ports.eureka}/eureka`;
  }

  get sofaPort(): number {
    return this.#next().ports.sofa;
  }

  get sofaHttpPort(): number {
    return this.#next().ports.sofaHttp;
  }

  get eurekaPort(): number {
    return this.#session(this.#sessions.length - 1).ports.eureka;
  }

  get adminPort(): number {
    return this.#session(this.#sessions.length - 1).ports.admin;
  }

  get output(): string {
    return this.#cluster.nodes.map((node) => node.output).join('');
  }

  signal(signal: NodeJS.Signals): void {
    for (const node of this.#cluster.nodes) node.signal(signal);
  }

  exited(): Promise<unknown> {
    return Promise.all(this.#cluster.nodes.map((node) => node.exited()));
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.exited();
  }

  start(): Promise<void> {
    return this.#cluster.start();
  }

  forget(): void {
    rmSync(this.#cluster.folder, { recursive: true, force: true });
    mkdirSync(this.#cluster.folder);
  }

  stop(): Promise<void> {
    return this.#cluster.stop();
  }

  #next(): ClusterNode {
    const session = this.#session(this.#turn % this.#sessions.length);
    this.#turn += 1;
    return session;
  }

  #session(index: number): ClusterNode {
    const session = this.#sessions[index];
    if (session === undefined) throw new Error('the cluster has no such Session');
    return session;
  }
}
