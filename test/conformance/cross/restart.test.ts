import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BoltConnection } from '../../support/bolt-connection.ts';
import { EurekaOperator } from '../../support/eureka-operator.ts';
import { eventually } from '../../support/eventually.ts';
import { GatewayProcess } from '../../support/gateway-process.ts';
import { http } from '../../support/http.ts';

/** After kill -9 nobody on one side is shown less of the other side than before. */
describe('kill -9 of a gateway with both protocols', () => {
  let gateway: GatewayProcess;
  let operator: EurekaOperator;
  const open: BoltConnection[] = [];

  beforeEach(async () => {
    gateway = await GatewayProcess.start();
    operator = new EurekaOperator(gateway.eurekaPort);
  });
  afterEach(async () => {
    for (const client of open.splice(0)) await client.close();
    await gateway.stop();
  });

  async function bolt(): Promise<BoltConnection> {
    const client = await BoltConnection.open(gateway.sofaPort);
    open.push(client);
    return client;
  }

  const registerEureka = (app: string, instanceId: string, ipAddr: string) =>
    operator.register(app, instanceId, { ipAddr, port: { $: 80, '@enabled': 'true' }, vipAddress: app.toLowerCase() });
  const publish = (client: BoltConnection, dataId: string, value: string) => client.publish({ dataId, registId: `p-${value}` }, [value]);
  const apps = () => http(gateway.eurekaPort, { path: '/eureka/apps', headers: { accept: 'application/json' } });

  it('shows a SOFA subscriber no shorter list, of names with and without SOFA publishers', async () => {
    const [publisher, reader] = [await bolt(), await bolt()];
    await registerEureka('ONLY', 'a', '10.9.0.1');
    await registerEureka('MIXED', 'b', '10.9.0.2');
    await publish(publisher, 'mixed', '10.1.0.1:80');
    for (const dataId of ['only', 'mixed']) await reader.subscribe({ dataId, registId: 's' });
    await eventually(() =>
      expect([reader.newest('only'), reader.newest('mixed')]).toEqual([['10.9.0.1:80'], ['10.1.0.1:80', '10.9.0.2:80']]),
    );
    await gateway.kill();
    await gateway.start();
    const again = await bolt();
    for (const dataId of ['only', 'mixed']) await again.subscribe({ dataId, registId: 's' });
    await eventually(() => expect(again.newest('only')).toEqual(['10.9.0.1:80']));
    expect(again.newest('mixed')).toBeUndefined();
    await publish(await bolt(), 'mixed', '10.1.0.1:80');
    await eventually(() => expect(again.newest('mixed')).toEqual(['10.1.0.1:80', '10.9.0.2:80']));
    expect(again.pushes.map((push) => push.values.length).sort()).toEqual([1, 2]);
    const versionOf = (client: BoltConnection, dataId: string) => client.pushes.find((push) => push.dataId === dataId)?.version ?? 0n;
    for (const dataId of ['only', 'mixed']) expect(versionOf(again, dataId)).toBeGreaterThanOrEqual(versionOf(reader, dataId));
  });

  it('shows an Eureka reader no shorter list: it is sent away until the SOFA publishers are back', async () => {
    const publisher = await bolt();
    await registerEureka('NATIVE', 'a', '10.9.0.1');
    await publish(publisher, 'orders', '10.1.0.1:80');
    await publish(publisher, 'com.acme.Pay:1.0@DEFAULT', '10.1.0.2:12200');
    await eventually(async () => expect(await operator.all()).toHaveLength(2));
    await gateway.kill();
    await gateway.start();
    // What is not shown is still kept alive and written.
    expect(await operator.heartbeat('NATIVE', 'a')).toBe(200);
    expect(await registerEureka('NATIVE', 'b', '10.9.0.2')).toBe(204);
    const early = apps();
    await publish(await bolt(), 'orders', '10.1.0.1:80');
    const { status, text } = await early;
    expect(status).toBe(200);
    for (const address of ['10.9.0.1', '10.9.0.2', '10.1.0.1']) expect(text).toContain(address);
  });

  it('does not wait for names that stay with SOFA', async () => {
    const publisher = await bolt();
    await registerEureka('NATIVE', 'a', '10.9.0.1');
    await publish(publisher, 'com.acme.Pay:1.0@DEFAULT', '10.1.0.2:12200');
    await publisher.publish({ dataId: 'orders', registId: 'p', group: 'SOFA' }, ['10.1.0.3:12200']);
    await eventually(async () => expect(await operator.all()).toHaveLength(1));
    await gateway.kill();
    await gateway.start();
    const startedMs = performance.now();
    expect((await apps()).text).toContain('10.9.0.1');
    expect(performance.now() - startedMs).toBeLessThan(2_000);
  });

  it('sends an Eureka reader away while a SOFA publisher does not come back', async () => {
    const publisher = await bolt();
    await registerEureka('NATIVE', 'a', '10.9.0.1');
    await publish(publisher, 'orders', '10.1.0.1:80');
    await eventually(async () => expect(await operator.all()).toHaveLength(2));
    await gateway.kill();
    await gateway.start();
    expect((await apps()).status).toBe(403);
    expect(await operator.heartbeat('NATIVE', 'a')).toBe(200);
  });
});
