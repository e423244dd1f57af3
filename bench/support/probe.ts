import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Arguments of Node that load the other side into a process; it needs a channel (`ipc`), too. */
export const PROBE_ARGS: readonly string[] = ['--expose-gc', '--import', fileURLToPath(new URL('probe.mjs', import.meta.url))];

export interface ProcessMemory {
  readonly rss: number;
  readonly heapUsed: number;
  readonly external: number;
  readonly arrayBuffers: number;
}

/** Asks a process that was started with `PROBE_ARGS` about its memory, and makes it record profiles. */
export class Probe {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  #nextId = 1;

  /** `messages` takes what the program itself sends with `process.send`; it must have no field `id`. */
  constructor(child: ChildProcess, messages: (message: unknown) => void = () => undefined) {
    this.#child = child;
    child.on('message', (message: { readonly id?: number; readonly value?: unknown; readonly error?: string }) => {
      if (message.id === undefined) messages(message);
      else this.#answered(message.id, message.value, message.error);
    });
    child.on('close', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`process ${child.pid} ended`));
      this.#waiting.clear();
    });
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

  async startProfile(): Promise<void> {
    await this.#ask('startProfile');
  }

  /** Writes what the processor did since the start into a file that Chrome's and VS Code's profilers read. */
  async stopProfile(file: string): Promise<void> {
    await this.#ask('stopProfile', { file });
  }

  async heapSnapshot(file: string): Promise<void> {
    await this.#ask('heapSnapshot', { file });
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
