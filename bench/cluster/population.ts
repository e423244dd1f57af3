import { randomUUID } from 'node:crypto';
import { heartbeatFrame, providerUrl, publisherFrame, subscriberFrame } from '../bolt/frames.ts';
import { connectMany, type LoadClient } from '../bolt/load-client.ts';

/** Requests that one client has under way, so that the load generator waits little. */
const IN_FLIGHT = 50;
const HEARTBEAT_EVERY_MS = 10_000;

/** Bolt clients spread over the Sessions of a cluster, kept alive by heartbeats. */
export class ClientPopulation {
  readonly clients: readonly LoadClient[];
  readonly #heartbeats: NodeJS.Timeout;

  private constructor(clients: readonly LoadClient[]) {
    this.clients = clients;
    this.#heartbeats = setInterval(() => {
      for (const client of clients) if (!client.isClosed) void client.request(heartbeatFrame(1));
    }, HEARTBEAT_EVERY_MS);
  }

  static async connect(ports: readonly number[], count: number): Promise<ClientPopulation> {
    const each = await Promise.all(
      ports.map((port, index) => connectMany(port, Math.floor(count / ports.length) + (index < count % ports.length ? 1 : 0))),
    );
    return new ClientPopulation(each.flat());
  }

  /** Publishes services `from` to `until`, each by every client, with about 190 bytes each. Resolves with the last answer. */
  async publish(name: string, from: number, until: number, version = 1): Promise<void> {
    await this.#all(from, until, (service, client) =>
      publisherFrame({
        dataId: dataIdOf(name, service),
        registId: registIdOf(name, service, client),
        version,
        values: [providerUrl(service * this.clients.length + client + version)],
      }),
    );
  }

  /** Every client subscribes to each of the services. */
  async subscribe(name: string, from: number, until: number): Promise<void> {
    await this.#all(from, until, (service) => subscriberFrame(dataIdOf(name, service), randomUUID()));
  }

  close(): void {
    clearInterval(this.#heartbeats);
    for (const client of this.clients) client.close();
  }

  async #all(from: number, until: number, frame: (service: number, client: number) => Uint8Array): Promise<void> {
    await Promise.all(
      this.clients.map(async (client, index) => {
        for (let start = from; start < until; start += IN_FLIGHT) {
          const services = Array.from({ length: Math.min(IN_FLIGHT, until - start) }, (_, offset) => start + offset);
          await Promise.all(services.map((service) => client.request(frame(service, index))));
        }
      }),
    );
  }
}

/** The name of a service of the population. */
export function dataIdOf(name: string, service: number): string {
  return `com.example.bench.${name}${service}`;
}

/** The same for the same registration, in the form and length of a UUID. */
function registIdOf(name: string, service: number, client: number): string {
  const tail = `${service.toString(16).padStart(8, '0')}${client.toString(16).padStart(4, '0')}`;
  return `${Buffer.from(name).toString('hex').padEnd(8, '0').slice(0, 8)}-0000-4000-8000-${tail}`;
}
