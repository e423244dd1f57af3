import { afterEach, describe, expect, it, vi } from 'vitest';
import type { LeaseKeeper as LeaseKeeperClass } from '../../core/data/lease-keeper.ts';
import type { SlotStore as SlotStoreClass } from '../../core/data/slot-store.ts';
import type { Publisher } from '../../core/index.ts';
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
const MOST_SEEDS = 60;

async function firstSeedThatFinds(plan: Plan, rules: RegExp): Promise<number | undefined> {
  for (let seed = 1; seed <= MOST_SEEDS; seed += 1) {
    const { violations } = await runSeed({ seed, plan });
    if (violations.some((violation) => rules.test(violation))) return seed;
  }
  return undefined;
}

describe('a rule that is broken on purpose is found by a seed', () => {
  afterEach(() => {
    for (const rule of Object.keys(planted) as (keyof typeof planted)[]) planted[rule] = false;
  });

  it.each([
    ['few', 'dropsTombstones', /ghost|no convergence|agreement lost/],
    ['few', 'skipsVersionCheck', /ghost|no convergence|agreement lost/],
    ['few', 'expiresByWallClock', /shorter list|no convergence|agreement lost/],
    ['few', 'showsHeldNames', /shorter list: poll/],
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
});
