import type { Server } from 'node:net';
import { RegistryError, RegistryErrorCode } from '../model/errors.ts';

/** Connections that the system keeps until they are accepted: all clients of a Session that ended come at once. */
const BACKLOG = 4_096;

/** A port as the user knows it. */
export interface PortToOpen {
  /** Whose port it is: the protocol's name, in lower case. */
  readonly name: string;
  /** With which another port is chosen. */
  readonly flag: string;
  readonly host: string;
  readonly port: number;
}

/** Opens a port. @throws RegistryError `unavailable` with a sentence for the user when it cannot be opened. */
export async function listen(server: Server, { name, flag, host, port }: PortToOpen): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const fail = (cause: NodeJS.ErrnoException) => {
      const reason =
        cause.code === 'EADDRINUSE'
          ? `port ${port} (${name}) is in use by another program; use ${flag} or --port-offset`
          : `port ${port} (${name}) cannot be opened on ${host}: ${cause.message}`;
      reject(new RegistryError(RegistryErrorCode.Unavailable, reason, { cause }));
    };
    server.once('error', fail);
    server.listen({ host, port, backlog: BACKLOG }, () => {
      server.removeListener('error', fail);
      resolve();
    });
  });
}
