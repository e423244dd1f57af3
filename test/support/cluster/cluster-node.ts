import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Role } from '../../../core/index.ts';
import type { SlotsPage } from '../../../deploy/cluster-pages.ts';
import { eventually } from '../eventually.ts';
import { http } from '../http.ts';

export interface NodePorts {
  readonly cluster: number;
  readonly admin: number;
  readonly eureka: number;
  readonly sofa: number;
  readonly sofaHttp: number;
}

export interface NodeOptions {
  readonly name: string;
  readonly roles: readonly Role[];
  readonly dataDir: string;
  readonly ports: NodePorts;
  /** Addresses of the Meta nodes. */
  readonly join: string;
  readonly args: readonly string[];
  /** The built program. */
  readonly main: string;
  /** Starts Node with these arguments, when it is to be started in another way. */
  readonly run?: (args: readonly string[]) => ChildProcess;
}

const runNode = (args: readonly string[]) => spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });

/** One process of a local cluster. */
export class ClusterNode {
  readonly name: string;
  readonly roles: readonly Role[];
  readonly ports: NodePorts;
  readonly #options: NodeOptions;
  #child: ChildProcess | undefined;
  #exited: Promise<number | null> = Promise.resolve(null);
  /** The end of what the process wrote since it was started. */
  output = '';

  constructor(options: NodeOptions) {
    this.name = options.name;
    this.roles = options.roles;
    this.ports = options.ports;
    this.#options = options;
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get pid(): number {
    return this.#child?.pid ?? -1;
  }

  launch(): void {
    const { main, dataDir, ports, join: metas, args, roles, run = runNode } = this.#options;
    const own = ['--data-dir', join(dataDir, this.name), '--roles', roles.join(','), '--cluster.listen', `127.0.0.1:${ports.cluster}`];
    const listeners = [
      '--admin.port',
      ports.admin,
      '--eureka.port',
      ports.eureka,
      '--sofa.port',
      ports.sofa,
      '--sofa.http-port',
      ports.sofaHttp,
    ];
    const all = ['--enable-source-maps', main, ...own, ...listeners.map(String), '--join', metas, '--log.format', 'json', ...args];
    const child = run(all);
    this.#child = child;
    this.output = '';
    const keep = (chunk: Buffer) => {
      this.output = (this.output + chunk.toString()).slice(-64 * 1024);
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    this.#exited = new Promise((resolve) => child.on('close', (code) => resolve(code)));
  }

  /** Resolves when the node says that it is ready. */
  async ready(deadlineMs = 20_000): Promise<void> {
    await eventually(async () => {
      if (!this.isRunning) throw new Error(`${this.name} ended: ${this.output}`);
      const { status, text } = await http(this.ports.admin, { path: '/readyz?verbose' });
      if (status !== 200 || !this.output.includes('ready in'))
        throw new Error(`${this.name} is not ready: ${text}${this.output.slice(-500)}`);
    }, deadlineMs);
  }

  async start(): Promise<void> {
    this.launch();
    await this.ready();
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** The exit code; null when a signal ended it. */
  exited(): Promise<number | null> {
    return this.#exited;
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.#exited;
  }

  /** As an operator stops it. */
  async stop(): Promise<void> {
    this.signal('SIGTERM');
    await this.#exited;
  }

  /** A page of the admin port. */
  async page<T>(path: string): Promise<T> {
    const { status, text } = await http(this.ports.admin, { path });
    if (status !== 200) throw new Error(`${this.name}${path} answered ${status}: ${text}`);
    return JSON.parse(text) as T;
  }

  slots(): Promise<SlotsPage> {
    return this.page('/slots');
  }
}
