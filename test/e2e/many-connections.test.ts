import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { EurekaOperator } from '../support/eureka-operator.ts';
import { eventually } from '../support/eventually.ts';
import { GatewayProcess } from '../support/gateway-process.ts';
import { http } from '../support/http.ts';

const OPEN_FILES = 400;

let gateway: GatewayProcess;
const sockets: Socket[] = [];

beforeAll(async () => {
  gateway = await GatewayProcess.start({ openFiles: OPEN_FILES });
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await gateway.stop();
});

it('more clients than there are files leave the admin port and the data folder theirs, and others come in when they go', async () => {
  const operator = new EurekaOperator(gateway.eurekaPort);
  const ports = [gateway.eurekaPort, gateway.sofaPort, gateway.sofaHttpPort];
  let refused = 0;
  for (let index = 0; index < OPEN_FILES * 2; index += 1) {
    const socket = connect(ports[index % ports.length] ?? 0, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.on('close', () => {
      refused += 1;
    });
    sockets.push(socket);
  }
  await eventually(() => expect(refused).toBeGreaterThan(OPEN_FILES));
  await eventually(() => expect(gateway.stdout).toContain('connections of clients are refused'));
  expect((await http(gateway.adminPort, { path: '/readyz' })).status).toBe(200);
  for (const socket of sockets.splice(0)) socket.destroy();
  await eventually(() => operator.register('LATE', 'late'));
  expect(await operator.heartbeat('LATE', 'late')).toBe(200);
  expect(gateway.stdout).not.toContain('cannot be written');
});
