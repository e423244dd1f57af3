import { Agent, request } from 'node:http';

/** A request of a load; the answer's body is read and thrown away unless it is asked for. */
export interface LoadRequest {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface LoadAnswer {
  readonly status: number;
  readonly body: Buffer;
}

/** Keep-alive connections to one server, as a pool of clients has them. */
export class LoadClient {
  readonly #agent: Agent;
  readonly #port: number;

  constructor(port: number, connections: number) {
    this.#port = port;
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections });
  }

  send({ method, path, headers = {}, body }: LoadRequest, keepBody = false): Promise<LoadAnswer> {
    const all =
      body === undefined ? headers : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)), ...headers };
    return new Promise((resolve, reject) => {
      const outgoing = request({ agent: this.#agent, host: '127.0.0.1', port: this.#port, method, path, headers: all }, (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => {
          if (keepBody) chunks.push(chunk);
        });
        incoming.on('error', reject);
        incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, body: Buffer.concat(chunks) }));
      });
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }

  /** Sends `count` requests with so many at a time. Throws when one is not answered as expected. */
  async sendMany(count: number, atATime: number, expected: number, make: (index: number) => LoadRequest): Promise<void> {
    let next = 0;
    const work = async () => {
      while (next < count) {
        const one = make(next++);
        const { status } = await this.send(one);
        if (status !== expected) throw new Error(`${one.method} ${one.path} was answered ${status} instead of ${expected}`);
      }
    };
    await Promise.all(Array.from({ length: atATime }, work));
  }

  close(): void {
    this.#agent.destroy();
  }
}
