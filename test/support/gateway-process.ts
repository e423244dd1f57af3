import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from './eureka-gateway.ts';
import { eventually } from './eventually.ts';
import { http } from './http.ts';

/** For a start on a machine that is busy with other things. */
const START_MOST_MS = 30_000;
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
export const MAIN = join(ROOT, 'dist/deploy/main.js');

export interface GatewayOptions {
  readonly args?: readonly string[];
  readonly dataDir?: string;
  /** For Node itself, before the program. */
  readonly nodeArgs?: readonly string[];
  /** Files that the process may have open; as many as the tests by default. */
  readonly openFiles?: number;
}

/** The built gateway as a process of its own, on free ports and a folder that is removed afterwards. */
export class GatewayProcess {
  readonly dataDir: string;
  readonly eurekaPort: number;
  readonly adminPort: number;
  readonly sofaPort: number;
  readonly sofaHttpPort: number;
  readonly #args: readonly string[];
  readonly #nodeArgs: readonly string[];
  readonly #openFiles: number | undefined;
  readonly #ownsFolder: boolean;
  #child: ChildProcess | undefined;
  #exited: Promise<number | null> = Promise.resolve(null);
  stdout = '';
  stderr = '';

  private constructor(options: GatewayOptions, [eurekaPort, adminPort, sofaPort, sofaHttpPort]: readonly [number, number, number, number]) {
    this.#ownsFolder = options.dataDir === undefined;
    this.dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'isthmus-'));
    this.eurekaPort = eurekaPort;
    this.adminPort = adminPort;
    this.sofaPort = sofaPort;
    this.sofaHttpPort = sofaHttpPort;
    this.#args = options.args ?? [];
    this.#nodeArgs = options.nodeArgs ?? [];
    this.#openFiles = options.openFiles;
  }

  static async start(options: GatewayOptions = {}): Promise<GatewayProcess> {
    const gateway = await GatewayProcess.prepare(options);
    await gateway.start();
    return gateway;
  }

  /** Ports and folder, but no process yet. */
  static async prepare(options: GatewayOptions = {}): Promise<GatewayProcess> {
    return new GatewayProcess(options, [await freePort(), await freePort(), await freePort(), await freePort()]);
  }

  get url(): string {
    return `http://127.0.0.1:${this.eurekaPort}/eureka`;
  }

  get pid(): number {
    return this.#child?.pid ?? -1;
  }

  get output(): string {
    return this.stdout + this.stderr;
  }

  /** Flags for folder and ports, and whatever the test added. */
  get args(): readonly string[] {
    const eureka = ['--eureka.port', String(this.eurekaPort), '--admin.port', String(this.adminPort)];
    const sofa = ['--sofa.port', String(this.sofaPort), '--sofa.http-port', String(this.sofaHttpPort)];
    return ['--data-dir', this.dataDir, ...eureka, ...sofa, ...this.#args];
  }

  launch(): void {
    const command = [process.execPath, '--enable-source-maps', ...this.#nodeArgs, MAIN, ...this.args];
    const limited = this.#openFiles === undefined ? command : ['sh', '-c', `ulimit -n ${this.#openFiles} && exec "$0" "$@"`, ...command];
    const [program = '', ...args] = limited;
    const child = spawn(program, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    this.stdout = '';
    this.stderr = '';
    child.stdout.on('data', (chunk: Buffer) => {
      this.stdout += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
    this.#exited = new Promise((resolve) => child.on('close', (code) => resolve(code)));
  }

  async start(): Promise<void> {
    this.launch();
    await eventually(async () => {
      if (this.#child?.exitCode !== null) throw new Error(`the gateway ended: ${this.stderr}${this.stdout}`);
      if ((await http(this.adminPort, { path: '/readyz' })).status !== 200) throw new Error('not ready');
      // The listeners open last; the ready line comes after them.
      if (!this.stdout.includes('ready in')) throw new Error('not announced');
    }, START_MOST_MS);
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

  /** Throws away all that a gateway, which must be dead, has kept. */
  forget(): void {
    rmSync(this.dataDir, { recursive: true, force: true });
    mkdirSync(this.dataDir);
  }

  async stop(): Promise<void> {
    this.signal('SIGTERM');
    await this.#exited;
    if (this.#ownsFolder) rmSync(this.dataDir, { recursive: true, force: true });
  }
}
