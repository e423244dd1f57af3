import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** A client as the scenarios start it. */
export interface ClientOptions {
  readonly client: string;
  readonly url: string;
  readonly app: string;
  readonly instanceId: string;
  readonly port: number;
  readonly leaseSeconds: number;
  readonly heartbeatMs: number;
  readonly fetchMs: number;
  readonly delta: boolean;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface ClientInstance {
  readonly instanceId: string;
  readonly status: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** A process that holds real clients of one library and does what it is told by JSON lines. */
export class ClientDriver {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  readonly #exited: Promise<void>;
  #next = 1;
  #stderr = '';

  constructor(command: string, args: readonly string[]) {
    this.#child = spawn(command, args, { stdio: 'pipe' });
    this.#child.stderr.on('data', (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString()).slice(-4_000);
    });
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#answer(line));
    this.#exited = new Promise((resolve) =>
      this.#child.on('close', () => {
        for (const { reject } of this.#waiting.values()) reject(new Error(`the driver ended: ${this.#stderr}`));
        this.#waiting.clear();
        resolve();
      }),
    );
  }

  start(options: ClientOptions): Promise<unknown> {
    return this.#call('start', { ...options });
  }

  instances(client: string, app: string): Promise<readonly ClientInstance[]> {
    return this.#call('instances', { client, app }) as Promise<readonly ClientInstance[]>;
  }

  /** Registers anew with other metadata. */
  metadata(client: string, metadata: Readonly<Record<string, string>>): Promise<unknown> {
    return this.#call('metadata', { client, metadata });
  }

  /** From now on the shortest list of an application that the client ever held is remembered. */
  watch(client: string, app: string): Promise<unknown> {
    return this.#call('watch', { client, app });
  }

  least(client: string): Promise<number | null> {
    return this.#call('least', { client }) as Promise<number | null>;
  }

  /** How many fetches the client has finished. */
  refreshes(client: string): Promise<number> {
    return this.#call('refreshes', { client }) as Promise<number>;
  }

  /** How often the client's own reconciliation found another hash than the server's. */
  mismatches(client: string): Promise<number> {
    return this.#call('mismatches', { client }) as Promise<number>;
  }

  stop(client: string): Promise<unknown> {
    return this.#call('stop', { client });
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  #call(op: string, parameters: Readonly<Record<string, unknown>>): Promise<unknown> {
    const id = this.#next;
    this.#next += 1;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#child.stdin.write(`${JSON.stringify({ id, op, ...parameters })}\n`);
    });
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
