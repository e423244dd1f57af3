import type { Server as HttpServer, RequestListener } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { createShortHttpServer, limitConnections, listen, loadLater, RegistryError, type RunningRole } from '../../core/index.ts';
import { BoltClient, type BoltClientParts, type BoltLink } from './bolt-client.ts';
import type { SofaConfig } from './config.ts';
import type { SessionListParts } from './session-list.ts';

const KEEP_ALIVE_AFTER_MS = 30_000;

/**
 * Opens the bolt port and the session list. Rejects with nothing left open when one of them is taken.
 *
 * @throws RegistryError `unavailable` when a port cannot be bound.
 */
export async function startSofaServer(config: SofaConfig, parts: BoltClientParts): Promise<RunningRole> {
  const clients = new Map<Socket, BoltClient>();
  const bolt = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_AFTER_MS }, (socket) =>
    accept(socket, parts, clients),
  );
  const list: SessionListParts = {
    port: () => portOf(bolt) ?? config.port,
    connectionCount: () => clients.size,
    advertisedHost: config.advertisedHost,
    otherSessions: () => parts.gateway.sessions('sofa.port').flatMap((session) => (session.isSelf ? [] : [session.address])),
    otherLoads: () => parts.gateway.otherLoads('sofa.port'),
  };
  const http = createShortHttpServer(answerList(list, parts.host));
  for (const server of [bolt, http]) limitConnections(server, parts.host);
  await listen(bolt, { name: 'sofa', flag: '--sofa.port', host: config.host, port: config.port });
  try {
    await listen(http, { name: 'sofa', flag: '--sofa.http-port', host: config.host, port: config.httpPort });
  } catch (caught) {
    bolt.close();
    throw caught;
  }
  return closer(bolt, http, clients);
}

/** koa is loaded later: clients ask once at their start, and to a start of the gateway it is a fifth. */
function answerList(parts: SessionListParts, host: BoltClientParts['host']): RequestListener {
  const app = loadLater(async () => (await import('./session-list.ts')).createSessionListApp(parts).callback(), host);
  return (request, response) => {
    app()
      .then((answer) => answer(request, response))
      .catch((caught: unknown) => {
        host.log.error('the session list could not be sent', { reason: RegistryError.from(caught).sentence });
        response.destroy();
      });
  };
}

function accept(socket: Socket, parts: BoltClientParts, clients: Map<Socket, BoltClient>): void {
  // Refused by the limit of connections.
  if (socket.destroyed) return;
  const address = `${(socket.remoteAddress ?? '').replace(/^::ffff:/, '')}:${socket.remotePort ?? 0}`;
  let client: BoltClient;
  try {
    client = new BoltClient(linkOf(socket, address), parts);
  } catch (caught) {
    parts.host.log.debug('a connection was not accepted', { client: address, reason: RegistryError.from(caught).message });
    socket.destroy();
    return;
  }
  clients.set(socket, client);
  let hasSaidGoodbye = false;
  socket.on('data', (chunk: Buffer) => client.read(chunk));
  socket.on('drain', () => client.drained());
  socket.on('end', () => {
    hasSaidGoodbye = true;
  });
  // A broken link is told by `close`; the error itself says nothing more.
  socket.on('error', () => undefined);
  socket.on('close', () => {
    clients.delete(socket);
    client.close(hasSaidGoodbye ? 'clean' : 'broken');
  });
}

function linkOf(socket: Socket, address: string): BoltLink {
  return {
    address,
    waitingBytes: () => socket.writableLength,
    write: (parts) => {
      const [only] = parts;
      if (only !== undefined && parts.length === 1) {
        socket.write(only);
        return;
      }
      socket.cork();
      for (const part of parts) socket.write(part);
      socket.uncork();
    },
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    end: () => socket.destroy(),
  };
}

function portOf(server: Server): number | undefined {
  const address = server.address();
  return typeof address === 'object' ? address?.port : undefined;
}

function closer(bolt: Server, http: HttpServer, clients: Map<Socket, BoltClient>): RunningRole {
  let isStopped = false;
  return {
    drain: async () => {
      // New clients go elsewhere; who is connected stays until the end.
      http.close();
      bolt.close();
    },
    stop: async () => {
      if (isStopped) return;
      isStopped = true;
      http.closeAllConnections();
      http.close();
      bolt.close();
      for (const socket of [...clients.keys()]) socket.destroy();
    },
  };
}
