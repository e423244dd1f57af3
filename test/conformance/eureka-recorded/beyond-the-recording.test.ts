import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EurekaGateway, startEurekaGateway } from '../../support/eureka-gateway.ts';
import { EurekaOperator } from '../../support/eureka-operator.ts';
import { http } from '../../support/http.ts';

/** Rules of the protocol that no recorded exchange shows, and where the gateway is better than the recorded server. */
describe('beyond the recording', () => {
  let gateway: EurekaGateway;
  let operator: EurekaOperator;
  beforeAll(async () => {
    gateway = await startEurekaGateway({ eureka: { contextPath: '/ctx' } });
    operator = new EurekaOperator(gateway.port);
    await operator.register('DEMO', 'h:demo:8080');
  });
  afterAll(() => gateway.stop());

  it.each([
    '/eureka/apps',
    '/eureka/apps/',
    '/eureka//apps/',
    '/eureka/v2/apps',
    '/eureka/v2/apps/',
    '/v2/apps',
    '/ctx/eureka/apps',
    '//ctx//eureka//v2//apps//',
  ])('%s is the list of everything, and nobody is redirected', async (path) => {
    const answer = await http(gateway.port, { path });
    expect([answer.status, answer.headers['content-type']]).toEqual([200, 'application/xml']);
    expect(answer.text).toMatch(/^<applications>.*<name>DEMO<\/name>/);
  });

  it.each([
    ['Connection: Upgrade\r\nUpgrade: TLS/1.2', /^HTTP\/1\.1 200 .*"name":"DEMO"/s],
    [
      'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      /^HTTP\/1\.1 200 .*"name":"DEMO"/s,
    ],
  ])('an offer to upgrade is not taken, and the request answered: %j', async (headers, expected) => {
    const answer = await converse(
      gateway.port,
      `GET /eureka/apps/ HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\n${headers}\r\n\r\n`,
      '}}',
    );
    expect(answer).toMatch(expected);
  });

  it.each([
    ['under the class of another data centre', { '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo', name: 'Amazon' }],
    ['without metadata', { '@class': 'com.netflix.appinfo.AmazonInfo', name: 'Amazon' }],
    ['without a class', { name: 'Amazon', metadata: null }],
    ['with metadata of the wrong type', { '@class': 'com.netflix.appinfo.AmazonInfo', name: 'Amazon', metadata: [1, { a: 2 }] }],
  ])('a registration of Amazon %s spoils the list for nobody', async (_name, dataCenterInfo) => {
    expect(await operator.register('AMAZON', 'i-1', { dataCenterInfo })).toBe(204);
    const amazon = (await operator.all()).find(({ app }) => app === 'AMAZON') as unknown as { dataCenterInfo: unknown };
    expect(amazon.dataCenterInfo).toEqual({
      '@class': 'com.netflix.appinfo.AmazonInfo',
      name: 'Amazon',
      metadata: expect.objectContaining({ 'instance-id': 'i-1' }),
    });
    expect((await operator.all()).some(({ app }) => app === 'DEMO')).toBe(true);
    expect((await operator.delta()).some(({ app }) => app === 'AMAZON')).toBe(true);
  });

  it('a 404 to a heartbeat has no body and no type, so that every client registers again', async () => {
    const answer = await http(gateway.port, {
      method: 'PUT',
      path: '/eureka/apps/DEMO/nobody?status=UP',
      headers: { accept: 'application/json' },
    });
    expect([answer.status, answer.text, answer.headers['content-type'], answer.headers['content-length']]).toEqual([
      404,
      '',
      undefined,
      '0',
    ]);
  });

  it.each(['a/b', 'a%2Fb/c', '/', 'a b', '100%', 'ü:🙂', '\'"<&>', 'x?y#z', 'a;b', '.', '...', '+', '%2e%2e'])(
    'an instance with the id %j can be read, renewed, changed and cancelled',
    async (id) => {
      const path = `/eureka/apps/IDS/${encodeURIComponent(id)}`;
      expect(await operator.register('IDS', id)).toBe(204);
      expect(await operator.heartbeat('IDS', id)).toBe(200);
      expect((await http(gateway.port, { method: 'PUT', path: `${path}/metadata?k=v` })).status).toBe(200);
      const read = await http(gateway.port, { path, headers: { accept: 'application/json' } });
      expect(JSON.parse(read.text)).toMatchObject({ instance: { instanceId: id, metadata: { k: 'v' } } });
      expect((await http(gateway.port, { path: `/eureka/instances/${encodeURIComponent(id)}` })).status).toBe(200);
      expect(await operator.setStatus('IDS', id, 'OUT_OF_SERVICE')).toBe(200);
      expect(await operator.deleteStatus('IDS', id, 'UP')).toBe(200);
      expect(await operator.cancel('IDS', id)).toBe(200);
      expect(await operator.heartbeat('IDS', id)).toBe(404);
    },
  );

  it('HEAD says what GET would, without the document', async () => {
    for (const path of ['/eureka/apps', '/eureka/apps/delta', '/eureka/apps/DEMO', '/eureka/status', '/']) {
      const [head, get] = [await http(gateway.port, { method: 'HEAD', path }), await http(gateway.port, { path })];
      expect([head.status, head.text, head.headers['content-type']]).toEqual([200, '', get.headers['content-type']]);
    }
  });

  it.each([
    ['POST', '/eureka/apps', 405],
    ['DELETE', '/eureka/apps/DEMO', 405],
    ['PATCH', '/eureka/apps/DEMO/x', 405],
    ['PUT', '/eureka/vips/x', 405],
    ['GET', '/eureka/nothing', 404],
    ['POST', '/elsewhere', 404],
    ['PUT', '/eureka/asg/a/status', 400],
  ])('%s %s is answered %i', async (method, path, status) => {
    expect((await http(gateway.port, { method, path })).status).toBe(status);
  });
});

/** What is said on a connection until the given end. */
function converse(port: number, bytes: string, end: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    let answer = '';
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString();
      if (answer.endsWith(end)) socket.destroy();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
  });
}
