import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { ConnectionLimit, mostConnections } from '../../../../core/host/connection-limit.ts';
import { LIMITS } from '../../../../core/model/limits.ts';
import type { Log } from '../../../../core/seams/log.ts';
import { eventually } from '../../../support/eventually.ts';
import { HandClock } from '../../../support/hand-clock.ts';

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

async function listening(limit: ConnectionLimit, log: Log, clock: HandClock, accepted: Socket[]): Promise<Server> {
  const server = createServer((socket) => {
    if (!socket.destroyed) accepted.push(socket);
  });
  limit.guard(server, { clock, log });
  cleanups.push(() => server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function dial(server: Server): Socket {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.on('error', () => undefined);
  cleanups.push(() => socket.destroy());
  return socket;
}

describe('the limit of client connections', () => {
  it('holds over all ports together, says once that it is reached, and takes clients again when others leave', async () => {
    const warnings: string[] = [];
    const silent = () => undefined;
    const log: Log = { debug: silent, info: silent, warn: (line) => void warnings.push(line), error: silent, with: () => log };
    const [limit, clock, accepted] = [new ConnectionLimit(2), new HandClock(), [] as Socket[]];
    const servers = [await listening(limit, log, clock, accepted), await listening(limit, log, clock, accepted)] as const;
    const first = dial(servers[0]);
    dial(servers[1]);
    await eventually(() => expect(accepted).toHaveLength(2));
    await Promise.all([once(dial(servers[0]), 'close'), once(dial(servers[1]), 'close')]);
    expect(accepted).toHaveLength(2);
    expect(warnings).toEqual(['connections of clients are refused: there are as many as this process may have']);
    const gone = once(accepted.find((socket) => socket.remotePort === first.localPort) as Socket, 'close');
    first.destroy();
    await gone;
    dial(servers[1]);
    await eventually(() => expect(accepted).toHaveLength(3));
    clock.advance(60_000);
    await once(dial(servers[0]), 'close');
    expect(warnings).toHaveLength(2);
  });

  it.each([
    [256, 192],
    [1_024, 768],
    [20_000, 20_000 - LIMITS.filesKeptFromClients],
    [Number.POSITIVE_INFINITY, LIMITS.clientConnections],
  ])('of %i open files leaves enough for other things', (openFiles, most) => {
    expect(mostConnections(openFiles)).toBe(most);
  });
});
