import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PROBE = fileURLToPath(new URL('probe.mjs', import.meta.url));

export interface ProcessMemory {
  readonly rss: number;
  readonly heapUsed: number;
  readonly external: number;
  readonly arrayBuffers: number;
}

/** A Node process that is measured: it carries a probe that answers about its memory and records profiles. */
export class MeasuredProcess {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  readonly #exited: Promise<void>;
  #nextId = 1;
  output = '';

  /** `messages` takes what the program itself sends with `process.send`; it must have no field `id`. */
  constructor(args: readonly string[], nodeArgs: readonly string[] = [], messages: (message: unknown) => void = () => undefined) {
    const all = ['--expose-gc', ...nodeArgs, '--import', PROBE, ...args];
    this.#child = spawn(process.execPath, all, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    const keep = (chunk: Buffer) => {
      this.output = (this.output + chunk.toString()).slice(-8_000);
    };
    this.#child.stdout?.on('data', keep);
    this.#child.stderr?.on('data', keep);
    this.#child.on('message', (message: { readonly id?: number; readonly value?: unknown; readonly error?: string }) => {
      if (message.id === undefined) messages(message);
      else this.#answered(message.id, message.value, message.error);
    });
    this.#exited = new Promise((resolve) =>
      this.#child.on('close', () => {
        for (const { reject } of this.#waiting.values()) reject(new Error(`the process ended: ${this.output}`));
        this.#waiting.clear();
        resolve();
      }),
    );
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

  /** Memory after a full collection. */
  memory(): Promise<ProcessMemory> {
    return this.#ask('memory') as Promise<ProcessMemory>;
  }

  /** Live bytes of the heap and of buffers beside it, after a full collection. */
  async liveBytes(): Promise<number> {
    const { heapUsed, external } = await this.memory();
    return heapUsed + external;
  }

  /** Writes what the processor did during `work` into a file that Chrome's and VS Code's profilers read. */
  async profile(file: string, work: () => Promise<void>): Promise<void> {
    await this.#ask('startProfile');
    await work();
    await this.#ask('stopProfile', { file });
  }

  async heapSnapshot(file: string): Promise<void> {
    await this.#ask('heapSnapshot', { file });
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    await this.#exited;
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  #ask(question: string, parameters: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    const id = this.#nextId;
    this.#nextId += 1;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#child.send({ id, question, ...parameters });
    });
  }

  #answered(id: number, value: unknown, error: string | undefined): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(value);
    else waiting?.reject(new Error(error));
  }
}
