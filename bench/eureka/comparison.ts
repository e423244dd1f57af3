import type { Bench, BenchContext, Figure } from '../support/figures.ts';
import { measure, pause, residentBytes } from '../support/process-meter.ts';
import { percentile } from '../support/statistics.ts';
import { CHANGES_PER_SECOND, deltaLatencies, fillDelta, JSON_GZIP, register, warmWhileChanging } from './changes.ts';
import { estateInstance } from './estate.ts';
import { LoadClient, type LoadRequest } from './load.ts';
import { type LoadedServer, startBare, startGateway, startReal } from './servers.ts';

const INSTANCES = 10_000;
const HEARTBEATS = 40_000;
const FETCHES = 400;
const LATENCY_SAMPLES = 200;
/** How long both servers keep a change in the delta, and how much later the real one may look. */
const RETENTION_MS = 180_000;
const RETENTION_SLACK_MS = 31_000;
const CONNECTIONS = 16;

/** What one server needed, in microseconds of processor time per request, bytes and milliseconds. */
interface Outcome {
  readonly startedInMs: number;
  readonly registerUs: number;
  readonly heartbeatUs: number;
  readonly fullUs: number;
  readonly changingFullUs: number;
  readonly changingDeltaUs: number;
  readonly deltaLatencyMs: number;
  readonly residentBytes: number;
  readonly documentBytes: number;
}

/** The whole comparison: the same load on each server, one at a time and warm. */
export const comparison: Bench = {
  name: 'comparison',
  about: `registrations, heartbeats, full fetches and deltas with ${INSTANCES} instances: processor time of the server per request`,
  run: async (context) => {
    const running: Load[] = [];
    try {
      const gateway = new Load(await startGateway(), context);
      running.push(gateway);
      await gateway.begin();
      const real = context.withPeers ? new Load(await startReal(), context) : undefined;
      if (real !== undefined) {
        running.push(real);
        await real.begin();
      }
      const outcome = await gateway.end();
      const peer = await real?.end();
      return figures(outcome, peer, await loadBare(outcome.documentBytes, context));
    } finally {
      for (const load of running) await load.stop();
    }
  },
};

/** One server under the load, in two parts, so that two servers wait at the same time for what they registered to leave their deltas. */
class Load {
  readonly #server: LoadedServer;
  readonly #context: BenchContext;
  readonly #client: LoadClient;
  readonly #count: number;
  #registeredAtMs = 0;
  #quiet = { registerUs: 0, heartbeatUs: 0, fullUs: 0, documentBytes: 0 };

  constructor(server: LoadedServer, context: BenchContext) {
    this.#server = server;
    this.#context = context;
    this.#client = new LoadClient(server.port, CONNECTIONS);
    this.#count = context.scaled(INSTANCES);
  }

  /** Registrations, heartbeats, and fetches of an unchanged registry. */
  async begin(): Promise<void> {
    const { scaled, say } = this.#context;
    const [client, count, name] = [this.#client, this.#count, this.#server.name];
    const half = Math.floor(count / 2);
    // The first half warms the server up.
    await client.sendMany(half, CONNECTIONS, 204, register);
    const registerUs = await this.#perRequestUs(count - half, () =>
      client.sendMany(count - half, CONNECTIONS, 204, (index) => register(half + index)),
    );
    this.#registeredAtMs = performance.now();
    say(`${name}: ${registerUs.toFixed(0)} µs per registration`);

    const heartbeats = scaled(HEARTBEATS);
    const heartbeat = (index: number): LoadRequest => ({
      method: 'PUT',
      path: `${estateInstance(index % count).path}?status=UP&lastDirtyTimestamp=1000`,
    });
    await client.sendMany(heartbeats / 2, CONNECTIONS, 200, heartbeat);
    const heartbeatUs = await this.#perRequestUs(heartbeats, () => client.sendMany(heartbeats, CONNECTIONS, 200, heartbeat));
    say(`${name}: ${heartbeatUs.toFixed(1)} µs per heartbeat`);

    const full = (): LoadRequest => ({ method: 'GET', path: '/eureka/apps/', headers: JSON_GZIP });
    const documentBytes = (await client.send(full(), true)).body.length;
    const fetches = scaled(FETCHES);
    await client.sendMany(fetches / 2, 4, 200, full);
    const fullUs = await this.#perRequestUs(fetches, () => client.sendMany(fetches, 4, 200, full));
    say(`${name}: ${fullUs.toFixed(0)} µs per unchanged full fetch of ${documentBytes} bytes`);
    this.#quiet = { registerUs, heartbeatUs, fullUs, documentBytes };
  }

  /** Reads while instances change. */
  async end(): Promise<Outcome> {
    const { scaled, say } = this.#context;
    const [server, client, count] = [this.#server, this.#client, this.#count];
    // Until the registrations have left the delta.
    await pause(Math.max(0, this.#registeredAtMs + scaled(RETENTION_MS + RETENTION_SLACK_MS) - performance.now()));
    await fillDelta(client, count, scaled);
    const changingFullUs = await warmWhileChanging(server, client, '/eureka/apps/', count);
    const changingDeltaUs = await warmWhileChanging(server, client, '/eureka/apps/delta', count);
    const each = `${changingFullUs.toFixed(0)} µs per full fetch, ${changingDeltaUs.toFixed(0)} µs per delta`;
    say(`${server.name}: with ${CHANGES_PER_SECOND} changes a second ${each}`);
    const deltaLatencyMs = percentile(await deltaLatencies(client, scaled(LATENCY_SAMPLES), count), 0.99);
    const { startedInMs, pid } = server;
    return { ...this.#quiet, startedInMs, changingFullUs, changingDeltaUs, deltaLatencyMs, residentBytes: residentBytes(pid) };
  }

  async stop(): Promise<void> {
    this.#client.close();
    await this.#server.stop();
  }

  async #perRequestUs(requests: number, work: () => Promise<void>): Promise<number> {
    return ((await measure(this.#server.pid, work)).cpuMs * 1_000) / requests;
  }
}

async function loadBare(
  documentBytes: number,
  { scaled }: BenchContext,
): Promise<{ readonly smallUs: number; readonly documentUs: number }> {
  const server = await startBare(documentBytes);
  const client = new LoadClient(server.port, CONNECTIONS);
  try {
    const heartbeats = scaled(HEARTBEATS);
    const small = () => ({ method: 'PUT', path: '/eureka/apps/A/a?status=UP&lastDirtyTimestamp=1000' });
    await client.sendMany(heartbeats / 2, CONNECTIONS, 200, small);
    const spent = await measure(server.pid, () => client.sendMany(heartbeats, CONNECTIONS, 200, small));
    const fetches = scaled(FETCHES);
    const full = () => ({ method: 'GET', path: '/eureka/apps/', headers: JSON_GZIP });
    await client.sendMany(fetches / 2, 4, 200, full);
    const large = await measure(server.pid, () => client.sendMany(fetches, 4, 200, full));
    return { smallUs: (spent.cpuMs * 1_000) / heartbeats, documentUs: (large.cpuMs * 1_000) / fetches };
  } finally {
    client.close();
    await server.stop();
  }
}

function figures(
  gateway: Outcome,
  real: Outcome | undefined,
  bare: { readonly smallUs: number; readonly documentUs: number },
): readonly Figure[] {
  const against = (name: string, unit: string, read: (outcome: Outcome) => number, bound?: number): Figure => ({
    name,
    value: read(gateway),
    unit,
    ...(real === undefined ? {} : { beside: { name: `${unit} Spring server`, value: read(real) } }),
    ...(bound === undefined ? {} : { goal: { kind: 'at most', of: 'ratio', bound } }),
  });
  const ceiling = (name: string, value: number, of: number): Figure => ({
    name,
    value,
    unit: 'µs',
    beside: { name: 'µs bare node:http', value: of },
  });
  return [
    against('heartbeat, processor time', 'µs', (outcome) => outcome.heartbeatUs, 1 / 4),
    ceiling('heartbeat beside the ceiling', gateway.heartbeatUs, bare.smallUs),
    against('registration, processor time', 'µs', (outcome) => outcome.registerUs),
    against('full fetch of everything, unchanged', 'µs', (outcome) => outcome.fullUs, 1 / 2),
    ceiling('full fetch beside the ceiling', gateway.fullUs, bare.documentUs),
    against('full fetch, 10 changes a second', 'µs', (outcome) => outcome.changingFullUs, 1 / 20),
    against('delta, 10 changes a second', 'µs', (outcome) => outcome.changingDeltaUs, 1 / 20),
    {
      ...against('change seen in the delta, p99', 'ms', (outcome) => outcome.deltaLatencyMs),
      goal: { kind: 'at most', of: 'value', bound: 100 },
    },
    against('size of the compressed document', 'bytes', (outcome) => outcome.documentBytes),
    against('resident memory', 'MB', (outcome) => outcome.residentBytes / 1_000_000, 1 / 5),
    against('start to first answer', 'ms', (outcome) => outcome.startedInMs, 1 / 15),
  ];
}
