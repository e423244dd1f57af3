import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ClientDriver, ClientOptions } from './client-driver.ts';
import { EurekaOperator } from './eureka-operator.ts';
import { eventually } from './eventually.ts';
import { GatewayProcess } from './gateway-process.ts';

export interface ScenarioOptions {
  /** Starts the process that holds the real clients. */
  readonly startDriver: () => ClientDriver | Promise<ClientDriver>;
  /** The client reconciles hashes by itself and reports mismatches. */
  readonly reconciles: boolean;
  readonly delta: boolean;
}

/** What every Eureka client must experience, whatever its library. Each scenario ends within 15 s. */
export function eurekaScenarios(name: string, options: ScenarioOptions): void {
  describe(name, () => {
    let gateway: GatewayProcess;
    let operator: EurekaOperator;
    let driver: ClientDriver;
    let serial = 0;
    let app = '';

    beforeAll(async () => {
      gateway = await GatewayProcess.start();
      operator = new EurekaOperator(gateway.eurekaPort);
      driver = await options.startDriver();
    });
    afterAll(async () => {
      await driver.kill();
      await gateway.stop();
    });
    beforeEach(() => {
      serial += 1;
      app = `APP${serial}`;
    });
    const running: string[] = [];
    afterEach(async () => {
      for (const client of running.splice(0)) await driver.stop(client);
    });

    async function start(client: string, changes: Partial<ClientOptions> = {}): Promise<string> {
      const instanceId = `127.0.0.1:${app}:${client}`;
      const defaults = {
        url: gateway.url,
        app,
        port: 9_000,
        leaseSeconds: 3,
        heartbeatMs: 1_000,
        fetchMs: 1_000,
        delta: options.delta,
        metadata: {},
      };
      await driver.start({ client, instanceId, ...defaults, ...changes });
      running.push(client);
      return instanceId;
    }

    const idsSeenBy = async (client: string, name = app) =>
      (await driver.instances(client, name)).map((instance) => instance.instanceId).sort();

    it('registers, and appears in a full fetch and in the delta', async () => {
      const id = await start('a');
      await eventually(async () => expect((await operator.instances(app)).map((i) => i.instanceId)).toEqual([id]));
      await eventually(async () => expect((await operator.delta()).map((i) => i.instanceId)).toContain(id));
      await eventually(async () => expect(await idsSeenBy('a')).toEqual([id]));
    });

    it('sees another instance come and go', async () => {
      const id = await start('a');
      await operator.register(app, 'other');
      await eventually(async () => expect(await idsSeenBy('a')).toEqual([id, 'other'].sort()));
      await operator.cancel(app, 'other');
      await eventually(async () => expect(await idsSeenBy('a')).toEqual([id]));
    });

    it('stays registered by its heartbeats beyond its lease', async () => {
      const id = await start('a', { leaseSeconds: 2 });
      await operator.register(app, 'silent', { leaseInfo: { renewalIntervalInSecs: 1, durationInSecs: 3 } });
      // The silent one marks that more than a whole lease has passed.
      await eventually(async () => expect((await operator.instances(app)).map((i) => i.instanceId)).toEqual([id]));
    });

    it('is taken out of service by an operator and put back', async () => {
      const id = await start('a');
      await eventually(async () => expect(await operator.setStatus(app, id, 'OUT_OF_SERVICE')).toBe(200));
      await eventually(async () => expect((await driver.instances('a', app))[0]?.status).toBe('OUT_OF_SERVICE'));
      expect(await operator.deleteStatus(app, id, 'UP')).toBe(200);
      await eventually(async () => expect((await driver.instances('a', app))[0]?.status).toBe('UP'));
    });

    it('changes its metadata by registering again', async () => {
      const id = await start('a', { metadata: { colour: 'red' } });
      await eventually(async () => expect((await operator.instances(app))[0]?.metadata['colour']).toBe('red'));
      await driver.metadata('a', { colour: 'blue' });
      await eventually(async () => expect((await operator.instances(app))[0]?.metadata['colour']).toBe('blue'));
      expect((await operator.instances(app)).map((i) => i.instanceId)).toEqual([id]);
    });

    it('cancels when it stops', async () => {
      await start('a');
      await eventually(async () => expect(await operator.instances(app)).toHaveLength(1));
      await driver.stop(running.pop() ?? '');
      await eventually(async () => expect(await operator.instances(app)).toEqual([]));
    });

    it('registers again when the server has forgotten it', async () => {
      const id = await start('a');
      await eventually(async () => expect(await operator.instances(app)).toHaveLength(1));
      expect(await operator.cancel(app, id)).toBe(200);
      await eventually(async () => expect((await operator.instances(app)).map((i) => i.instanceId)).toEqual([id]));
    });

    it('survives kill -9 of the gateway and never sees an empty registry', async () => {
      const id = await start('a', { leaseSeconds: 10 });
      await operator.register(app, 'other', { leaseInfo: { renewalIntervalInSecs: 30, durationInSecs: 60 } });
      await eventually(async () => expect(await idsSeenBy('a')).toHaveLength(2));
      await driver.watch('a', app);
      await gateway.kill();
      await gateway.start();
      await operator.register(app, 'third', { leaseInfo: { renewalIntervalInSecs: 30, durationInSecs: 60 } });
      // The third is seen: the client has fetched from the restarted gateway.
      await eventually(async () => expect(await idsSeenBy('a')).toEqual([id, 'other', 'third'].sort()));
      expect(await driver.least('a')).toBeGreaterThanOrEqual(2);
    });

    it('agrees with the server over 500 changes and more', async () => {
      await start('a', { leaseSeconds: 30 });
      await eventually(async () => expect(await idsSeenBy('a')).toHaveLength(1));
      const before = await driver.mismatches('a');
      const refreshed = await driver.refreshes('a');
      // At least 500 changes, which go on until the client has fetched several times in the middle of them.
      for (let change = 0; change < 500 || (await driver.refreshes('a')) < refreshed + 4; change += 1) {
        const id = `c${change % 25}`;
        if (change % 5 === 3) await operator.setStatus(app, id, 'DOWN');
        else if (change % 7 === 6) await operator.cancel(app, id);
        else await operator.register(app, id, { metadata: { change: String(change) } });
      }
      const expected = (await operator.instances(app)).map((i) => `${i.instanceId} ${i.status}`).sort();
      const seen = async () => (await driver.instances('a', app)).map((i) => `${i.instanceId} ${i.status}`).sort();
      await eventually(async () => expect(await seen()).toEqual(expected));
      if (options.reconciles) expect((await driver.mismatches('a')) - before).toBe(0);
    });

    it('expires when its process is killed', async () => {
      const other = await options.startDriver();
      const settings = {
        url: gateway.url,
        app,
        port: 9_001,
        leaseSeconds: 2,
        heartbeatMs: 1_000,
        fetchMs: 1_000,
        delta: options.delta,
        metadata: {},
      };
      await other.start({ client: 'x', instanceId: 'doomed', ...settings });
      await eventually(async () => expect(await operator.instances(app)).toHaveLength(1));
      await other.kill();
      await eventually(async () => expect(await operator.instances(app)).toEqual([]));
      await eventually(async () => expect((await operator.delta()).find((i) => i.app === app)?.actionType).toBe('DELETED'));
    });
  });
}
