import type { LocalCluster } from './local-cluster.ts';
import { Population } from './population.ts';
import { Probes } from './probes.ts';

/** What tells of a running cluster what its users notice. */
export class Load {
  readonly population: Population;
  readonly probes: Probes;

  private constructor(cluster: LocalCluster) {
    this.population = new Population(cluster);
    this.probes = new Probes(cluster);
  }

  /** Resolves when every reader has seen the whole population, and a change of every name was pushed. */
  static async on(cluster: LocalCluster): Promise<Load> {
    const load = new Load(cluster);
    await load.population.start();
    await load.probes.passMs();
    return load;
  }

  stop(): void {
    this.probes.stop();
    this.population.stop();
  }
}
