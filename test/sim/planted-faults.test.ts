import { afterEach, describe, expect, it, vi } from 'vitest';
import type { LeaseKeeper as LeaseKeeperClass } from '../../core/data/lease-keeper.ts';
import type { SlotStore as SlotStoreClass } from '../../core/data/slot-store.ts';
import type { Fence, Publisher } from '../../core/index.ts';
import type * as leadership from '../../core/meta/leadership.ts';
import type { HeldPublicNames as HeldPublicNamesClass } from '../../core/session/held-public-names.ts';
import type { PushSwitch as PushSwitchClass } from '../../core/session/push-switch.ts';
import type * as serviceView from '../../core/session/service-view.ts';
import type { Plan } from './run-seed.ts';

/** Rules of the core that can be broken on purpose: the checkers must notice each. */
const planted = vi.hoisted(() => ({
  dropsTombstones: false,
  skipsVersionCheck: false,
  expiresByWallClock: false,
  countsOwnVersions: false,
  showsHeldNames: false,
  ignoresPushSwitch: false,
  writesWithoutFence: false,
  forgetsToResume: false,
}));

vi.mock('../../core/data/slot-store.ts', async (original) => {
  const module = await original<{ SlotStore: typeof SlotStoreClass }>();
  class PlantedStore extends module.SlotStore {
    override publish(incoming: Publisher, moment: Parameters<SlotStoreClass['publish']>[1]) {
      if (planted.dropsTombstones) this.compact(Number.MAX_SAFE_INTEGER);
      const known = this.find(incoming.dataInfoId, incoming.registerId)?.publisher.registerVersion;
      if (!planted.skipsVersionCheck || known === undefined) return super.publish(incoming, moment);
      return super.publish({ ...incoming, registerVersion: { version: known.version, stamp: known.stamp + 1 } }, moment);
    }
  }
  return { ...module, SlotStore: PlantedStore };
});

vi.mock('../../core/data/lease-keeper.ts', async (original) => {
  const module = await original<{ LeaseKeeper: typeof LeaseKeeperClass }>();
  class PlantedKeeper extends module.LeaseKeeper {
    constructor(...[clock, log, guard, expire]: ConstructorParameters<typeof LeaseKeeperClass>) {
      super({ ...clock, monotonicMs: () => (planted.expiresByWallClock ? clock.wallMs() : clock.monotonicMs()) }, log, guard, expire);
    }
  }
  return { ...module, LeaseKeeper: PlantedKeeper };
});

vi.mock('../../core/session/held-public-names.ts', async (original) => {
  const module = await original<{ HeldPublicNames: typeof HeldPublicNamesClass }>();
  class PlantedHeldNames extends module.HeldPublicNames {
    override get isEmpty(): boolean {
      return planted.showsHeldNames || super.isEmpty;
    }
  }
  return { ...module, HeldPublicNames: PlantedHeldNames };
});

vi.mock('../../core/meta/leadership.ts', async (original) => {
  const module = await original<typeof leadership>();
  // A write without a fence is carried out whoever leads.
  const fenceOf = (term: number) => (planted.writesWithoutFence ? (undefined as unknown as Fence) : module.fenceOf(term));
  return { ...module, fenceOf };
});

vi.mock('../../core/session/push-switch.ts', async (original) => {
  const module = await original<{ PushSwitch: typeof PushSwitchClass }>();
  class PlantedSwitch extends module.PushSwitch {
    constructor(...[documents, changed]: ConstructorParameters<typeof PushSwitchClass>) {
      super(documents, () => (planted.forgetsToResume ? undefined : changed()));
    }

    override isStopped(address: string): boolean {
      return !planted.ignoresPushSwitch && super.isStopped(address);
    }
  }
  return { ...module, PushSwitch: PlantedSwitch };
});

vi.mock('../../core/session/service-view.ts', async (original) => {
  const module = await original<typeof serviceView>();
  const buildView: typeof module.buildView = (group, dataInfoId, format, joins) => {
    const view = module.buildView(group, dataInfoId, format, joins);
    const own = group.datums.find((datum) => datum.dataInfoId === dataInfoId)?.version ?? 1n;
    return planted.countsOwnVersions ? { ...view, version: own } : view;
  };
  return { ...module, buildView };
});

const { runSeed } = await import('./run-seed.ts');
const { roles, SmallCluster } = await import('./small-cluster.ts');
const { ClusterChecker } = await import('./checkers.ts');
const { Observer } = await import('./observer.ts');
const { Truth } = await import('./truth.ts');
const MOST_SEEDS = 60;

async function firstSeedThatFinds(plan: Plan, rules: RegExp): Promise<number | undefined> {
  for (let seed = 1; seed <= MOST_SEEDS; seed += 1) {
    const { violations } = await runSeed({ seed, plan });
    if (violations.some((violation) => rules.test(violation))) return seed;
  }
  return undefined;
}

/** A Meta loses its lease while its list of members is under way to etcd, and another one leads when it arrives. */
async function violationsOfLateWrite(): Promise<{ readonly violations: readonly string[]; readonly refused: number }> {
  const small = new SmallCluster(roles(['m1', 'm2', 'm3'], ['d1', 'd2', 'd3'], ['s1']), 16, 2, { hasEtcd: true });
  const observer = new Observer(small.world, new Truth());
  const checker = new ClusterChecker(small.cluster, observer, 1_000);
  small.start('m1', 'm2', 'm3', 'd1', 'd2', 's1');
  await small.untilWhole(2);
  const before = small.leader();
  small.start('d3');
  // While the table is stored that knows of the newcomer: the member list is written after it. A table has its revision as a second lock, a list has not.
  while (before?.meta?.members().some((member) => member.peer === 'd3/data') === false) await small.pass(1);
  small.cluster.network.slowDown(before?.name ?? '', 6_500);
  await small.until('another Meta leads', () =>
    small.cluster.nodes.some((node) => node !== before && node.meta?.leadership().isLeader === true),
  );
  for (let second = 0; second < 20; second += 1) {
    checker.check();
    await small.pass(1_000);
  }
  return { violations: observer.violations, refused: small.cluster.etcd?.refused ?? 0 };
}

describe('a rule that is broken on purpose is found by a seed', () => {
  afterEach(() => {
    for (const rule of Object.keys(planted) as (keyof typeof planted)[]) planted[rule] = false;
  });

  it.each([
    ['few', 'dropsTombstones', /ghost|no convergence|agreement lost/],
    ['few', 'skipsVersionCheck', /ghost|no convergence|agreement lost/],
    ['few', 'expiresByWallClock', /shorter list|no convergence|agreement lost/],
    ['few', 'showsHeldNames', /incomplete list: .*-all/],
    ['few', 'countsOwnVersions', /one version, two contents|no convergence|agreement lost/],
    ['operated', 'ignoresPushSwitch', /pushed while stopped/],
    ['operated', 'forgetsToResume', /no convergence after a stop/],
  ] as const)('plan %s: %s', async (plan, rule, expected) => {
    planted[rule] = true;
    const seed = await firstSeedThatFinds(plan, expected);
    expect(seed).toBeDefined();
    // The same seed is green without the plant: it is the plant that was found.
    planted[rule] = false;
    expect((await runSeed({ seed: seed ?? 0, plan })).violations).toEqual([]);
  });

  it('a Meta that writes without its fence is found by the scene of a late write', async () => {
    planted.writesWithoutFence = true;
    expect((await violationsOfLateWrite()).violations).toContainEqual(expect.stringMatching(/late write: .* writes /));
    planted.writesWithoutFence = false;
    const { violations, refused } = await violationsOfLateWrite();
    expect(violations).toEqual([]);
    expect(refused).toBeGreaterThan(0);
  });
});
