import { gunzipSync } from 'node:zlib';
import type { Bench, BenchContext, Figure } from '../support/figures.ts';
import { pause, residentBytes } from '../support/process-meter.ts';
import { percentile } from '../support/statistics.ts';
import { estateInstance } from './estate.ts';
import { LoadClient } from './load.ts';
import { type ParsedApplications, PollingClient } from './polling-client.ts';
import { startGateway } from './servers.ts';

const CLIENTS = 2_000;
const INSTANCES = 1_000;
const POLL_MS = 10_000;
const CHANGES_PER_SECOND = 50;
const MINUTES = 5;
const JSON_GZIP = { accept: 'application/json', 'accept-encoding': 'gzip' };
/** Growth after the third minute that is no growth: the collector's own ups and downs. */
const FLAT = 1.1;

/** Polling clients that reconcile by hash as Java clients do, while instances come, go and change. */
export const soak: Bench = {
  name: 'soak',
  about: `${CLIENTS} polling clients, ${CHANGES_PER_SECOND} changes a second, ${MINUTES} minutes: hash mismatches, failed polls, memory`,
  run: async (context) => {
    const server = await startGateway();
    const writer = new LoadClient(server.port, 8);
    const reader = new LoadClient(server.port, context.scaled(CLIENTS));
    try {
      const count = context.scaled(INSTANCES);
      await writer.sendMany(count, 8, 204, (index) => {
        const { app, body } = estateInstance(index);
        return { method: 'POST', path: `/eureka/apps/${app}`, body: body(1) };
      });
      const live: { readonly minute: number; readonly bytes: number; readonly resident: number }[] = [];
      const run = new Soak(writer, reader, count, context);
      const ended = run.run(MINUTES * 60_000 * (context.scaled(1_000) / 1_000));
      let isOver = false;
      void ended.finally(() => {
        isOver = true;
      });
      for (let minute = 1; !isOver; minute += 1) {
        await Promise.race([ended, pause(60_000)]);
        if (isOver) break;
        live.push({ minute, bytes: await server.process.probe.liveBytes(), resident: residentBytes(server.pid) });
        context.say(`minute ${minute}: ${run.state()}, ${((live.at(-1)?.bytes ?? 0) / 1e6).toFixed(1)} MB live`);
      }
      const outcome = await ended;
      live.push({ minute: MINUTES, bytes: await server.process.probe.liveBytes(), resident: residentBytes(server.pid) });
      return soakFigures(outcome, live);
    } finally {
      writer.close();
      reader.close();
      await server.stop();
    }
  },
};

interface SoakOutcome {
  readonly polls: number;
  readonly failures: number;
  readonly mismatches: number;
  readonly changes: number;
  readonly slowestMs: number;
}

class Soak {
  readonly #writer: LoadClient;
  readonly #reader: LoadClient;
  readonly #instances: number;
  readonly #clients: readonly PollingClient[];
  #endsAtMs = 0;
  #polls = 0;
  #failures = 0;
  #mismatches = 0;
  #changes = 0;
  #latencies: number[] = [];
  /** The last delta: clients that were given the same bytes share its reading. */
  #last: { readonly body: Buffer; readonly parsed: ParsedApplications } | undefined;

  constructor(writer: LoadClient, reader: LoadClient, instances: number, { scaled }: BenchContext) {
    this.#writer = writer;
    this.#reader = reader;
    this.#instances = instances;
    this.#clients = Array.from({ length: scaled(CLIENTS) }, () => new PollingClient());
  }

  state(): string {
    return `${this.#polls} polls, ${this.#mismatches} mismatches, ${this.#failures} failed, ${this.#changes} changes`;
  }

  async run(forMs: number): Promise<SoakOutcome> {
    this.#endsAtMs = performance.now() + forMs;
    const polling = this.#clients.map((client, index) => this.#poll(client, (index / this.#clients.length) * POLL_MS));
    await Promise.all([this.#change(), ...polling]);
    const slowestMs = percentile(this.#latencies, 0.99);
    return { polls: this.#polls, failures: this.#failures, mismatches: this.#mismatches, changes: this.#changes, slowestMs };
  }

  /** Half of the instances stay; of the others one changes its status, leaves or comes back, in turn. */
  async #change(): Promise<void> {
    const startedMs = performance.now();
    const away = new Set<number>();
    while (performance.now() < this.#endsAtMs) {
      const index = Math.floor(this.#instances / 2) + ((this.#changes * 7) % Math.ceil(this.#instances / 2));
      const { app, path, body } = estateInstance(index);
      const leaves = !away.has(index) && this.#changes % 3 === 0;
      const status = this.#changes % 2 === 0 ? 'DOWN' : 'UP';
      const sent = leaves
        ? { method: 'DELETE', path }
        : { method: 'POST', path: `/eureka/apps/${app}`, body: body(10 + this.#changes, status) };
      const answer = await this.#writer.send(sent);
      if (answer.status !== (leaves ? 200 : 204)) this.#failures += 1;
      if (leaves) away.add(index);
      else away.delete(index);
      this.#changes += 1;
      await pause(Math.max(0, startedMs + (this.#changes * 1_000) / CHANGES_PER_SECOND - performance.now()));
    }
  }

  async #poll(client: PollingClient, phaseMs: number): Promise<void> {
    await pause(phaseMs);
    while (performance.now() < this.#endsAtMs) {
      const startedMs = performance.now();
      try {
        await this.#pollOnce(client);
      } catch {
        this.#failures += 1;
      }
      this.#latencies.push(performance.now() - startedMs);
      await pause(Math.max(0, POLL_MS - (performance.now() - startedMs)));
    }
  }

  async #pollOnce(client: PollingClient): Promise<void> {
    this.#polls += 1;
    if (!client.hasRegistry) {
      client.replace(await this.#get('/eureka/apps/'));
      return;
    }
    if (client.apply(await this.#get('/eureka/apps/delta'))) return;
    this.#mismatches += 1;
    client.replace(await this.#get('/eureka/apps/'));
  }

  async #get(path: string): Promise<ParsedApplications> {
    const { status, body } = await this.#reader.send({ method: 'GET', path, headers: JSON_GZIP }, true);
    if (status !== 200) throw new Error(`${path} was answered ${status}`);
    if (this.#last?.body.equals(body) === true) return this.#last.parsed;
    const parsed = (JSON.parse(gunzipSync(body).toString()) as { readonly applications: ParsedApplications }).applications;
    this.#last = { body, parsed };
    return parsed;
  }
}

function soakFigures(
  outcome: SoakOutcome,
  live: readonly { readonly minute: number; readonly bytes: number; readonly resident: number }[],
): readonly Figure[] {
  // The delta keeps a change for three minutes: from then on nothing more may gather.
  const settled = live.find(({ minute }) => minute >= 3) ?? live[0];
  const last = live.at(-1);
  return [
    { name: 'polls', value: outcome.polls, unit: '' },
    { name: 'changes', value: outcome.changes, unit: '' },
    { name: 'hash mismatches', value: outcome.mismatches, unit: '', goal: { kind: 'at most', of: 'value', bound: 0 } },
    { name: 'failed requests', value: outcome.failures, unit: '', goal: { kind: 'at most', of: 'value', bound: 0 } },
    { name: 'poll, p99', value: outcome.slowestMs, unit: 'ms' },
    {
      name: 'live memory at the end',
      value: (last?.bytes ?? Number.NaN) / 1e6,
      unit: 'MB',
      beside: { name: 'MB after three minutes', value: (settled?.bytes ?? Number.NaN) / 1e6 },
      goal: { kind: 'at most', of: 'ratio', bound: FLAT },
    },
    { name: 'resident memory at the end', value: (last?.resident ?? Number.NaN) / 1e6, unit: 'MB' },
  ];
}
