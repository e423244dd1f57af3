import { connect, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EurekaOperator } from '../support/eureka-operator.ts';
import { eventually } from '../support/eventually.ts';
import { GatewayProcess } from '../support/gateway-process.ts';
import { converse, http } from '../support/http.ts';
import { residentBytes } from '../support/process-memory.ts';

const MEGABYTE = 1024 * 1024;
const JSON_HEADERS = { 'content-type': 'application/json' };

describe('input that no client should send', () => {
  let gateway: GatewayProcess;
  let operator: EurekaOperator;
  let restingBytes = 0;

  beforeAll(async () => {
    gateway = await GatewayProcess.start({ args: ['--eureka.request-timeout-ms', '1500'] });
    operator = new EurekaOperator(gateway.eurekaPort);
    await operator.register('GOOD', 'good');
    restingBytes = residentBytes(gateway.pid);
  });
  afterAll(() => gateway.stop());

  /** Nobody else notices: the well-behaved client is answered at once, and the memory is bounded. */
  async function expectUnharmed(mostExtraBytes: number): Promise<void> {
    expect(await operator.heartbeat('GOOD', 'good')).toBe(200);
    expect((await operator.instances('GOOD')).map((instance) => instance.instanceId)).toEqual(['good']);
    expect(residentBytes(gateway.pid) - restingBytes).toBeLessThan(mostExtraBytes);
  }

  const post = (body: string | Buffer, headers: Record<string, string> = JSON_HEADERS, app = 'BAD') =>
    http(gateway.eurekaPort, { method: 'POST', path: `/eureka/apps/${app}`, headers, body });

  it.each([
    ['nothing', ''],
    ['half a document', '{"instance":{"instanceId":"x"'],
    ['no object', '[1,2,3]'],
    ['no instance', '{"other":{}}'],
    ['an instance of the wrong type', '{"instance":7}'],
    ['a port that is no number', '{"instance":{"instanceId":"x","hostName":"h","app":"BAD","port":{"$":"many","@enabled":"true"}}}'],
    ['metadata of the wrong type', '{"instance":{"instanceId":"x","hostName":"h","app":"BAD","metadata":"none"}}'],
    ['invalid UTF-8', Buffer.from([0x7b, 0xff, 0xfe, 0x7d])],
    ['10,000 levels', '['.repeat(10_000)],
    ['20,000 keys', `{"instance":{${Array.from({ length: 20_000 }, (_, i) => `"k${i}":1`).join()}}}`],
  ])('a body of %s is refused with 400', async (_name, body) => {
    expect((await post(body)).status).toBe(400);
    await expectUnharmed(40 * MEGABYTE);
  });

  it('a body over the limit is refused with 413, announced or not, plain or inflated', async () => {
    const large = Buffer.alloc(2 * MEGABYTE, 'x');
    expect((await post(large)).status).toBe(413);
    const bomb = gzipSync(Buffer.alloc(64 * MEGABYTE));
    expect(bomb.length).toBeLessThan(MEGABYTE);
    expect((await post(bomb, { ...JSON_HEADERS, 'content-encoding': 'gzip' })).status).toBe(413);
    await expectUnharmed(60 * MEGABYTE);
  });

  it('XML entities are never expanded', async () => {
    const levels = Array.from({ length: 9 }, (_, i) => `<!ENTITY e${i + 1} "${`&e${i};`.repeat(10)}">`).join('');
    const bomb = `<!DOCTYPE x [<!ENTITY e0 "0123456789">${levels}]><instance><instanceId>&e9;</instanceId></instance>`;
    expect((await post(bomb, { 'content-type': 'application/xml' })).status).toBe(400);
    const external = '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/hostname">]><instance><instanceId>&f;</instanceId></instance>';
    expect((await post(external, { 'content-type': 'application/xml' })).status).toBe(400);
    await expectUnharmed(60 * MEGABYTE);
  });

  it.each([
    ['/eureka/apps/%ff%fe', 400],
    ['/eureka/apps/%zz', 400],
    [`/eureka/apps/${'a'.repeat(5_000)}`, 400],
    ['/eureka/../../etc/passwd', 400],
    ['/eureka/apps/A/B/C/D/E/F', 404],
    ['/eureka/nothing', 404],
    [`/${'x/'.repeat(2_000)}`, 404],
  ])('the path %s is answered with %i', async (path, status) => {
    expect((await http(gateway.eurekaPort, { path })).status).toBe(status);
    await expectUnharmed(60 * MEGABYTE);
  });

  it('headers without end are refused', async () => {
    const answer = await converse(gateway.eurekaPort, `GET /eureka/apps HTTP/1.1\r\nHost: x\r\nX-Large: ${'a'.repeat(100_000)}`);
    expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
    await expectUnharmed(60 * MEGABYTE);
  });

  it('what is not HTTP is refused', async () => {
    expect(await converse(gateway.eurekaPort, '\u0000\u0001\u0002 not http at all\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
  });

  it('clients that send slowly are cut off, thousands of them harm nobody', async () => {
    const sockets: Socket[] = [];
    for (let i = 0; i < 2_000; i += 1) {
      const socket = connect(gateway.eurekaPort, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.resume();
      // Half of them begin a request and never end it, half say nothing at all.
      if (i % 2 === 0) socket.write('POST /eureka/apps/SLOW HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n');
      sockets.push(socket);
    }
    await eventually(async () => expect(sockets.every((socket) => !socket.connecting)).toBe(true));
    await expectUnharmed(120 * MEGABYTE);
    await eventually(async () => expect(sockets.filter((socket, i) => i % 2 === 0 && !socket.destroyed).length).toBe(0));
    for (const socket of sockets) socket.destroy();
    await expectUnharmed(120 * MEGABYTE);
  });
});
