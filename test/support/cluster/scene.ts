import type { LocalCluster } from './local-cluster.ts';
import type { Population } from './population.ts';
import type { Probes } from './probes.ts';

/** What the Metas keep their state in, as far as a fault can be done to it. */
export interface MetaStoreProcesses {
  /** Kills every process of it at once; nothing where the store lives in Meta itself. */
  kill(): Promise<void>;
  /** Starts them again with what they had stored. */
  restart(): Promise<void>;
}

/** A running cluster under load, to which something is done. */
export interface Scene {
  readonly cluster: LocalCluster;
  readonly store: MetaStoreProcesses;
  readonly population: Population;
  readonly probes: Probes;
  /** Tells a watcher what happens. */
  readonly tell: (text: string) => void;
}

export interface TrialResult {
  /** From the fault until a change of every name was pushed again, or what else the trial's limit is for. */
  readonly outageMs: number;
  /** What was wrong beside lists that were not whole. */
  readonly problems?: readonly string[];
  /** What else was measured, in words. */
  readonly measured?: readonly string[];
}

export interface Trial {
  readonly title: string;
  /** What the outage must stay below. */
  readonly limitMs: number;
  /** Does it, waits until all is well again, and returns the outage. */
  run(scene: Scene): Promise<TrialResult>;
}
