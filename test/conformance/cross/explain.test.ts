import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NameExplanation } from '../../../core/index.ts';
import { BoltConnection } from '../../support/bolt-connection.ts';
import { EurekaOperator } from '../../support/eureka-operator.ts';
import { eventually } from '../../support/eventually.ts';
import { GatewayProcess } from '../../support/gateway-process.ts';
import { http } from '../../support/http.ts';

describe('the admin port explains a name', () => {
  let gateway: GatewayProcess;
  let client: BoltConnection;

  beforeAll(async () => {
    gateway = await GatewayProcess.start();
    client = await BoltConnection.open(gateway.sofaPort);
  });
  afterAll(async () => {
    await client.close();
    await gateway.stop();
  });

  const ask = (query: string) => http(gateway.adminPort, { path: `/explain?${query}` });

  it('what both protocols publish, and what each reader is shown of it', async () => {
    const operator = new EurekaOperator(gateway.eurekaPort);
    const port = { port: { $: 80, '@enabled': 'true' }, vipAddress: 'orders' };
    await operator.register('ORDERS', 'up', { ipAddr: '10.9.0.1', ...port });
    await operator.register('ORDERS', 'out', { ipAddr: '10.9.0.2', status: 'OUT_OF_SERVICE', ...port });
    await client.publish({ dataId: 'orders', registId: 'p' }, ['10.1.0.1:8080']);
    await client.publish({ dataId: 'orders', registId: 'q' }, ['opaque']);
    await eventually(async () => {
      const { status, text } = await ask('dataId=orders');
      expect(status).toBe(200);
      const { readers, isHeld, staysWithItsOwnBecause } = JSON.parse(text) as NameExplanation;
      expect({ isHeld, staysWithItsOwnBecause }).toEqual({ isHeld: false, staysWithItsOwnBecause: null });
      expect(readers).toEqual({
        eureka: {
          own: ['out', 'up'],
          ownUnderOtherSpellings: [],
          derived: [{ registerId: '10.1.0.1:orders:8080', of: 'sofa-bolt p' }],
          notShown: [{ of: 'sofa-bolt q', because: 'its data is no address' }],
        },
        'sofa-bolt': {
          own: ['p', 'q'],
          ownUnderOtherSpellings: [],
          derived: [{ registerId: '10.9.0.1:80', of: 'eureka up' }],
          notShown: [
            { of: 'eureka out, http://10.9.0.2:80 out of service', because: 'it takes no calls now, or cannot be said in this format' },
          ],
        },
      });
    });
  });

  it('a name that nobody publishes', async () => {
    const { status, text } = await ask('dataId=com.acme.Pay:1.0@DEFAULT&group=SOFA&instanceId=tenant-1');
    expect(status).toBe(200);
    expect(JSON.parse(text)).toMatchObject({ members: [], staysWithItsOwnBecause: 'its group is not DEFAULT_GROUP' });
  });

  it('refuses what is no name', async () => {
    expect(await ask('')).toMatchObject({ status: 400, text: 'invalid-argument: dataId, instanceId and group must not be empty\n' });
    expect((await ask(`dataId=${'x'.repeat(3_000)}`)).status).toBe(400);
  });

  it('answers whom the guard admits', async () => {
    const headers = { 'x-forwarded-for': '10.0.0.1' };
    expect((await http(gateway.adminPort, { path: '/explain?dataId=orders', headers })).status).toBe(403);
  });
});
