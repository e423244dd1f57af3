import { createServer, type Server } from 'node:net';

/**
 * Below 32,768, where Linux begins to take the local ports of outgoing connections: one of those would be lost to some client while its
 * process has not opened it yet, or is killed and starts again.
 */
const FROM = 12_000;
const TO = 32_000;

/** Ports of 127.0.0.1 that nobody uses at the moment, all different. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const held = new Map<number, Server>();
  while (held.size < count) {
    const port = FROM + Math.floor(Math.random() * (TO - FROM));
    const server = await hold(port);
    if (server !== undefined) held.set(port, server);
  }
  await Promise.all([...held.values()].map((server) => new Promise((resolve) => server.close(resolve))));
  return [...held.keys()];
}

/** undefined when somebody has it. */
function hold(port: number): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error)));
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}
