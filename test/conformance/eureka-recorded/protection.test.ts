import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EurekaGateway, startEurekaGateway } from '../../support/eureka-gateway.ts';
import { EurekaOperator } from '../../support/eureka-operator.ts';
import { eventually } from '../../support/eventually.ts';
import { http } from '../../support/http.ts';

const LEASE = { leaseInfo: { renewalIntervalInSecs: 1, durationInSecs: 1 } };
const IDS = ['i1', 'i2', 'i3', 'i4', 'i5', 'i6'];

describe('instances that fall silent together', () => {
  let gateway: EurekaGateway;
  let operator: EurekaOperator;
  beforeAll(async () => {
    gateway = await startEurekaGateway();
    operator = new EurekaOperator(gateway.port);
  });
  afterAll(() => gateway.stop());

  const page = async () => (await http(gateway.port, { path: '/' })).text;
  const status = async () => {
    const answer = await http(gateway.port, { path: '/eureka/status', headers: { accept: 'application/json' } });
    return (JSON.parse(answer.text) as { generalStats: Readonly<Record<string, string>> }).generalStats;
  };
  const idsOf = async (app: string) => (await operator.instances(app)).map(({ instanceId }) => instanceId);

  it('are kept, and the pages say which, why, since when and until when', async () => {
    for (const id of IDS) await operator.register('CUT', id, LEASE);
    await eventually(async () =>
      expect(await page()).toMatch(/6 of 6 instances of \w[\w ]* .* fell silent together.*since \d+ s.*another \d+ s/),
    );
    expect(await idsOf('CUT')).toEqual(IDS);
    expect(await status()).toMatchObject({
      'lease-expiration-enabled': 'false',
      'self-preservation': expect.stringContaining('6 of 6 instances'),
      'renews-last-minute': expect.stringMatching(/^\d+$/),
      'renews-threshold': expect.stringMatching(/^\d+$/),
    });
  });

  it('go at once when they say so', async () => {
    expect(await operator.cancel('CUT', 'i1')).toBe(200);
    expect(await idsOf('CUT')).toEqual(IDS.slice(1));
  });

  it('are ordinary again when they are heard, and the pages say nothing any more', async () => {
    await eventually(async () => {
      for (const id of IDS.slice(1)) expect(await operator.heartbeat('CUT', id)).toBe(200);
      expect(await page()).not.toContain('fell silent');
      expect(await status()).toMatchObject({ 'lease-expiration-enabled': 'true', 'self-preservation': '' });
    });
  });
});
