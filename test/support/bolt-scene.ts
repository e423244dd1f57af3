import { randomUUID } from 'node:crypto';
import { BoltConnection, type BoltOptions } from './bolt-connection.ts';

/** One test's part of a gateway: a name of its own, and bolt clients that end with it. */
export class BoltScene {
  readonly dataId = `com.example.${randomUUID()}`;
  readonly #port: () => number;
  readonly #open: BoltConnection[] = [];

  /** `port` is asked with every connection. */
  constructor(port: () => number) {
    this.#port = port;
  }

  async connect(options: BoltOptions = {}): Promise<BoltConnection> {
    const client = await BoltConnection.open(this.#port(), options);
    this.#open.push(client);
    return client;
  }

  /** A registration of the name of this test. */
  register(registId: string, version = 1n) {
    return { dataId: this.dataId, registId, version };
  }

  async end(): Promise<void> {
    for (const client of this.#open.splice(0)) await client.close();
  }
}
