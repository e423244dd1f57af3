import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { BoltConnection } from '../support/bolt-connection.ts';
import { BoltScene } from '../support/bolt-scene.ts';
import { eventually } from '../support/eventually.ts';
import { GatewayProcess } from '../support/gateway-process.ts';
import { http } from '../support/http.ts';

const RESULT = { success: true, message: null };
const JSON_BODY = { 'content-type': 'application/json' };

/** What a SOFARegistry's operators call on its Meta port, on the admin port here. */
describe('operators of SOFA clients', () => {
  let gateway: GatewayProcess;
  let scene: BoltScene;

  beforeAll(async () => {
    gateway = await GatewayProcess.start();
  });
  afterAll(() => gateway.stop());
  beforeEach(() => {
    scene = new BoltScene(() => gateway.sofaPort);
  });
  afterEach(async () => {
    await scene.end();
    await call('GET', '/stopPushDataSwitch/close');
    await call('POST', '/blacklist/update', {});
  });

  async function call(method: string, path: string, body?: unknown, headers: Readonly<Record<string, string>> = JSON_BODY) {
    const sent = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body), headers };
    const { status, text } = await http(gateway.adminPort, { method, path, ...sent });
    return { status, json: JSON.parse(text) as unknown };
  }

  const config = (data: string | undefined, version?: number) => ({
    dataId: scene.dataId,
    group: 'SOFA.CONFIG',
    instanceId: 'DEFAULT_INSTANCE_ID',
    version,
    data,
  });

  it('set, change and remove what configurators are told, over a restart too', async () => {
    const client = await scene.connect();
    await client.configure({ ...scene.register('c', 0n), group: 'SOFA.CONFIG' });
    await client.configure({ ...scene.register('other', 0n), group: 'OTHER' });
    const told = (on: BoltConnection) =>
      on.configs.filter((push) => push.configuratorRegistIds.includes('c')).map((push) => push.dataBox?.data ?? null);
    await eventually(() => expect(told(client)).toEqual([null]));
    expect(await call('POST', '/persistentData/put', config('weight=5', 10))).toEqual({ status: 200, json: RESULT });
    await eventually(() => expect(told(client)).toEqual([null, 'weight=5']));
    const outdated = await call('POST', '/persistentData/put', config('weight=6', 10));
    expect(outdated).toEqual({ status: 200, json: { success: false, message: null } });
    expect(await call('POST', '/persistentData/put', config('weight=7', 11))).toEqual({ status: 200, json: RESULT });
    await eventually(() => expect(told(client)).toEqual([null, 'weight=5', 'weight=7']));
    const versions = client.configs.filter((push) => push.configuratorRegistIds.includes('c')).map((push) => push.version);
    expect(versions).toEqual([...new Set(versions)].sort((a, b) => (a < b ? -1 : 1)));

    await gateway.kill();
    await gateway.start();
    const again = await scene.connect();
    await again.configure({ ...scene.register('c', 0n), group: 'SOFA.CONFIG' });
    // Nothing is said before what is stored is known.
    await eventually(() => expect(told(again)).toEqual(['weight=7']));
    expect(again.configs[0]?.version).toBeGreaterThan(versions.at(-1) ?? 0n);

    const name = encodeURIComponent(`${scene.dataId}#@#DEFAULT_INSTANCE_ID#@#SOFA.CONFIG`);
    const query = () => call('GET', `/persistentData/query?dataInfoId=${name}`);
    expect((await query()).json).toEqual({ ...RESULT, data: config('weight=7', 11) });
    expect(await call('POST', '/persistentData/remove', config(undefined, 12))).toEqual({ status: 200, json: RESULT });
    await eventually(() => expect(told(again)).toEqual(['weight=7', null]));
    expect((await query()).json).toEqual({ ...RESULT, data: null });
  });

  it('stop pushing, except to some, and resume it', async () => {
    const [publisher, reader, gray] = [await scene.connect(), await scene.connect(), await scene.connect({ localAddress: '127.0.0.2' })];
    for (const client of [reader, gray]) await client.subscribe(scene.register('s'));
    await publisher.publish(scene.register('p'), ['before']);
    for (const client of [reader, gray]) await eventually(() => expect(client.newest(scene.dataId)).toEqual(['before']));
    expect(await call('GET', '/stopPushDataSwitch/open')).toEqual({ status: 200, json: RESULT });
    const stopped = { stopPush: 'true', 'gray push switch msg': 'data is empty', grayPushSwitch: '' };
    expect((await call('GET', '/digest/pushSwitch')).json).toEqual(stopped);
    await publisher.publish(scene.register('p', 2n), ['while stopped']);
    const late = await scene.connect();
    await late.subscribe(scene.register('late'));
    expect((await call('POST', '/stopPushDataSwitch/grayOpen', { ips: ['127.0.0.2'] })).json).toEqual(RESULT);
    expect((await call('GET', '/digest/pushSwitch')).json).toEqual({ stopPush: 'true', grayPushSwitch: '{"ips":["127.0.0.2"]}' });
    await eventually(() => expect(gray.newest(scene.dataId)).toEqual(['while stopped']));
    expect(reader.newest(scene.dataId)).toEqual(['before']);
    expect(late.pushes).toEqual([]);
    await publisher.publish(scene.register('p', 3n), ['resumed']);
    expect((await call('POST', '/stopPushDataSwitch/close')).json).toEqual(RESULT);
    for (const client of [reader, gray, late]) await eventually(() => expect(client.newest(scene.dataId)).toEqual(['resumed']));
    expect(reader.pushes.map((push) => push.values)).toEqual([['before'], ['resumed']]);
    expect(late.pushes.map((push) => push.values)).toEqual([['resumed']]);
    expect((await call('GET', '/digest/pushSwitch')).json).toEqual({ ...stopped, stopPush: 'false' });
  });

  it('how the switch stands is known to a gateway before its first client', async () => {
    await call('POST', '/stopPushDataSwitch/grayOpen', { ips: ['127.0.0.2'] });
    await gateway.kill();
    await gateway.start();
    const [client, gray] = [await scene.connect(), await scene.connect({ localAddress: '127.0.0.2' })];
    await client.publish(scene.register('p'), ['x']);
    for (const reader of [client, gray]) await reader.subscribe(scene.register('s'));
    await eventually(() => expect(gray.newest(scene.dataId)).toEqual(['x']));
    expect(client.pushes).toEqual([]);
    await call('GET', '/stopPushDataSwitch/close');
    await eventually(() => expect(client.newest(scene.dataId)).toEqual(['x']));
  });

  it('forbid addresses and names to publish: acknowledged, not stored, and subscribers are served', async () => {
    const client = await scene.connect();
    expect((await call('POST', '/blacklist/update', { FORBIDDEN_PUB: { IP_FULL: ['127.0.0.1'] } })).json).toEqual(RESULT);
    expect(await client.publish(scene.register('p'), ['forbidden'])).toMatchObject({ success: true, refused: false, version: 1n });
    await client.subscribe(scene.register('s'));
    await eventually(() => expect(client.newest(scene.dataId)).toEqual([]));
    await call('POST', '/blacklist/update', { FORBIDDEN_PUB: { IP_FULL: ['10.9.9.9'] } });
    await client.publish(scene.register('p'), ['allowed']);
    await eventually(() => expect(client.newest(scene.dataId)).toEqual(['allowed']));

    const form = `dataId=${scene.dataId}.x&group=G&instanceId=`;
    expect((await call('POST', '/datainfoid/blacklist/add', form, {})).json).toEqual(RESULT);
    const name = `${scene.dataId}.x#@#DEFAULT_INSTANCE_ID#@#G`;
    expect((await call('GET', '/datainfoid/blacklist/query')).json).toEqual({ ...RESULT, data: [name] });
    const other = { dataId: `${scene.dataId}.x`, group: 'G', version: 1n };
    await client.publish({ ...other, registId: 'px' }, ['forbidden']);
    await client.subscribe({ ...other, registId: 'sx' });
    await eventually(() => expect(client.newest(`${scene.dataId}.x`)).toEqual([]));
    expect((await call('POST', '/datainfoid/blacklist/delete', form, {})).json).toEqual(RESULT);
    await client.publish({ ...other, registId: 'px' }, ['allowed']);
    await eventually(() => expect(client.newest(`${scene.dataId}.x`)).toEqual(['allowed']));
  });

  it.each([
    ['/persistentData/put', 'no JSON', 400],
    ['/persistentData/put', '[]', 400],
    ['/persistentData/put', '{"dataId":"d"}', 400],
    ['/persistentData/put', '{"dataId":"d","group":"g","data":7}', 400],
    ['/persistentData/put', '{"dataId":"d","group":"g","data":"x","version":1.5}', 400],
    ['/persistentData/put', `{"dataId":"${'d'.repeat(2_000)}","group":"g","data":"x"}`, 400],
    ['/persistentData/put', `{"dataId":"d","group":"g","data":"${'x'.repeat(1_200_000)}"}`, 413],
    ['/persistentData/put', ' '.repeat(9_000_000), 413],
    ['/stopPushDataSwitch/grayOpen', '{"ips":"10.0.0.1"}', 400],
    ['/blacklist/update', '{"FORBIDDEN_PUB":["10.0.0.1"]}', 400],
    ['/blacklist/update', '{"FORBIDDEN_PUB":{"IP_FULL":[7]}}', 400],
    ['/datainfoid/blacklist/add', 'dataId=&group=g', 400],
  ])('%s refuses a bad body (%#)', async (path, body, status) => {
    const answer = await call('POST', path, body);
    expect(answer).toMatchObject({ status, json: { success: false } });
  });

  it('must be admitted: a web page, a proxy and a wrong token are not', async () => {
    for (const headers of [{ origin: 'https://evil.example' }, { 'sec-fetch-site': 'cross-site' }, { 'x-forwarded-for': '10.0.0.1' }]) {
      for (const [method, path] of [
        ['GET', '/stopPushDataSwitch/open'],
        ['POST', '/persistentData/put'],
      ] as const)
        expect((await http(gateway.adminPort, { method, path, headers, body: '{}' })).status).toBe(403);
    }
    expect((await call('GET', '/digest/pushSwitch')).json).toMatchObject({ stopPush: 'false' });
    expect((await http(gateway.adminPort, { method: 'POST', path: '/nothing' })).status).toBe(405);
    expect((await http(gateway.adminPort, { path: '/nothing' })).status).toBe(404);
  });
});
