import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const WRITER = fileURLToPath(new URL('./store-writer.ts', import.meta.url));

/** A value of a stream is its key so many times: more than 200 bytes in one commit, and easy to check. */
export const VALUE_REPEATS = 100;

/** One line of store-writer.ts. */
export interface StoreEvent {
  readonly kind: 'opened' | 'refused' | 'committed' | 'condition' | 'value' | 'error';
  readonly key?: string;
  readonly revision?: number;
  readonly bytes?: number;
  readonly code?: string;
  readonly message?: string;
  readonly state?: string;
  readonly reason?: string;
}

/** The store in a process of its own, to be killed, starved and told what to do. */
export class StoreProcess {
  readonly events: StoreEvent[] = [];
  readonly #child: ChildProcess;
  readonly #closed: Promise<void>;
  #waiting: (() => void)[] = [];
  #isClosed = false;
  #stderr = '';

  private constructor(args: readonly string[]) {
    this.#child = spawn(process.execPath, ['--import', 'tsx', WRITER, ...args], { cwd: ROOT, stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr += chunk.toString();
    });
    // A command to a process that has just died is lost; what the test waits for then says so.
    this.#child.stdin?.on('error', () => undefined);
    if (this.#child.stdout !== null) {
      createInterface({ input: this.#child.stdout }).on('line', (line) => {
        this.events.push(JSON.parse(line) as StoreEvent);
        this.#wake();
      });
    }
    this.#closed = new Promise((resolve) => {
      this.#child.on('close', () => {
        this.#isClosed = true;
        this.#wake();
        resolve();
      });
    });
  }

  /** Commits without end, under keys with this prefix. */
  static stream(folder: string, prefix: string): StoreProcess {
    return new StoreProcess(['stream', folder, prefix]);
  }

  /** Waits for commands. */
  static obey(folder: string): StoreProcess {
    return new StoreProcess(['obey', folder]);
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  get committed(): readonly StoreEvent[] {
    return this.events.filter((event) => event.kind === 'committed');
  }

  /** @throws when the process ends before it has said that much. */
  async said(count: number): Promise<StoreEvent> {
    while (this.events.length < count) {
      if (this.#isClosed) throw new Error(`the store process ended after ${this.events.length} events: ${this.#stderr}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return this.events[count - 1] as StoreEvent;
  }

  /** Sends one command and waits for its answer. */
  ask(command: string): Promise<StoreEvent> {
    const next = this.events.length + 1;
    this.#child.stdin?.write(`${command}\n`);
    return this.said(next);
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#closed;
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
