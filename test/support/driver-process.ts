import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** A process that holds real clients of one library and does what it is told by JSON lines. */
export class DriverProcess {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  readonly #exited: Promise<void>;
  #next = 1;
  #isRunning = true;
  #stderr = '';

  constructor(command: string, args: readonly string[]) {
    this.#child = spawn(command, args, { stdio: 'pipe' });
    this.#child.stderr.on('data', (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString()).slice(-4_000);
    });
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#answer(line));
    this.#exited = new Promise((resolve) =>
      this.#child.on('close', () => {
        this.#isRunning = false;
        for (const { reject } of this.#waiting.values()) reject(new Error(`the driver ended: ${this.#stderr}`));
        this.#waiting.clear();
        resolve();
      }),
    );
  }

  call(op: string, parameters: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    if (!this.#isRunning) return Promise.reject(new Error(`the driver has ended: ${this.#stderr}`));
    const id = this.#next;
    this.#next += 1;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#child.stdin.write(`${JSON.stringify({ id, op, ...parameters })}\n`);
    });
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  #answer(line: string): void {
    if (!line.startsWith('{')) return;
    const { id, value, error } = JSON.parse(line) as { readonly id: number; readonly value: unknown; readonly error?: string };
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(value);
    else waiting?.reject(new Error(error));
  }
}
