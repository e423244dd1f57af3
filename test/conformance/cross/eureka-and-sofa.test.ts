import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BoltConnection } from '../../support/bolt-connection.ts';
import { type CrossGateway, startCrossGateway } from '../../support/cross-gateway.ts';
import { EurekaOperator } from '../../support/eureka-operator.ts';
import { eventually } from '../../support/eventually.ts';
import { http } from '../../support/http.ts';

const WITHIN_MS = 100;
const JSON_ONLY = { accept: 'application/json' };

/** One gateway in this process, on real sockets; what real clients make of it is in the file beside this one. */
describe('Eureka and SOFA on one gateway', () => {
  const open: BoltConnection[] = [];
  let gateway: CrossGateway;
  let operator: EurekaOperator;
  let serial = 0;
  let name = '';
  let app = '';

  beforeAll(async () => {
    gateway = await startCrossGateway();
    operator = new EurekaOperator(gateway.eurekaPort);
  });
  afterAll(() => gateway.stop());
  beforeEach(() => {
    serial += 1;
    name = `service-${serial}`;
    app = name.toUpperCase();
  });
  afterEach(async () => {
    for (const client of open.splice(0)) await client.close();
  });

  async function bolt(port = gateway.boltPort): Promise<BoltConnection> {
    const client = await BoltConnection.open(port);
    open.push(client);
    return client;
  }

  async function subscriber(fields: Parameters<BoltConnection['subscribe']>[0] = {}, scope = 'global'): Promise<BoltConnection> {
    const client = await bolt();
    await client.subscribe({ dataId: name, registId: 's', ...fields }, scope);
    return client;
  }

  const get = (path: string, accept = 'application/json') => http(gateway.eurekaPort, { path: `/eureka/${path}`, headers: { accept } });
  const ids = async () => (await operator.instances(app)).map((instance) => instance.instanceId).sort();
  const up = (instanceId: string, changes: Readonly<Record<string, unknown>> = {}) =>
    operator.register(app, instanceId, { ipAddr: '10.9.0.1', port: { $: 8080, '@enabled': 'true' }, vipAddress: name, ...changes });

  describe('SOFA addresses for Eureka readers', () => {
    it('are in every read, in both forms', async () => {
      const client = await bolt();
      await client.publish({ dataId: name, registId: 'p' }, ['10.1.0.1:8080?version=2', 'http://10.1.0.2:8081/api', 'opaque']);
      const [first, second] = [`10.1.0.1:${name}:8080`, `10.1.0.2:${name}:8081`];
      await eventually(async () => expect(await ids()).toEqual([first, second]));
      for (const accept of ['application/json', 'application/xml']) {
        for (const path of ['apps', 'apps/delta', `apps/${app}`, `vips/${name}`, `svips/${name}`])
          expect((await get(path, accept)).text, `${accept} ${path}`).toContain(first);
        for (const path of [`apps/${app}/${first}`, `instances/${first}`]) expect((await get(path, accept)).text).toContain('10.1.0.1');
      }
      expect((await operator.instances(app))[0]).toMatchObject({ app, status: 'UP', metadata: { version: '2' } });
    });

    it('change the hash, and the delta says how', async () => {
      const client = await bolt();
      const hash = async () => /"apps__hashcode":"([^"]*)"/.exec((await get('apps/delta')).text)?.[1];
      /** What a client computes of what it holds. */
      const computed = async () => {
        const counts = new Map<string, number>();
        for (const { status } of await operator.all()) counts.set(status, (counts.get(status) ?? 0) + 1);
        return [...counts]
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([status, count]) => `${status}_${count}_`)
          .join('');
      };
      await client.publish({ dataId: name, registId: 'p' }, ['10.1.0.1:8080', '10.1.0.2:8080']);
      await eventually(async () => expect(await ids()).toHaveLength(2));
      await eventually(async () => expect(await hash()).toBe(await computed()));
      await client.publish({ dataId: name, registId: 'p', version: 2n }, ['10.1.0.1:8080']);
      await eventually(async () => expect(await ids()).toHaveLength(1));
      await eventually(async () => expect(await hash()).toBe(await computed()));
      const changes = (await operator.delta()).filter((instance) => instance.app === app);
      expect(Object.fromEntries(changes.map((each) => [each.instanceId, each.actionType]))).toEqual({
        [`10.1.0.1:${name}:8080`]: 'ADDED',
        [`10.1.0.2:${name}:8080`]: 'DELETED',
      });
    });

    it('go when they are unpublished, and when the connection of their client ends', async () => {
      const [first, second] = [await bolt(), await bolt()];
      await first.publish({ dataId: name, registId: 'p' }, ['10.1.0.1:80']);
      await second.publish({ dataId: name, registId: 'q' }, ['10.1.0.2:80']);
      await eventually(async () => expect(await ids()).toHaveLength(2));
      await first.publish({ dataId: name, registId: 'p', eventType: 'UNREGISTER', version: 2n }, []);
      await eventually(async () => expect(await ids()).toEqual([`10.1.0.2:${name}:80`]));
      await second.close();
      await eventually(async () => expect((await get(`apps/${app}`)).status).toBe(404));
    });

    it('are not those of interfaces, other groups, other namespaces', async () => {
      const client = await bolt();
      await client.publish({ dataId: `${name}:1.0@DEFAULT`, registId: 'a' }, ['10.1.0.1:80']);
      await client.publish({ dataId: name, registId: 'b', group: 'SOFA' }, ['10.1.0.2:80']);
      await client.publish({ dataId: name, registId: 'c', instanceId: 'tenant-1' }, ['10.1.0.3:80']);
      await client.publish({ dataId: name, registId: 'd' }, ['bolt://10.1.0.4:12200', '10.1.0.5:12200?rpcVer=50803']);
      // Published last: when it is there, the others would be.
      await client.publish({ dataId: name, registId: 'e' }, ['10.1.0.6:80']);
      await eventually(async () => expect(await ids()).toEqual([`10.1.0.6:${name}:80`]));
      expect((await get('apps')).text).not.toMatch(/10\.1\.0\.[1-5]"/);
    });

    it('are one application for all spellings of the name', async () => {
      const client = await bolt();
      await client.publish({ dataId: name.toUpperCase(), registId: 'a' }, ['10.1.0.1:80']);
      await client.publish({ dataId: name, registId: 'b' }, ['10.1.0.2:80']);
      await eventually(async () => expect(await ids()).toEqual([`10.1.0.1:${app}:80`, `10.1.0.2:${name}:80`]));
      expect((await get(`vips/${name}`)).text).toContain('10.1.0.1');
    });

    it('are not told again when a client registers the same anew', async () => {
      const client = await bolt();
      await client.publish({ dataId: name, registId: 'p' }, ['10.1.0.1:80']);
      await eventually(async () => expect(await ids()).toHaveLength(1));
      const updated = async () => JSON.stringify(await operator.instances(app));
      const before = await updated();
      const again = await bolt();
      await again.publish({ dataId: name, registId: 'p' }, ['10.1.0.1:80']);
      await again.publish({ dataId: `${name}-marker`, registId: 'm' }, ['10.1.0.9:80']);
      await eventually(async () => expect(await operator.instances(`${app}-MARKER`)).toHaveLength(1));
      expect(await updated()).toBe(before);
    });

    it('are expected to send no heartbeats', async () => {
      const expected = async () =>
        /Renews expected per minute<\/th><td>(\d+)/.exec((await http(gateway.eurekaPort, { path: '/' })).text)?.[1];
      const before = await expected();
      const client = await bolt();
      await client.publish({ dataId: name, registId: 'p' }, ['10.1.0.1:80', '10.1.0.2:80']);
      await eventually(async () => expect(await ids()).toHaveLength(2));
      expect(before).toBeDefined();
      expect(await expected()).toBe(before);
    });

    it('stand back for an Eureka registration of the same address, and come back after it', async () => {
      const client = await bolt();
      await client.publish({ dataId: name, registId: 'p' }, ['10.9.0.1:8080']);
      await eventually(async () => expect(await ids()).toEqual([`10.9.0.1:${name}:8080`]));
      expect(await up('native')).toBe(204);
      expect(await ids()).toEqual(['native']);
      expect(await operator.cancel(app, 'native')).toBe(200);
      expect(await ids()).toEqual([`10.9.0.1:${name}:8080`]);
    });

    it('are not Eureka clients to keep alive, to switch or to cancel: 404, and a sentence', async () => {
      const client = await bolt();
      await client.publish({ dataId: name, registId: 'p' }, ['10.1.0.1:80']);
      const path = `/eureka/apps/${app}/10.1.0.1:${name}:80`;
      await eventually(async () => expect(await ids()).toHaveLength(1));
      const requests: readonly (readonly [string, string])[] = [
        ['PUT', path],
        ['DELETE', path],
        ['PUT', `${path}/status?value=OUT_OF_SERVICE`],
        ['DELETE', `${path}/status?value=UP`],
        ['PUT', `${path}/metadata?colour=blue`],
      ];
      for (const [method, target] of requests) {
        const answer = await http(gateway.eurekaPort, { method, path: target, headers: JSON_ONLY });
        expect({ target, status: answer.status, text: answer.text }).toMatchObject({
          target,
          status: 404,
          text: expect.stringContaining('another protocol'),
        });
      }
      expect((await operator.instances(app))[0]).toMatchObject({ status: 'UP', metadata: {} });
    });
  });

  describe('Eureka instances for SOFA subscribers', () => {
    it('are pushed first, and with every change, under rising versions', async () => {
      await up('a', { metadata: { version: '2' } });
      const reader = await subscriber();
      await eventually(() => expect(reader.newest(name)).toEqual(['10.9.0.1:8080?version=2']));
      await up('b', { ipAddr: '10.9.0.2' });
      await eventually(() => expect(reader.newest(name)).toEqual(['10.9.0.1:8080?version=2', '10.9.0.2:8080']));
      await operator.cancel(app, 'a');
      await eventually(() => expect(reader.newest(name)).toEqual(['10.9.0.2:8080']));
      await operator.cancel(app, 'b');
      await eventually(() => expect(reader.newest(name)).toEqual([]));
      const versions = reader.pushes.map((push) => push.version);
      expect(versions).toEqual([...versions].sort((a, b) => (a < b ? -1 : 1)));
      expect(new Set(versions).size).toBe(versions.length);
    });

    it('stand beside what SOFA publishes, which is what it was', async () => {
      const client = await bolt();
      await client.publish({ dataId: name, registId: 'p' }, ['10.1.0.1:80?x=+1', 'opaque', null]);
      await up('a');
      const reader = await subscriber();
      await eventually(() => expect(reader.newest(name)).toEqual(['10.1.0.1:80?x=+1', '10.9.0.1:8080', null, 'opaque'].sort()));
    });

    it.each(['DOWN', 'STARTING', 'OUT_OF_SERVICE', 'UNKNOWN'])('are not offered while they are %s', async (status) => {
      await up('a', { status });
      await up('b', { ipAddr: '10.9.0.2' });
      const reader = await subscriber();
      await eventually(() => expect(reader.newest(name)).toEqual(['10.9.0.2:8080']));
    });

    it('follow an override, its end, and metadata', async () => {
      await up('a');
      const reader = await subscriber();
      await eventually(() => expect(reader.newest(name)).toEqual(['10.9.0.1:8080']));
      await operator.setStatus(app, 'a', 'OUT_OF_SERVICE');
      await eventually(() => expect(reader.newest(name)).toEqual([]));
      await operator.deleteStatus(app, 'a', 'UP');
      await eventually(() => expect(reader.newest(name)).toEqual(['10.9.0.1:8080']));
      await http(gateway.eurekaPort, { method: 'PUT', path: `/eureka/apps/${app}/a/metadata?colour=blue` });
      await eventually(() => expect(reader.newest(name)).toEqual(['10.9.0.1:8080?colour=blue']));
    });

    it('expire', async () => {
      await up('a', { leaseInfo: { renewalIntervalInSecs: 1, durationInSecs: 1 } });
      const reader = await subscriber();
      await eventually(() => expect(reader.newest(name)).toEqual(['10.9.0.1:8080']));
      await eventually(() => expect(reader.newest(name)).toEqual([]));
    });

    it('are not pushed again by heartbeats', async () => {
      await up('a');
      const reader = await subscriber();
      await eventually(() => expect(reader.newest(name)).toHaveLength(1));
      for (let beat = 0; beat < 20; beat += 1) expect(await operator.heartbeat(app, 'a')).toBe(200);
      await up('b', { ipAddr: '10.9.0.2' });
      await eventually(() => expect(reader.newest(name)).toHaveLength(2));
      // A push whose answer was late is repeated under its version.
      expect(new Set(reader.pushes.map((push) => push.version)).size).toBe(2);
    });

    it('are the same list under a new version when nothing of them changed that SOFA sees', async () => {
      await up('a');
      const reader = await subscriber();
      await eventually(() => expect(reader.newest(name)).toEqual(['10.9.0.1:8080']));
      await up('a');
      for (const status of ['STARTING', 'DOWN']) {
        const before = reader.pushes.length;
        await up('b', { ipAddr: '10.9.0.2', status });
        await eventually(() => expect(reader.pushes.length).toBeGreaterThan(before));
      }
      for (const push of reader.pushes) expect(push.values).toEqual(['10.9.0.1:8080']);
      await up('b', { ipAddr: '10.9.0.2' });
      await eventually(() => expect(reader.newest(name)).toEqual(['10.9.0.1:8080', '10.9.0.2:8080']));
      const versions = reader.pushes.map((push) => push.version);
      expect(versions).toEqual([...versions].sort((a, b) => (a < b ? -1 : 1)));
      // The first, STARTING, DOWN, UP; and perhaps what was registered again.
      expect(new Set(versions).size).toBeGreaterThanOrEqual(4);
    });

    it('are in the zone of each reader, for every scope', async () => {
      await up('a', { metadata: { zone: 'us-east-1a' } });
      for (const scope of ['zone', 'dataCenter', 'global']) {
        const reader = await subscriber({ zone: 'WEST' }, scope);
        await eventually(() => expect(reader.newest(name)).toEqual(['10.9.0.1:8080?zone=us-east-1a']));
      }
    });

    it('join all spellings of the name, and stay away from groups and interfaces', async () => {
      await up('a');
      const [upper, grouped, face] = [await bolt(), await bolt(), await bolt()];
      await upper.subscribe({ dataId: app, registId: 's' });
      await grouped.subscribe({ dataId: name, registId: 's', group: 'SOFA' });
      await face.subscribe({ dataId: `${name}:1.0@DEFAULT`, registId: 's' });
      await eventually(() => expect(upper.newest(app)).toEqual(['10.9.0.1:8080']));
      await eventually(() => expect([grouped.newest(name), face.newest(`${name}:1.0@DEFAULT`)]).toEqual([[], []]));
    });
  });

  it('a change is seen on the other side within 100 ms, in both directions', async () => {
    const [publisher, reader] = [await bolt(), await bolt()];
    // A name of its own for each change: pushes of one name to one client keep a distance of 150 ms.
    const changing = Array.from({ length: 20 }, (_, i) => `${name}-${i}`);
    for (const dataId of changing) {
      await publisher.publish({ dataId, registId: 'p' }, ['10.1.0.1:80']);
      await reader.subscribe({ dataId, registId: 's' });
    }
    for (const dataId of changing) await eventually(() => expect(reader.newest(dataId)).toHaveLength(1));
    const toEureka: number[] = [];
    for (const dataId of changing) {
      const change = () => publisher.publish({ dataId, registId: 'p', version: 2n }, ['10.1.0.2:80']);
      toEureka.push(await timed(change, async () => (await get(`apps/${dataId}`)).text.includes('10.1.0.2')));
    }
    const toSofa: number[] = [];
    for (const dataId of changing) {
      const change = () => operator.register(dataId.toUpperCase(), 'a', { ipAddr: '10.9.0.7', vipAddress: dataId });
      toSofa.push(await timed(change, async () => reader.newest(dataId)?.length === 2));
    }
    expect(median(toEureka)).toBeLessThan(WITHIN_MS);
    expect(median(toSofa)).toBeLessThan(WITHIN_MS);
  });
});

describe('what crosses is configuration', () => {
  it.each([
    ['off', '*', [] as readonly string[]],
    ['http', 'orders', ['orders']],
    ['http', '*,!orders', ['billing']],
  ] as const)('%s, %s', async (services, names, crossing) => {
    const gateway = await startCrossGateway({ crossProtocol: { services, names } });
    const client = await BoltConnection.open(gateway.boltPort);
    try {
      const operator = new EurekaOperator(gateway.eurekaPort);
      for (const dataId of ['orders', 'billing']) {
        await operator.register(dataId.toUpperCase(), 'native', {
          ipAddr: '10.9.0.1',
          port: { $: 80, '@enabled': 'true' },
          vipAddress: dataId,
        });
        await client.publish({ dataId, registId: 'p' }, ['10.1.0.1:80']);
        await client.subscribe({ dataId, registId: 's' });
      }
      for (const dataId of ['orders', 'billing']) {
        const crosses = crossing.some((each) => each === dataId);
        await eventually(() => expect(client.newest(dataId)).toEqual(crosses ? ['10.1.0.1:80', '10.9.0.1:80'] : ['10.1.0.1:80']));
        await eventually(async () => expect(await operator.instances(dataId.toUpperCase())).toHaveLength(crosses ? 2 : 1));
      }
    } finally {
      await client.close();
      await gateway.stop();
    }
  });
});

/** Milliseconds from the beginning of a change until it is seen. */
async function timed(change: () => Promise<unknown>, isSeen: () => Promise<boolean>): Promise<number> {
  const startedMs = performance.now();
  await change();
  while (!(await isSeen())) {
    if (performance.now() - startedMs > 5_000) throw new Error('the change is not seen');
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return performance.now() - startedMs;
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}
