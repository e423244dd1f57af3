import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { PROBE_ARGS, Probe } from './probe.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** A Node process that is measured: it carries a probe that answers about its memory and records profiles. */
export class MeasuredProcess {
  readonly probe: Probe;
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  output = '';

  /** `messages` takes what the program itself sends with `process.send`; it must have no field `id`. */
  constructor(args: readonly string[], nodeArgs: readonly string[] = [], messages?: (message: unknown) => void) {
    this.#child = spawn(process.execPath, [...nodeArgs, ...PROBE_ARGS, ...args], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    const keep = (chunk: Buffer) => {
      this.output = (this.output + chunk.toString()).slice(-8_000);
    };
    this.#child.stdout?.on('data', keep);
    this.#child.stderr?.on('data', keep);
    this.probe = new Probe(this.#child, messages);
    this.#exited = new Promise((resolve) => this.#child.on('close', () => resolve()));
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Sends the program a message of its own. */
  tell(message: Readonly<Record<string, unknown>>): void {
    this.#child.send({ ...message });
  }

  /** Writes what the processor did during `work` into `file`. */
  async profile(file: string, work: () => Promise<void>): Promise<void> {
    await this.probe.startProfile();
    await work();
    await this.probe.stopProfile(file);
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    await this.#exited;
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }
}
