import type { Counter as PromCounter, Gauge as PromGauge, Histogram as PromHistogram, Registry } from 'prom-client';
import type { Labels, MetricOptions, Metrics } from '../seams/metrics.ts';

const PREFIX = 'isthmus_';
/** From a tenth of a millisecond to ten seconds: a push at rest and a retry must both be seen. */
const BUCKETS_SECONDS = [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

type Recorder = { replay(registry: Prometheus): void };

/** prom-client's classes, once loaded. */
interface Prometheus {
  readonly registry: Registry;
  readonly client: typeof import('prom-client');
}

/**
 * Metrics behind prom-client, which is loaded with the first scrape: until then counts are kept in plain numbers, because
 * most short-lived gateways are never scraped and loading costs start time and memory.
 */
export class NodeMetrics implements Metrics {
  readonly #instruments = new Map<string, Recorder>();
  #prometheus: Promise<Prometheus> | undefined;
  #loaded: Prometheus | undefined;

  counter(options: MetricOptions): { add(amount?: number, labels?: Labels): void } {
    return this.#instrument(options, () => {
      const sums = new LabelledSums();
      let prom: PromCounter | undefined;
      return {
        add: (amount = 1, labels: Labels = NO_LABELS) => (prom === undefined ? sums.add(labels, amount) : prom.inc(labels, amount)),
        replay: ({ registry, client }) => {
          prom = new client.Counter({ ...promOptions(options), registers: [registry] });
          for (const [labels, value] of sums.entries()) prom.inc(labels, value);
        },
      };
    });
  }

  gauge(options: MetricOptions): { set(value: number, labels?: Labels): void } {
    return this.#instrument(options, () => {
      const sums = new LabelledSums();
      let prom: PromGauge | undefined;
      return {
        set: (value: number, labels: Labels = NO_LABELS) => (prom === undefined ? sums.set(labels, value) : prom.set(labels, value)),
        replay: ({ registry, client }) => {
          prom = new client.Gauge({ ...promOptions(options), registers: [registry] });
          for (const [labels, value] of sums.entries()) prom.set(labels, value);
        },
      };
    });
  }

  observe(options: MetricOptions, read: () => number): void {
    this.#instrument(options, () => ({
      replay: ({ registry, client }) => {
        new client.Gauge({
          ...promOptions(options),
          registers: [registry],
          collect() {
            this.set(read());
          },
        });
      },
    }));
  }

  duration(options: MetricOptions): { recordMs(durationMs: number, labels?: Labels): void } {
    return this.#instrument(options, () => {
      // Before the first scrape only a bounded number of samples is remembered; a histogram does not need the others.
      const waiting: { readonly labels: Labels; readonly seconds: number }[] = [];
      let prom: PromHistogram | undefined;
      return {
        recordMs: (durationMs: number, labels: Labels = NO_LABELS) => {
          const seconds = durationMs / 1000;
          if (prom !== undefined) prom.observe(labels, seconds);
          else if (waiting.length < 10_000) waiting.push({ labels, seconds });
        },
        replay: ({ registry, client }) => {
          prom = new client.Histogram({ ...promOptions(options), buckets: BUCKETS_SECONDS, registers: [registry] });
          for (const sample of waiting) prom.observe(sample.labels, sample.seconds);
          waiting.length = 0;
        },
      };
    });
  }

  /** The exposition text for a scrape, with Node's own process metrics. */
  async scrape(): Promise<{ readonly contentType: string; readonly text: string }> {
    this.#prometheus ??= this.#load();
    const { registry } = await this.#prometheus;
    return { contentType: registry.contentType, text: await registry.metrics() };
  }

  async #load(): Promise<Prometheus> {
    const module = await import('prom-client');
    const client = module.default ?? module;
    const registry = new client.Registry();
    client.collectDefaultMetrics({ register: registry });
    const loaded = { registry, client };
    for (const instrument of this.#instruments.values()) instrument.replay(loaded);
    this.#loaded = loaded;
    return loaded;
  }

  #instrument<T extends Recorder>(options: MetricOptions, make: () => T): T {
    const known = this.#instruments.get(options.name);
    if (known !== undefined) return known as T;
    const made = make();
    this.#instruments.set(options.name, made);
    if (this.#loaded !== undefined) made.replay(this.#loaded);
    return made;
  }
}

const NO_LABELS: Labels = {};

function promOptions(options: MetricOptions): { name: string; help: string; labelNames: string[] } {
  return { name: PREFIX + options.name, help: options.help, labelNames: [...(options.labelNames ?? [])] };
}

class LabelledSums {
  readonly #sums = new Map<string, { readonly labels: Labels; value: number }>();

  add(labels: Labels, amount: number): void {
    this.#entry(labels).value += amount;
  }

  set(labels: Labels, value: number): void {
    this.#entry(labels).value = value;
  }

  *entries(): IterableIterator<[Labels, number]> {
    for (const { labels, value } of this.#sums.values()) yield [labels, value];
  }

  #entry(labels: Labels): { readonly labels: Labels; value: number } {
    const key = labels === NO_LABELS ? '' : JSON.stringify(labels);
    let entry = this.#sums.get(key);
    if (entry === undefined) {
      entry = { labels, value: 0 };
      this.#sums.set(key, entry);
    }
    return entry;
  }
}
