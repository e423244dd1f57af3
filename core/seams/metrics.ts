export type Labels = Readonly<Record<string, string>>;

export interface Counter {
  add(amount?: number, labels?: Labels): void;
}
export interface Gauge {
  set(value: number, labels?: Labels): void;
}
/** Takes milliseconds and reports seconds, so that a caller cannot get the unit wrong. */
export interface DurationHistogram {
  recordMs(durationMs: number, labels?: Labels): void;
}

export interface MetricOptions {
  /** Without prefix; `isthmus_` is added. Counters end in `_total`, durations in `_seconds`. */
  readonly name: string;
  readonly help: string;
  readonly labelNames?: readonly string[];
}

/** Metric names are a promise to operators. Asking twice for one name gives the same instrument. */
export interface Metrics {
  counter(options: MetricOptions): Counter;
  gauge(options: MetricOptions): Gauge;
  /** A gauge that is read only when somebody scrapes: for sizes that would cost to keep up to date. */
  observe(options: MetricOptions, read: () => number): void;
  duration(options: MetricOptions): DurationHistogram;
}
