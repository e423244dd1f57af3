import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClientDriver, ClientOptions } from './client-driver.ts';
import { startClosedGateway } from './closed-gateway.ts';
import { type ConformanceGateway, startConformanceGateway } from './conformance-gateway.ts';
import { EurekaOperator } from './eureka-operator.ts';
import { Scene, type Stage } from './eureka-scene.ts';
import { eventually } from './eventually.ts';
import { startLyingEureka } from './lying-eureka.ts';

/** What a library can do at all. Everything else is expected of every client. */
export interface ClientAbilities {
  /** Reconciles hashes by itself and reports mismatches. */
  readonly reconciles: boolean;
  readonly delta: boolean;
  /** Writes an instance id into its URLs as it is, so that what follows a `#` or `?` in it is no part of the path. */
  readonly writesIdsRaw: boolean;
  /** Metadata names of any characters arrive; some libraries read or write XML names as they are. */
  readonly oddMetadataNames: boolean;
  /** Lives through an outage after which the server's registry is another one, which some do only by luck. */
  readonly survivesLoss: boolean;
  /** Hands metadata to its application without the spaces around it. */
  readonly trimsMetadata?: boolean;
}

export interface ScenarioOptions extends ClientAbilities {
  /** Starts the process that holds the real clients. */
  readonly startDriver: () => ClientDriver | Promise<ClientDriver>;
  /** Scenarios of this library alone; they run beside the others. */
  readonly more?: (scenario: Scenario) => void;
  /** Scenarios of this library alone which nothing may run beside. */
  readonly moreAlone?: (scenario: Scenario) => void;
}

/** Declares a scenario. */
export type Scenario = (title: string, play: (scene: Scene) => Promise<void>) => void;

export const LONG_LEASE = { leaseInfo: { renewalIntervalInSecs: 30, durationInSecs: 60 } };
/**
 * For a client that must be gone long before its lease ends when it stops. None of its heartbeats is on its way then: Java clients do not
 * wait for one, and when it is answered 404 they register again, which may come after their own cancellation.
 */
const STOPPED_BETWEEN_HEARTBEATS = { leaseSeconds: 60, heartbeatMs: 30_000 };
const ODD_VALUES = { greeting: 'Grüße, 世界 \u{1F600}', markup: '<b class="x">&amp;\'</b>', spaces: ' two  spaces ' };
/** What bad clients send; each of these made some client lose the whole registry, or would, were it shown as it came. */
const ODD_INSTANCES: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  amazon: { dataCenterInfo: { '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo', name: 'Amazon' } },
  bareAmazon: { dataCenterInfo: { '@class': 'com.netflix.appinfo.AmazonInfo', name: 'Amazon' } },
  strangeCentre: { dataCenterInfo: { '@class': 'com.acme.Centre', name: 'MyOwn', metadata: { a: 'b' } } },
  nestedMetadata: { metadata: { nested: { a: 1 }, list: [1], number: 3, nothing: null, '@class': 'java.util.Collections$EmptyMap' } },
  barePort: { port: 18_123, securePort: { $: '443', '@enabled': false } },
  status: { status: 'up', overriddenStatus: null, overriddenstatus: 'nonsense' },
  strangeKeys: { more: { a: [1] }, leaseInfo: { durationInSecs: 60, more: 1 }, actionType: 'GONE' },
  nothing: { leaseInfo: null, metadata: null, securePort: null, vipAddress: null, secureVipAddress: null, countryId: null },
  texts: { countryId: 'x', lastDirtyTimestamp: 'y', isCoordinatingDiscoveryServer: 'z', homePageUrl: 'javascript:alert(1)' },
};
const ODD_NAMES = { 'two words': 'a', a_b$c: 'b', 'x:y': 'c', '1st': 'd', 'ключ/中': 'e', '<b>': 'f' };

/**
 * What every Eureka client must experience, whatever its library, on one gateway and in one process of clients. Scenarios that leave the
 * gateway alone run side by side; those that kill it, or the clients, come after them one by one. Each ends within 15 s.
 */
export function eurekaScenarios(name: string, options: ScenarioOptions): void {
  describe(name, () => {
    let gateway: ConformanceGateway;
    let driver: ClientDriver;
    let stage: Stage;

    beforeAll(async () => {
      gateway = await startConformanceGateway();
      driver = await options.startDriver();
      const operator = new EurekaOperator(gateway.eurekaPort);
      stage = { url: () => gateway.url, operator, driver, delta: options.delta };
      // The first client of a virtual machine loads its classes, which is no part of any scenario.
      const scene = new Scene(stage);
      await scene.start('first');
      await scene.end();
    });
    afterAll(async () => {
      await driver?.kill();
      await gateway?.stop();
    });

    const { sideBySide, oneByOne } = scenariosOn(() => stage);

    // The long ones first, so that none of them is waited for in the end.
    reconciliationScenario(sideBySide, options);
    options.more?.(sideBySide);
    lifeScenarios(sideBySide);
    inputScenarios(sideBySide, options);
    credentialsScenario(sideBySide);
    options.moreAlone?.(oneByOne);
    restartScenario(oneByOne, () => gateway);
    if (options.survivesLoss) lossScenario(oneByOne, () => gateway);
    if (options.reconciles) mismatchScenario(oneByOne);

    // The last one: it takes the process of all clients with it.
    oneByOne('expires when its process is killed', async (scene) => {
      await scene.driver.start(scene.options('doomed', { leaseSeconds: 2 }));
      await eventually(async () => expect(await scene.registered()).toHaveLength(1));
      await scene.driver.kill();
      await eventually(async () => expect(await scene.registered()).toEqual([]));
      await eventually(async () =>
        expect((await scene.operator.delta()).find((instance) => instance.app === scene.app)?.actionType).toBe('DELETED'),
      );
    });
  });
}

/** The two ways to declare scenarios on a stage that is set before they begin. */
export function scenariosOn(stage: () => Stage): { readonly sideBySide: Scenario; readonly oneByOne: Scenario } {
  const played = (play: (scene: Scene) => Promise<void>) => async () => {
    const scene = new Scene(stage());
    try {
      await play(scene);
    } finally {
      await scene.end();
    }
  };
  return { sideBySide: (title, play) => it.concurrent(title, played(play)), oneByOne: (title, play) => it(title, played(play)) };
}

export function lifeScenarios(scenario: Scenario): void {
  scenario('registers, and appears in a full fetch and in the delta', async (scene) => {
    const id = await scene.start('a');
    await scene.everyoneSees('a', id);
    await eventually(async () => expect((await scene.operator.delta()).map((instance) => instance.instanceId)).toContain(id));
  });

  scenario('sees another instance come and go', async (scene) => {
    const id = await scene.start('a');
    await scene.operator.register(scene.app, 'other');
    await scene.everyoneSees('a', id, 'other');
    await scene.operator.cancel(scene.app, 'other');
    await scene.everyoneSees('a', id);
  });

  scenario('stays registered by its heartbeats beyond its lease', async (scene) => {
    const id = await scene.start('a', { leaseSeconds: 2 });
    await scene.operator.register(scene.app, 'silent', { leaseInfo: { renewalIntervalInSecs: 1, durationInSecs: 3 } });
    // The silent one marks that more than a whole lease has passed.
    await eventually(async () => expect(await scene.registered()).toEqual([id]));
  });

  scenario('is taken out of service by an operator and put back', async (scene) => {
    const id = await scene.start('a');
    const statuses = async () => (await scene.driver.instances(scene.client('a'), scene.app)).map((instance) => instance.status);
    await eventually(async () => expect(await scene.operator.setStatus(scene.app, id, 'OUT_OF_SERVICE')).toBe(200));
    await eventually(async () => expect(await statuses()).toEqual(['OUT_OF_SERVICE']));
    expect(await scene.operator.deleteStatus(scene.app, id, 'UP')).toBe(200);
    await eventually(async () => expect(await statuses()).toEqual(['UP']));
  });

  scenario('changes its metadata by registering again, and sees an operator change it', async (scene) => {
    const colours = async () => (await scene.operator.instances(scene.app)).map((instance) => instance.metadata['colour']);
    const seen = async () => (await scene.driver.instances(scene.client('a'), scene.app)).map((instance) => instance.metadata['colour']);
    const id = await scene.start('a', { metadata: { colour: 'red' } });
    await eventually(async () => expect(await colours()).toEqual(['red']));
    await scene.driver.metadata(scene.client('a'), { colour: 'blue' });
    await eventually(async () => expect(await colours()).toEqual(['blue']));
    await eventually(async () => expect(await seen()).toEqual(['blue']));
    // Again when the client has registered once more in between, which takes the operator's change away.
    await eventually(async () => {
      expect(await scene.operator.setMetadata(scene.app, id, { colour: 'green' })).toBe(200);
      expect(await seen()).toEqual(['green']);
    });
  });

  scenario('cancels when it stops', async (scene) => {
    await cancelsWhenItStops(scene);
  });

  scenario('registers again when the server has forgotten it', async (scene) => {
    const id = await scene.start('a');
    await eventually(async () => expect(await scene.registered()).toEqual([id]));
    expect(await scene.operator.cancel(scene.app, id)).toBe(200);
    await eventually(async () => expect(await scene.registered()).toEqual([id]));
  });
}

export function inputScenarios(scenario: Scenario, abilities: ClientAbilities): void {
  scenario('finds instances by their virtual address', async (scene) => {
    const vip = `vip.${scene.app}`;
    const id = await scene.start('a', { vip });
    await scene.operator.register(scene.app, 'elsewhere', { vipAddress: `elsewhere.${scene.app}` });
    await scene.operator.register(`${scene.app}B`, 'several', { vipAddress: `first.${scene.app},${vip}` });
    const found = async () => (await scene.driver.vip(scene.client('a'), vip)).map((instance) => instance.instanceId).sort();
    await eventually(async () => expect(await found()).toEqual([id, 'several'].sort()));
  });

  scenario('carries metadata of any language, and markup', async (scene) => {
    const metadata = abilities.oddMetadataNames ? { ...ODD_VALUES, ...ODD_NAMES } : ODD_VALUES;
    await scene.start('a', { metadata });
    await eventually(async () => expect((await scene.operator.instances(scene.app))[0]?.metadata).toMatchObject(metadata));
    await scene.operator.register(scene.app, 'other', { metadata });
    const entries = Object.entries(metadata).map(([name, value]) => [name, abilities.trimsMetadata === true ? value.trim() : value]);
    const shown = Object.fromEntries(entries) as Readonly<Record<string, string>>;
    const seen = async () => (await scene.driver.instances(scene.client('a'), scene.app)).map((instance) => instance.metadata);
    await eventually(async () => expect(await seen()).toEqual([expect.objectContaining(shown), expect.objectContaining(shown)]));
  });

  scenario('reads a registry in which others have registered oddly', async (scene) => {
    const id = await scene.start('a');
    for (const [odd, changes] of Object.entries(ODD_INSTANCES)) {
      expect(await scene.operator.register(scene.app, odd, { leaseInfo: LONG_LEASE.leaseInfo, ...changes })).toBe(204);
    }
    await scene.everyoneSees('a', id, ...Object.keys(ODD_INSTANCES));
  });

  scenario('registers with an IPv6 address and a secure port only', async (scene) => {
    const changes = { hostName: '2001:db8::7', ipAddr: '2001:db8::7', securePort: 9_443 };
    const id = await scene.start('a', changes);
    const expected = { instanceId: id, hostName: '2001:db8::7', ipAddr: '2001:db8::7', port: 9_443, isSecure: true };
    await eventually(async () =>
      expect(await scene.operator.instances(scene.app)).toMatchObject([
        { hostName: '2001:db8::7', port: { '@enabled': 'false' }, securePort: { $: 9_443, '@enabled': 'true' } },
      ]),
    );
    await eventually(async () => expect(await scene.driver.instances(scene.client('a'), scene.app)).toMatchObject([expected]));
  });

  const oddId = (scene: Scene) => `host:${scene.app}/x x!x${abilities.writesIdsRaw ? '' : '#x?x'}`;
  scenario('lives under an id with odd characters', async (scene) => {
    const instanceId = oddId(scene);
    await scene.start('a', { instanceId, leaseSeconds: 60 });
    const registeredAt = async () =>
      (await scene.operator.instances(scene.app)).map((instance) => instance.leaseInfo.registrationTimestamp);
    await eventually(async () => expect(await registeredAt()).toHaveLength(1));
    // Some register twice when they start; one that its heartbeats do not find would go on registering for ever.
    await eventually(async () => {
      const before = await registeredAt();
      // The silent one marks the time in which heartbeats are sent.
      await scene.operator.register(scene.app, 'silent', { leaseInfo: { renewalIntervalInSecs: 1, durationInSecs: 3 } });
      await scene.everyoneSees('a', instanceId, 'silent');
      await scene.everyoneSees('a', instanceId);
      expect(await registeredAt()).toEqual(before);
    });
  });

  scenario('cancels under an id with odd characters when it stops', async (scene) => {
    await cancelsWhenItStops(scene, { instanceId: oddId(scene) });
  });

  if (!abilities.writesIdsRaw) return;
  scenario('stays registered under an id that its heartbeats cannot name', async (scene) => {
    const instanceId = `host:${scene.app}#x?x`;
    await scene.start('a', { instanceId, leaseSeconds: 2 });
    await scene.operator.register(scene.app, 'silent', { leaseInfo: { renewalIntervalInSecs: 1, durationInSecs: 3 } });
    await scene.everyoneSees('a', instanceId, 'silent');
    // More than a lease has passed: each heartbeat was answered that nobody has this id, so that the client registered again.
    await scene.everyoneSees('a', instanceId);
  });
}

/** What is gone has been cancelled: its lease would last longer than anybody waits here. */
async function cancelsWhenItStops(scene: Scene, changes: Partial<ClientOptions> = {}): Promise<void> {
  const id = await scene.start('a', { ...STOPPED_BETWEEN_HEARTBEATS, ...changes });
  await eventually(async () => expect(await scene.registered()).toEqual([id]));
  await scene.stop('a');
  await eventually(async () => expect(await scene.registered()).toEqual([]));
}

/** On a gateway of its own, which asks for a password. */
function credentialsScenario(scenario: Scenario): void {
  scenario('comes in with the right password, and not with another', async (scene) => {
    const closed = await startClosedGateway();
    const wrong = scene.client('wrong');
    try {
      const id = await scene.start('right', { url: closed.urlWith(closed.password) });
      await scene.driver.start(scene.options('wrong', { url: closed.urlWith('another') })).catch(() => undefined);
      await eventually(() => expect(closed.gateway.output).toContain('the credentials are wrong'));
      // The silent one marks the time in which the other would have come in.
      await closed.operator.register(scene.app, 'silent', { leaseInfo: { renewalIntervalInSecs: 1, durationInSecs: 3 } });
      const registered = async () => (await closed.operator.all()).map((instance) => instance.instanceId).sort();
      await eventually(async () => expect(await registered()).toEqual([id, 'silent'].sort()));
      await eventually(async () => expect(await registered()).toEqual([id]));
      await eventually(async () => expect(await scene.idsSeenBy('right')).toEqual([id]));
      await scene.stop('right');
      await eventually(async () => expect(await registered()).toEqual([]));
    } finally {
      await scene.driver.stop(wrong).catch(() => undefined);
      await closed.stop();
    }
  });
}

export function reconciliationScenario(scenario: Scenario, abilities: ClientAbilities): void {
  scenario('agrees with the server over 500 changes and more', async (scene) => {
    const client = scene.client('a');
    await scene.start('a', { leaseSeconds: 30 });
    await eventually(async () => expect(await scene.idsSeenBy('a')).toHaveLength(1));
    const before = await scene.driver.mismatches();
    const refreshed = await scene.driver.refreshes(client);
    // At least 500 changes, which go on until the client has fetched several times in the middle of them.
    for (let change = 0; change < 500 || (await scene.driver.refreshes(client)) < refreshed + 4; change += 1) {
      const id = `c${change % 25}`;
      if (change % 5 === 3) await scene.operator.setStatus(scene.app, id, 'DOWN');
      else if (change % 7 === 6) await scene.operator.cancel(scene.app, id);
      else await scene.operator.register(scene.app, id, { metadata: { change: String(change) } });
    }
    const brief = (instance: { readonly instanceId: string; readonly status: string }) => `${instance.instanceId} ${instance.status}`;
    const expected = (await scene.operator.instances(scene.app)).map(brief).sort();
    await eventually(async () => expect((await scene.driver.instances(client, scene.app)).map(brief).sort()).toEqual(expected));
    if (abilities.reconciles) expect((await scene.driver.mismatches()) - before).toBe(0);
  });
}

/** The scenario above counts no mismatch; this one shows that it would. */
function mismatchScenario(scenario: Scenario): void {
  scenario('reports a server that claims a wrong hash', async (scene) => {
    const lying = await startLyingEureka();
    const before = await scene.driver.mismatches();
    try {
      await scene.start('a', { url: lying.url });
      await eventually(async () => expect(await scene.driver.mismatches()).toBeGreaterThan(before));
      await scene.end();
    } finally {
      await lying.stop();
    }
  });
}

function restartScenario(scenario: Scenario, gateway: () => ConformanceGateway): void {
  scenario('survives kill -9 of the gateway and never sees an empty registry', async (scene) => {
    const id = await scene.start('a', { leaseSeconds: 10 });
    await scene.operator.register(scene.app, 'other', LONG_LEASE);
    await scene.everyoneSees('a', id, 'other');
    await scene.driver.watch(scene.client('a'), scene.app);
    await gateway().kill();
    await gateway().start();
    await scene.operator.register(scene.app, 'third', LONG_LEASE);
    // The third is seen: the client has fetched from the restarted gateway.
    await scene.everyoneSees('a', id, 'other', 'third');
    // A library tells of a fetch a moment after it shows what it fetched.
    await eventually(async () => expect(await scene.driver.least(scene.client('a'))).not.toBeNull());
    expect(await scene.driver.least(scene.client('a'))).toBeGreaterThanOrEqual(2);
  });
}

function lossScenario(scenario: Scenario, gateway: () => ConformanceGateway): void {
  scenario('comes back to a gateway that has lost everything', async (scene) => {
    const id = await scene.start('a');
    await scene.everyoneSees('a', id);
    await gateway().kill();
    gateway().forget();
    await gateway().start();
    await scene.operator.register(scene.app, 'other', LONG_LEASE);
    await scene.everyoneSees('a', id, 'other');
  });
}
