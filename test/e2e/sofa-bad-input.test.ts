import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BoltClass } from '../../adapters/sofa-bolt/codec/class-names.ts';
import { BoltCodec, BoltCommand, BoltStatus, BoltType, encodeHeartbeat, encodeRequest } from '../../adapters/sofa-bolt/codec/frame.ts';
import { encodePublisherRegister, encodeSubscriberRegister } from '../../adapters/sofa-bolt/codec/messages.ts';
import { BoltConnection, baseRegister } from '../support/bolt-connection.ts';
import { eventually } from '../support/eventually.ts';
import { GatewayProcess } from '../support/gateway-process.ts';
import { residentBytes } from '../support/process-memory.ts';

const MEGABYTE = 1024 * 1024;
/** Longer than a client here reads nothing on purpose, on a busy machine. */
const IDLE_MS = 8_000;
const V1 = { protocol: 1, version: 1, switches: 0 } as const;
/** Head of a v1 request for a publisher, up to its lengths. */
const HEAD = '01010001010000000701000003e8';

describe('bytes that no bolt client should send', () => {
  const open: Socket[] = [];
  let gateway: GatewayProcess;
  let publisher: BoltConnection;
  let reader: BoltConnection;
  let heartbeats: ReturnType<typeof setInterval>;
  let restingBytes = 0;
  let dataId = '';

  beforeAll(async () => {
    gateway = await GatewayProcess.start({ args: ['--sofa.idle-timeout-ms', String(IDLE_MS)] });
    [publisher, reader] = [await BoltConnection.open(gateway.sofaPort), await BoltConnection.open(gateway.sofaPort)];
    heartbeats = setInterval(() => {
      for (const client of [publisher, reader]) void client.heartbeat().catch(() => undefined);
    }, IDLE_MS / 6);
    await expectUnharmed(200 * MEGABYTE);
    restingBytes = residentBytes(gateway.pid);
  });
  afterAll(async () => {
    clearInterval(heartbeats);
    await gateway.stop();
  });
  beforeEach(() => {
    dataId = `bad-${randomUUID()}`;
  });
  afterEach(() => {
    for (const socket of open.splice(0)) socket.destroy();
  });

  /** Nobody else notices: a heartbeat is answered, a publisher is seen at once, and the memory is bounded. */
  async function expectUnharmed(mostExtraBytes: number): Promise<void> {
    expect((await reader.heartbeat()).status).toBe(BoltStatus.Success);
    const fresh = `well-behaved-${randomUUID()}`;
    await publisher.publish({ dataId: fresh, registId: fresh }, ['here']);
    await reader.subscribe({ dataId: fresh, registId: fresh });
    await eventually(() => expect(reader.newest(fresh)).toEqual(['here']), 1_000);
    expect(residentBytes(gateway.pid) - restingBytes).toBeLessThan(mostExtraBytes);
  }

  async function dial(): Promise<Socket> {
    const socket = connect({ port: gateway.sofaPort, host: '127.0.0.1', noDelay: true });
    open.push(socket);
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    return socket;
  }

  /** Resolves with what was answered before the gateway closed the connection. */
  async function untilClosed(socket: Socket): Promise<Buffer> {
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    await closed(socket);
    return Buffer.concat(chunks);
  }

  it.each([
    ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n').toString('hex')],
    ['a TLS hello', '16030100c8010000c40303'],
    ['protocol 0', '00'],
    ['protocol 3', '03010001'],
    ['a type that does not exist', '0103'],
    ['a v2 frame of version 3', '0203010001'],
    ['a command that does not exist', '0101000701000000070100000000 0000 0000 00000000'],
    ['a switch beyond its range', '0202010001010000000701ff00000000 0000 0000 00000000'],
    ['a wrong CRC', '0202010001010000000701010000000000000000 00000000deadbeef'],
    ['an answer with an unknown status', '01000002010000000401000a0000000000000000'],
    ['a class name of negative length', `${HEAD}ffff000000000000`],
    ['a header of negative length', `${HEAD}0035ffff00000000`],
    ['a content of negative length', `${HEAD}00350000ffffffff`],
    ['a content of the least length', `${HEAD}0035000080000000`],
    ['a content over the limit', `${HEAD}0035000001000001`],
    ['the largest content that can be said', `${HEAD}003500007fffffff`],
    ['a class name over the limit', `${HEAD}7fff000000000010`],
    ['a header over the limit', `${HEAD}00357fff00000010`],
  ])('%s closes the connection at once', async (_name, hex) => {
    const socket = await dial();
    socket.write(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
    expect(await untilClosed(socket)).toHaveLength(0);
    await expectUnharmed(60 * MEGABYTE);
  });

  it.each([
    ['nothing', ''],
    ['an unknown class', '4fa4636f6d2e6576696c2e4578706c6f6974 90 6f90'],
    ['more class definitions than any message has', '4f9161 90'.repeat(20)],
    ['a class of a million fields', '4f9161 49000f4240'],
    ['lists in lists, 100,000 deep', '56'.repeat(100_000)],
    ['maps in maps, 100,000 deep', '4d'.repeat(100_000)],
    ['a list of two billion', `566c7fffffff${'4e'.repeat(100)}`],
    ['a text longer than the content', '53ffff61'],
    ['a list that holds itself', '566e01 4a00 7a'],
    ['three million empty maps', `566c002dc6c0${'4d7a'.repeat(3_000_000)}7a`],
    ['bad UTF-8', '02f09f9880'],
    ['unknown tags', '40414243'],
  ])('a content of %s is answered with an error, and the connection goes on', async (_name, hex) => {
    const client = await BoltConnection.open(gateway.sofaPort);
    open.push(client.socket);
    const answer = await client.request(BoltClass.PublisherRegister, Buffer.from(hex.replaceAll(' ', ''), 'hex'));
    expect([answer.status, answer.content.length]).toEqual([BoltStatus.ServerDeserialException, 0]);
    expect(await client.publish({ dataId, registId: 'p' }, ['fine'])).toMatchObject({ success: true, refused: false });
    await expectUnharmed(120 * MEGABYTE);
  });

  it('values over the limit of one publisher are refused for good, and the gateway keeps none of them', async () => {
    const client = await BoltConnection.open(gateway.sofaPort);
    open.push(client.socket);
    const answer = await client.publish({ dataId, registId: 'p' }, Array<string>(5).fill('x'.repeat(MEGABYTE)));
    expect(answer).toMatchObject({ success: true, refused: true });
    await client.subscribe({ dataId, registId: 's' });
    await eventually(() => expect(client.newest(dataId)).toEqual([]));
    await expectUnharmed(150 * MEGABYTE);
  });

  it('a registration that is cut at any byte registers nothing, and one that comes byte by byte does', async () => {
    const content = encodePublisherRegister({ ...baseRegister({ dataId, registId: 'cut' }), dataList: [{ data: 'cut' }] });
    const head = { ...V1, type: BoltType.Request, command: BoltCommand.Request, requestId: 1, codec: BoltCodec.Hessian } as const;
    const frame = encodeRequest({ ...head, timeoutMs: 1_000, className: BoltClass.PublisherRegister }, content);
    for (let cut = 1; cut < frame.length; cut += 1) {
      const socket = await dial();
      socket.end(frame.subarray(0, cut));
    }
    const slow = await BoltConnection.open(gateway.sofaPort);
    open.push(slow.socket);
    await slow.subscribe({ dataId, registId: 's' });
    await eventually(() => expect(slow.newest(dataId)).toEqual([]));
    for (const byte of frame) {
      slow.socket.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await eventually(() => expect(slow.newest(dataId)).toEqual(['cut']));
    await expectUnharmed(150 * MEGABYTE);
  });

  it('10,000 requests at once are all answered, in their order, once the client reads', async () => {
    const client = await BoltConnection.open(gateway.sofaPort);
    open.push(client.socket);
    client.socket.pause();
    const publish = (i: number) => client.publish({ dataId, registId: `p${i}`, version: 1n }, ['x']);
    const answered = Promise.all(Array.from({ length: 10_000 }, (_, i) => publish(i)));
    const beats = setInterval(() => void client.heartbeat().catch(() => undefined), IDLE_MS / 6);
    await expectUnharmed(200 * MEGABYTE);
    client.socket.resume();
    clearInterval(beats);
    const registIds = (await answered).map((answer) => answer.registId);
    expect(registIds).toEqual(Array.from({ length: 10_000 }, (_, i) => `p${i}`));
    await expectUnharmed(200 * MEGABYTE);
  });

  it('who asks and never reads is not listened to any more, and is gone after the idle time', async () => {
    const socket = await dial();
    socket.pause();
    // 30 MB of questions. The kernels take some megabytes of the answers; what comes then stays unread, so that the end is a reset.
    const batch = Buffer.concat(Array.from({ length: 20_000 }, (_, i) => encodeHeartbeat(V1, i)));
    for (let sent = 0; sent < 70; sent += 1) socket.write(batch);
    await expectUnharmed(150 * MEGABYTE);
    await closed(socket);
    expect(socket.errored).toMatchObject({ code: expect.stringMatching(/ECONNRESET|EPIPE/) });
    await expectUnharmed(150 * MEGABYTE);
  });

  it('who subscribes and never reads costs only itself, however often a large list changes', async () => {
    const deaf = await BoltConnection.open(gateway.sofaPort, { answersPushes: false });
    const large = await BoltConnection.open(gateway.sofaPort);
    open.push(deaf.socket, large.socket);
    for (let i = 0; i < 50; i += 1) await deaf.subscribe({ dataId, registId: `s${i}`, zone: `Z${i}` });
    deaf.socket.pause();
    await large.subscribe({ dataId, registId: 's' });
    for (let change = 1n; change <= 10n; change += 1n) {
      await large.publish({ dataId, registId: 'p', version: change }, [`${change}${'x'.repeat(MEGABYTE)}`]);
      await eventually(() => expect(large.newest(dataId)?.[0]?.startsWith(`${change}x`)).toBe(true));
    }
    await expectUnharmed(300 * MEGABYTE);
  });

  it('2,000 connections that say nothing, or half a frame, harm nobody and are closed after the idle time', async () => {
    const sockets: Socket[] = [];
    const half = encodeSubscriberRegister({ ...baseRegister({ dataId }), scope: 'global', acceptEncoding: null, acceptMulti: false });
    for (let i = 0; i < 2_000; i += 1) {
      const socket = connect({ port: gateway.sofaPort, host: '127.0.0.1' });
      socket.on('error', () => undefined);
      socket.resume();
      if (i % 2 === 0) socket.write(Buffer.concat([Buffer.from(`${HEAD}0035000000ffffff`, 'hex'), half]));
      sockets.push(socket);
    }
    open.push(...sockets);
    await eventually(() => expect(sockets.every((socket) => !socket.connecting)).toBe(true));
    await expectUnharmed(200 * MEGABYTE);
    await eventually(() => expect(sockets.filter((socket) => !socket.closed)).toHaveLength(0), 2 * IDLE_MS);
    await expectUnharmed(200 * MEGABYTE);
  });

  // The last one: the kernel takes its time until it has the memory back.
  it('large frames that never end are kept up to a limit of all clients together', async () => {
    const begun = Buffer.concat([Buffer.from(`${HEAD}0035000001000000`, 'hex'), Buffer.alloc(15 * MEGABYTE)]);
    const sockets: Socket[] = [];
    for (let i = 0; i < 22; i += 1) {
      const socket = await dial();
      socket.resume();
      sockets.push(socket);
      await written(socket, begun);
    }
    // 256 MiB hold 17 of them.
    await eventually(() => expect(sockets.filter((socket) => socket.destroyed).length).toBeGreaterThan(3));
    await expectUnharmed(400 * MEGABYTE);
    for (const socket of sockets) socket.destroy();
    // What the others kept is free again.
    const client = await BoltConnection.open(gateway.sofaPort);
    open.push(client.socket);
    expect(await client.publish({ dataId, registId: 'p' }, ['x'.repeat(3 * MEGABYTE)])).toMatchObject({ success: true, refused: false });
  });
});

/** Resolves when the kernel has taken the bytes, or the socket is gone. */
function written(socket: Socket, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    socket.on('close', () => resolve());
    socket.write(bytes, () => resolve());
  });
}

/** Whether by an end or by a reset. */
async function closed(socket: Socket): Promise<void> {
  if (!socket.closed) await new Promise((resolve) => socket.on('close', resolve));
}
