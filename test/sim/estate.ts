import { Role } from '../../core/index.ts';
import type { Faults } from './faults.ts';
import type { Chance } from './world/chance.ts';
import type { SimCluster } from './world/cluster.ts';
import type { World } from './world/world.ts';

/** Between the restarts of two Metas: the others have taken over by then. */
const META_RESTART_EVERY_MS = 4_000;

/** What happens to an estate as a whole, some of it on purpose: restarts in good order, another number of copies, the loss of all Data nodes. */
export class Estate {
  readonly #world: World;
  readonly #cluster: SimCluster;
  readonly #faults: Faults;
  readonly #chance: Chance;

  constructor(world: World, cluster: SimCluster, faults: Faults) {
    this.#world = world;
    this.#cluster = cluster;
    this.#faults = faults;
    this.#chance = world.stream('estate');
  }

  begin(untilMs: number): void {
    const next = () => {
      this.#world.at(undefined, this.#chance.between(3_000, 20_000), () => {
        if (this.#world.nowMs >= untilMs) return;
        const draw = this.#chance.next();
        if (draw < 0.5) this.#restart();
        else if (draw < 0.75) this.#changeReplicas();
        else this.#loseAllData();
        next();
      });
    };
    next();
  }

  /** As in a rolling upgrade: the node says that it leaves, and is back soon. */
  #restart(): void {
    const node = this.#chance.pick(this.#cluster.nodes);
    if (node.process?.isAlive === true && this.#faults.maySurvive(node)) this.#cluster.restart(node, this.#chance.between(200, 3_000));
  }

  /** By restarting each Meta with another setting. Not where that would restart Data nodes as well. */
  #changeReplicas(): void {
    const metas = this.#cluster.withRole(Role.Meta);
    if (metas.some((meta) => meta.roles.length > 1)) return;
    const replicas = this.#chance.between(1, 3);
    this.#world.tell('estate', `asks for ${replicas} copies`);
    this.#cluster.setReplicas(replicas);
    for (const [at, meta] of metas.entries()) {
      this.#world.at(undefined, at * META_RESTART_EVERY_MS, () => {
        this.#cluster.crash(meta);
        this.#world.at(undefined, 300, () => this.#cluster.start(meta));
      });
    }
  }

  /** All at once and with their restart caches: the Sessions have what was acknowledged. */
  #loseAllData(): void {
    const datas = this.#cluster.withRole(Role.Data);
    if (datas.some((node) => node.roles.length > 1) || !this.#faults.mayLoseAllData()) return;
    this.#world.tell('estate', 'loses all Data nodes and what they had on disk');
    for (const node of datas) {
      this.#cluster.crash(node);
      node.cache.clear();
      this.#world.at(undefined, this.#chance.between(200, 3_000), () => this.#cluster.start(node));
    }
  }
}
