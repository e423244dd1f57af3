import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ConformanceGateway, startConformanceGateway } from './conformance-gateway.ts';
import { eventually } from './eventually.ts';
import { http } from './http.ts';
import type { SofaDriver } from './sofa-driver.ts';

/** What every SOFARegistry client must experience, whatever its version. Each scenario ends within 15 s. */
export function sofaScenarios(name: string, startDriver: () => Promise<SofaDriver>): void {
  describe(name, () => {
    let gateway: ConformanceGateway;
    let driver: SofaDriver;
    let dataId = '';
    const running = new Set<string>();

    beforeAll(async () => {
      gateway = await startConformanceGateway();
      driver = await startDriver();
    });
    afterAll(async () => {
      await driver.kill();
      await gateway.stop();
    });
    beforeEach(() => {
      dataId = `com.example.${randomUUID()}`;
    });
    afterEach(async () => {
      for (const client of running) await driver.stop(client);
      running.clear();
    });

    async function start(options: Readonly<Record<string, unknown>> = {}, on: SofaDriver = driver): Promise<string> {
      const client = `c-${randomUUID()}`;
      await on.start(client, { host: '127.0.0.1', port: gateway.sofaHttpPort, app: 'conformance', ...options });
      if (on === driver) running.add(client);
      return client;
    }

    const expectValues = (client: string, key: string, values: readonly string[]) =>
      eventually(async () => expect(await driver.values(client, key)).toEqual([...values].sort()));

    it('publishes one value and several, and a subscriber sees them', async () => {
      const [a, b, c] = [await start(), await start(), await start()];
      await driver.subscribe(c, 's', dataId, 'global');
      await driver.publish(a, 'p', dataId, ['10.0.0.1:12200']);
      await expectValues(c, 's', ['10.0.0.1:12200']);
      await driver.publish(b, 'p', dataId, ['one', 'two', 'üñí 😀 <&>']);
      await expectValues(c, 's', ['10.0.0.1:12200', 'one', 'two', 'üñí 😀 <&>']);
    });

    it('gets an empty first push when nobody publishes', async () => {
      const client = await start();
      await driver.subscribe(client, 's', dataId, 'dataCenter');
      await expectValues(client, 's', []);
    });

    it('sees what its scope says', async () => {
      const [east, west] = [await start({ zone: 'EAST' }), await start({ zone: 'WEST' })];
      await driver.publish(east, 'p', dataId, ['e']);
      await driver.publish(west, 'p', dataId, ['w']);
      await driver.subscribe(east, 'zone', dataId, 'zone');
      await driver.subscribe(east, 'dataCenter', dataId, 'dataCenter');
      await driver.subscribe(east, 'global', dataId, 'global');
      await expectValues(east, 'zone', ['e']);
      await expectValues(east, 'dataCenter', ['e', 'w']);
      await expectValues(east, 'global', ['e', 'w']);
      const { zones, localZone } = await driver.received(east, 'global');
      expect(zones).toEqual({ EAST: ['e'], WEST: ['w'] });
      expect(localZone).toBe('EAST');
    });

    it('republishes, unpublishes, unsubscribes', async () => {
      const [publisher, reader] = [await start(), await start()];
      await driver.subscribe(reader, 's', dataId, 'global');
      await driver.publish(publisher, 'p', dataId, ['v1']);
      await expectValues(reader, 's', ['v1']);
      await driver.republish(publisher, 'p', ['v2', 'v3']);
      await expectValues(reader, 's', ['v2', 'v3']);
      await driver.unpublish(publisher, 'p');
      await expectValues(reader, 's', []);
      await driver.unsubscribe(reader, 's');
      await driver.publish(publisher, 'p2', dataId, ['v4']);
      await driver.subscribe(reader, 's2', dataId, 'global');
      await expectValues(reader, 's2', ['v4']);
      expect(await driver.values(reader, 's')).toEqual([]);
    });

    it('is told that it has no configuration, and then what an operator sets', async () => {
      const client = await start();
      await driver.configurator(client, 'c', dataId);
      await eventually(async () => expect(await driver.configCount(client, 'c')).toBeGreaterThan(0));
      expect(await driver.config(client, 'c')).toBeNull();
      for (const data of ['override://10.0.0.1:12200?weight=5', 'üñí 😀']) {
        const body = JSON.stringify({ dataId, group: 'DEFAULT_GROUP', data });
        expect((await http(gateway.adminPort, { method: 'POST', path: '/persistentData/put', body })).status).toBe(200);
        await eventually(async () => expect(await driver.config(client, 'c')).toBe(data));
      }
    });

    it('is not told of names that it does not follow', async () => {
      const [publisher, reader] = [await start(), await start()];
      await driver.subscribe(reader, 's', dataId, 'global');
      await expectValues(reader, 's', []);
      await driver.publish(publisher, 'other', `${dataId}.other`, ['other']);
      await driver.subscribe(reader, 'other', `${dataId}.other`, 'global');
      await expectValues(reader, 'other', ['other']);
      expect(await driver.values(reader, 's')).toEqual([]);
    });

    it('keeps groups and instances apart', async () => {
      const [plain, tenant] = [await start(), await start({ instanceId: 'tenant-1' })];
      await driver.publish(plain, 'p', dataId, ['default']);
      await driver.publish(plain, 'g', dataId, ['grouped'], 'OTHER_GROUP');
      await driver.publish(tenant, 'p', dataId, ['of the tenant']);
      await driver.subscribe(plain, 's', dataId, 'global');
      await driver.subscribe(plain, 'sg', dataId, 'global', 'OTHER_GROUP');
      await driver.subscribe(tenant, 's', dataId, 'global');
      await expectValues(plain, 's', ['default']);
      await expectValues(plain, 'sg', ['grouped']);
      await expectValues(tenant, 's', ['of the tenant']);
    });

    it('carries values of 100 KB', async () => {
      const client = await start();
      const large = Array.from({ length: 3 }, (_, i) => `${i}-${'x'.repeat(100_000)}`);
      await driver.publish(client, 'p', dataId, large);
      await driver.subscribe(client, 's', dataId, 'global');
      await expectValues(client, 's', large);
    });

    it('sees 200 publishers of one name', async () => {
      const [publisher, reader] = [await start(), await start()];
      await driver.subscribe(reader, 's', dataId, 'global');
      const values = Array.from({ length: 200 }, (_, i) => `10.1.0.${i}:12200`);
      await Promise.all(values.map((value, i) => driver.publish(publisher, `p${i}`, dataId, [value])));
      await expectValues(reader, 's', values);
    });

    it('loses what a killed client published', async () => {
      const reader = await start();
      await driver.subscribe(reader, 's', dataId, 'global');
      const doomed = await startDriver();
      const client = await start({}, doomed);
      await doomed.publish(client, 'p', dataId, ['doomed']);
      await expectValues(reader, 's', ['doomed']);
      await doomed.kill();
      await expectValues(reader, 's', []);
    });

    it('reconnects after its connection was cut, and nobody misses anything', async () => {
      const [publisher, reader] = [await start(), await start()];
      await driver.subscribe(reader, 's', dataId, 'global');
      await driver.publish(publisher, 'p', dataId, ['before']);
      await expectValues(reader, 's', ['before']);
      await driver.cut(publisher);
      await driver.cut(reader);
      await driver.republish(publisher, 'p', ['after']);
      await expectValues(reader, 's', ['after']);
    });

    it('calls back last with the newest of 1,000 close changes', async () => {
      const [publisher, reader] = [await start(), await start()];
      await driver.subscribe(reader, 's', dataId, 'global');
      await driver.publish(publisher, 'p', dataId, ['0']);
      await expectValues(reader, 's', ['0']);
      const changes: Promise<unknown>[] = [];
      for (let change = 1; change <= 1_000; change += 1) changes.push(driver.republish(publisher, 'p', [String(change)]));
      await Promise.all(changes);
      await expectValues(reader, 's', ['1000']);
    });
  });
}
