// The cost that no server can avoid: writes one prepared frame to all connections and reads as many answers. A process of its own.
import { createServer, type Socket } from 'node:net';

/** As the gateway's push path: after this many connections others get their turn. */
const SOCKETS_PER_TURN = 128;

const sockets: Socket[] = [];
let frame: Buffer = Buffer.alloc(0);

const server = createServer({ noDelay: true }, (socket) => {
  sockets.push(socket);
  socket.on('data', () => undefined);
  socket.on('error', () => undefined);
});
server.listen({ host: '127.0.0.1', port: 0, backlog: 4_096 }, () => {
  const address = server.address();
  process.send?.({ port: typeof address === 'object' ? address?.port : undefined });
});

process.on('message', (message: { readonly frame?: string; readonly fanOutTo?: number }) => {
  if (message.frame !== undefined) frame = Buffer.from(message.frame, 'base64');
  if (message.fanOutTo !== undefined) fanOut(message.fanOutTo, 0);
});
process.on('SIGTERM', () => process.exit(0));

/** A connection that its client has made may still wait to be accepted here. */
function fanOut(count: number, start: number): void {
  const end = Math.min(sockets.length, start + SOCKETS_PER_TURN);
  for (let index = start; index < end; index += 1) sockets[index]?.write(frame);
  if (end < count) setImmediate(() => fanOut(count, end));
}
