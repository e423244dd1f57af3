import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A TCP proxy in front of a server: it carries requests, and can lose the answer to the next one, or hold everything up. */
export class AnswerEater {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #target: URL;
  /** Requests whose bytes contain this are carried, and their connection ends when the answer comes. */
  eats: string | undefined;
  /** Nothing is carried in either direction; what came is carried once this ends. */
  #heldUp: (() => void)[] | undefined;
  eaten = 0;

  private constructor(target: string) {
    this.#target = new URL(target);
    this.#server = createServer((client) => this.#serve(client));
  }

  static async before(target: string): Promise<AnswerEater> {
    const proxy = new AnswerEater(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  holdUp(): void {
    this.#heldUp ??= [];
  }

  goOn(): void {
    const waiting = this.#heldUp ?? [];
    this.#heldUp = undefined;
    for (const carry of waiting) carry();
  }

  /** All connections end; new ones are taken. */
  breakAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(client: Socket): void {
    const upstream = connect(Number(this.#target.port), this.#target.hostname);
    let isEating = false;
    client.on('data', (bytes) => {
      if (this.eats !== undefined && bytes.includes(this.eats)) isEating = true;
      this.#carry(() => upstream.write(bytes));
    });
    upstream.on('data', (bytes) => {
      if (isEating) {
        this.eaten += 1;
        this.eats = undefined;
        client.destroy();
      } else this.#carry(() => client.write(bytes));
    });
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        this.#sockets.delete(socket);
        // What was held up still arrives: a request may reach the server long after its sender has gone.
        this.#carry(() => other.end());
      });
    }
  }

  #carry(carry: () => void): void {
    if (this.#heldUp === undefined) carry();
    else this.#heldUp.push(carry);
  }
}
