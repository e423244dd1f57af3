import { connectMany, type LoadClient } from './load-client.ts';

/** A push that takes longer will not come. */
const LONGEST_WAIT_MS = 30_000;

/** Subscribers of one name, one connection each, that are asked together whether they have all got the next push. */
export class Audience {
  readonly #clients: LoadClient[];
  readonly #counter: { pushes: number; bytes: number };
  #expected = 0;
  #all: (() => void) | undefined;
  /** When each of them got the last push, in milliseconds of `performance.now`. */
  readonly #receivedAtMs: Float64Array;

  private constructor(size: number) {
    this.#clients = [];
    this.#counter = { pushes: 0, bytes: 0 };
    this.#receivedAtMs = new Float64Array(size);
  }

  /** Connects `size` clients; `subscribe` is the frame that each sends, undefined for servers that push unasked. */
  static async open(port: number, size: number, subscribe: ((index: number) => Uint8Array) | undefined): Promise<Audience> {
    const audience = new Audience(size);
    audience.#clients.push(...(await connectMany(port, size, (index) => ({ onPush: (bytes) => audience.#received(index, bytes) }))));
    if (subscribe === undefined) return audience;
    const firstPush = audience.next();
    await Promise.all(audience.#clients.map((client, index) => client.request(subscribe(index))));
    await firstPush;
    return audience;
  }

  get size(): number {
    return this.#clients.length;
  }

  get pushes(): number {
    return this.#counter.pushes;
  }

  get bytesPerPush(): number {
    return this.#counter.bytes / this.#counter.pushes;
  }

  get receivedAtMs(): readonly number[] {
    return [...this.#receivedAtMs];
  }

  /** Resolves when every one of them has got one more push. */
  next(): Promise<void> {
    this.#expected = this.#counter.pushes + this.size;
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`${this.#expected - this.#counter.pushes} pushes did not come`)), LONGEST_WAIT_MS);
      this.#all = () => {
        clearTimeout(late);
        resolve();
      };
    });
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }

  #received(index: number, bytes: number): void {
    this.#counter.pushes += 1;
    this.#counter.bytes += bytes;
    this.#receivedAtMs[index] = performance.now();
    if (this.#counter.pushes < this.#expected) return;
    const all = this.#all;
    this.#all = undefined;
    all?.();
  }
}
