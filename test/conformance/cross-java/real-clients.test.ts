import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ClientDriver } from '../../support/client-driver.ts';
import { type ConformanceGateway, startConformanceGateway } from '../../support/conformance-gateway.ts';
import { EurekaOperator } from '../../support/eureka-operator.ts';
import { Scene, type Stage } from '../../support/eureka-scene.ts';
import { eventually } from '../../support/eventually.ts';
import { NETFLIX_CLIENTS, netflixDriver } from '../../support/netflix-client.ts';
import { startRegistryClients } from '../../support/registry-client.ts';
import type { SofaDriver } from '../../support/sofa-driver.ts';

const SOFA = 'sofa';
const WITHIN_MS = 100;
/** A client that found no server rests up to 5 s, and 5 s more after it has tried all of them. */
const RECONNECT_MS = 25_000;
/** Changes that are timed, each of a service of its own: pushes of one name to one client keep a distance. */
const TIMED = 9;

describe('a Netflix eureka-client 2.0.6 and a registry-client-all 6.5.6 on one gateway', () => {
  let gateway: ConformanceGateway;
  let eureka: ClientDriver;
  let sofa: SofaDriver;
  let operator: EurekaOperator;
  let stage: Stage;
  let scene: Scene;

  beforeAll(async () => {
    gateway = await startConformanceGateway();
    operator = new EurekaOperator(gateway.eurekaPort);
    [eureka, sofa] = await Promise.all([netflixDriver(NETFLIX_CLIENTS[1])(), startRegistryClients('6.5.6')]);
    stage = { url: () => gateway.url, operator, driver: eureka, delta: true };
    await sofa.start(SOFA, { host: '127.0.0.1', port: gateway.sofaHttpPort, app: 'conformance' });
  });
  afterAll(async () => {
    await Promise.all([eureka?.kill(), sofa?.kill()]);
    await gateway?.stop();
  });
  afterEach(() => scene.end());

  const pushed = (key: string, values: readonly string[]) =>
    eventually(async () => expect(await sofa.values(SOFA, key)).toEqual([...values].sort()));
  const addresses = async (name: string, app: string) =>
    (await eureka.instances(scene.client(name), app)).map((instance) => `${instance.hostName}:${instance.port} ${instance.status}`).sort();

  it('the Eureka application reaches a SOFA subscriber: it comes, is taken out, comes back, changes, goes', async () => {
    scene = new Scene(stage);
    const service = scene.app.toLowerCase();
    await sofa.subscribe(SOFA, service, service, 'global');
    await pushed(service, []);
    const id = await scene.start('a', { port: 8_081, metadata: { version: '2' } });
    await pushed(service, ['127.0.0.1:8081?version=2']);
    await operator.setStatus(scene.app, id, 'OUT_OF_SERVICE');
    await pushed(service, []);
    await operator.deleteStatus(scene.app, id, 'UP');
    await pushed(service, ['127.0.0.1:8081?version=2']);
    await eureka.metadata(scene.client('a'), { version: '3' });
    await pushed(service, ['127.0.0.1:8081?version=3']);
    await scene.stop('a');
    await pushed(service, []);
  });

  it('what a SOFA client publishes reaches the Eureka application, by name and by virtual address, and leaves it again', async () => {
    scene = new Scene(stage);
    await scene.start('a');
    const [service, app] = [`${scene.app.toLowerCase()}-orders`, `${scene.app}-ORDERS`];
    await sofa.publish(SOFA, service, service, ['10.1.0.1:8080?version=1']);
    await eventually(async () => expect(await addresses('a', app)).toEqual(['10.1.0.1:8080 UP']));
    const found = await eureka.vip(scene.client('a'), service);
    expect(found).toMatchObject([{ hostName: '10.1.0.1', ipAddr: '10.1.0.1', isSecure: false, metadata: { version: '1' } }]);
    await sofa.republish(SOFA, service, ['10.1.0.1:8080?version=1', '10.1.0.2:8080']);
    await eventually(async () => expect(await addresses('a', app)).toEqual(['10.1.0.1:8080 UP', '10.1.0.2:8080 UP']));
    await sofa.unpublish(SOFA, service);
    await eventually(async () => expect(await addresses('a', app)).toEqual([]));
    expect(await eureka.mismatches()).toBe(0);
  });

  it('both register one service, and each sees both', async () => {
    scene = new Scene(stage);
    const service = scene.app.toLowerCase();
    await scene.start('a', { port: 8_081 });
    await sofa.publish(SOFA, `p-${service}`, service, ['10.1.0.1:8080']);
    await sofa.subscribe(SOFA, service, service, 'global');
    await pushed(service, ['127.0.0.1:8081', '10.1.0.1:8080']);
    await eventually(async () => expect(await addresses('a', scene.app)).toEqual(['10.1.0.1:8080 UP', '127.0.0.1:8081 UP']));
    expect(await eureka.mismatches()).toBe(0);
  });

  it('after kill -9 of the gateway neither is shown a shorter list, and both go on', { timeout: 2 * RECONNECT_MS }, async () => {
    scene = new Scene(stage);
    const service = scene.app.toLowerCase();
    await scene.start('a', { port: 8_081, leaseSeconds: 30 });
    await sofa.publish(SOFA, `p-${service}`, service, ['10.1.0.1:8080']);
    await sofa.subscribe(SOFA, service, service, 'global');
    const both = ['127.0.0.1:8081', '10.1.0.1:8080'];
    await pushed(service, both);
    await eventually(async () => expect(await addresses('a', scene.app)).toHaveLength(2));
    await eureka.watch(scene.client('a'), scene.app);
    await gateway.kill();
    await gateway.start();
    await sofa.republish(SOFA, `p-${service}`, ['10.1.0.1:8080', '10.1.0.2:8080']);
    let least = Number.POSITIVE_INFINITY;
    await eventually(async () => {
      const values = (await sofa.values(SOFA, service)) ?? [];
      least = Math.min(least, values.length);
      expect(values).toEqual([...both, '10.1.0.2:8080'].sort());
    }, RECONNECT_MS);
    await eventually(async () => expect(await addresses('a', scene.app)).toHaveLength(3), RECONNECT_MS);
    expect(least).toBeGreaterThanOrEqual(2);
    expect(await eureka.least(scene.client('a'))).toBeGreaterThanOrEqual(2);
  });

  it('a change of the Eureka application is at the SOFA subscriber within 100 ms', async () => {
    scene = new Scene(stage);
    const names = Array.from({ length: TIMED }, (_, index) => `${scene.app}-${index}`);
    await Promise.all(names.map((app) => scene.start(app, { app, vip: app.toLowerCase(), port: 8_081 })));
    for (const app of names) await sofa.subscribe(SOFA, app, app.toLowerCase(), 'global');
    for (const app of names) await pushed(app, ['127.0.0.1:8081']);
    const took: number[] = [];
    for (const app of names) {
      await operator.setStatus(app, `127.0.0.1:${scene.app}:${app}`, 'OUT_OF_SERVICE');
      took.push(await untilSeen(async () => (await sofa.values(SOFA, app))?.length === 0));
    }
    expect(median(took)).toBeLessThan(WITHIN_MS);
  });

  it('a change by the SOFA client is in the delta that Eureka clients read within 100 ms', async () => {
    scene = new Scene(stage);
    const names = Array.from({ length: TIMED }, (_, index) => `${scene.app.toLowerCase()}-${index}`);
    for (const name of names) await sofa.publish(SOFA, name, name, ['10.1.0.1:8080']);
    await eventually(async () =>
      expect((await operator.all()).filter((each) => names.includes(each.app.toLowerCase()))).toHaveLength(TIMED),
    );
    const took: number[] = [];
    for (const name of names) {
      const startedMs = performance.now();
      // The client answers its caller before the gateway has answered it, so this counts its own time, too.
      await sofa.republish(SOFA, name, ['10.1.0.2:8080']);
      await untilSeen(async () => (await operator.delta()).some((each) => each.app === name.toUpperCase() && each.hostName === '10.1.0.2'));
      took.push(performance.now() - startedMs);
    }
    expect(median(took)).toBeLessThan(WITHIN_MS);
  });
});

/** Milliseconds until something is seen; asked again at once, because this measures. */
async function untilSeen(isSeen: () => Promise<boolean>): Promise<number> {
  const startedMs = performance.now();
  while (!(await isSeen())) {
    if (performance.now() - startedMs > 10_000) throw new Error('the change is not seen');
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return performance.now() - startedMs;
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}
