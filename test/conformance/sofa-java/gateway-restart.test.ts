import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ConformanceGateway, startConformanceGateway } from '../../support/conformance-gateway.ts';
import { eventually } from '../../support/eventually.ts';
import { REGISTRY_CLIENT_VERSIONS, startRegistryClients } from '../../support/registry-client.ts';
import type { SofaDriver } from '../../support/sofa-driver.ts';

/** A client that found no server rests up to 5 s, and 5 s more after it has tried all of them. */
const RECONNECT_MS = 25_000;
const PUBLISHERS = 3;

/**
 * Clients of all versions at once, because each takes its rest before it connects again. The applications of one version hold a list of 30
 * values of several publishers.
 */
describe('the gateway is ended and starts again', () => {
  const drivers: SofaDriver[] = [];
  let gateway: ConformanceGateway;

  beforeAll(async () => {
    gateway = await startConformanceGateway();
    for (const version of REGISTRY_CLIENT_VERSIONS) drivers.push(await startRegistryClients(version));
  });
  afterAll(async () => {
    await Promise.all(drivers.map((driver) => driver.kill()));
    await gateway.stop();
  });

  async function application(driver: SofaDriver): Promise<string> {
    const client = `c-${randomUUID()}`;
    await driver.start(client, { host: '127.0.0.1', port: gateway.sofaHttpPort, app: 'restart' });
    return client;
  }

  /** Publishers and a reader that holds 30 values. */
  async function estate(driver: SofaDriver) {
    const dataId = `com.example.${randomUUID()}`;
    const values = Array.from({ length: PUBLISHERS }, (_, p) =>
      Array.from({ length: 5 }, (_, i) => [`10.${p}.${i}.1:12200`, `10.${p}.${i}.2:12200`]),
    );
    const reader = await application(driver);
    const publishers: string[] = [];
    for (const own of values) {
      const publisher = await application(driver);
      publishers.push(publisher);
      for (const [i, pair] of own.entries()) await driver.publish(publisher, `p${i}`, dataId, pair);
    }
    await driver.subscribe(reader, 's', dataId, 'global');
    const estateOf = { driver, dataId, reader, publisher: publishers[0] ?? '', values: values.flat(2).sort() };
    await eventually(async () => expect(await driver.values(reader, 's')).toEqual(estateOf.values));
    return estateOf;
  }

  it.each(['SIGKILL', 'SIGTERM'] as const)('after %s no application is shown a shorter list, and all go on', async (signal) => {
    const estates = await Promise.all(drivers.map(estate));
    gateway.signal(signal);
    await gateway.exited();
    await gateway.start();
    // Applications keep what they have while there is no registry.
    for (const { driver, reader, values } of estates) expect(await driver.values(reader, 's')).toEqual(values);
    const republished = ['10.0.0.1:1', '10.0.0.2:2', '10.0.0.3:3'];
    for (const { driver, publisher, dataId } of estates) {
      await driver.republish(publisher, 'p0', republished);
      await driver.publish(await application(driver), 'p', dataId, ['newcomer']);
    }
    for (const { driver, reader, values } of estates) {
      const expected = [...values.filter((value) => !value.startsWith('10.0.0.')), ...republished, 'newcomer'].sort();
      await eventually(async () => expect(await driver.values(reader, 's')).toEqual(expected), RECONNECT_MS);
      const { sizes } = await driver.received(reader, 's');
      // Until its first list of 30 the application was still starting.
      expect(sizes.slice(sizes.indexOf(30)).filter((size) => size < 30)).toEqual([]);
    }
  });
});
