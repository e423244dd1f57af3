import { readFileSync } from 'node:fs';
import type { Server, Socket } from 'node:net';
import { LIMITS } from '../model/limits.ts';
import type { Clock } from '../seams/clock.ts';
import type { Log } from '../seams/log.ts';

/** However many are refused, this often one line tells of it. */
const SAY_AGAIN_MS = 60_000;

/**
 * Connections of clients, over all ports of the process. One more than the limit is closed at once, so that clients, however many come, leave
 * files for the links to other nodes, the admin port and the data folder.
 */
export class ConnectionLimit {
  readonly #most: number;
  #open = 0;
  #saidAtMs = Number.NEGATIVE_INFINITY;

  constructor(most: number) {
    this.#most = most;
  }

  /** From now on. A listener of `connection` that comes later sees a refused socket as destroyed. */
  guard(server: Server, { clock, log }: { readonly clock: Clock; readonly log: Log }): void {
    server.prependListener('connection', (socket: Socket) => {
      if (this.#open >= this.#most) {
        this.#refuse(socket, clock.monotonicMs(), log);
        return;
      }
      this.#open += 1;
      socket.once('close', () => {
        this.#open -= 1;
      });
    });
  }

  #refuse(socket: Socket, nowMs: number, log: Log): void {
    socket.destroy();
    if (nowMs - this.#saidAtMs < SAY_AGAIN_MS) return;
    this.#saidAtMs = nowMs;
    log.warn('connections of clients are refused: there are as many as this process may have', { most: this.#most });
  }
}

/** The limit for a process that may have so many files open: three quarters of them at least, and all but those kept for other things. */
export function mostConnections(openFiles: number): number {
  const kept = Math.min(LIMITS.filesKeptFromClients, Math.ceil(openFiles / 4));
  return Math.min(LIMITS.clientConnections, openFiles - kept);
}

let ofProcess: ConnectionLimit | undefined;

/** Guards a port for clients by the one limit of this process. */
export function limitConnections(server: Server, host: { readonly clock: Clock; readonly log: Log }): void {
  ofProcess ??= new ConnectionLimit(mostConnections(readOpenFilesLimit()));
  ofProcess.guard(server, host);
}

/** How many files this process may have open; Infinity where the system does not say. */
function readOpenFilesLimit(): number {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
  } catch (caught) {
    // Only Linux has the file; elsewhere the limit of the core is the only one.
    if (caught instanceof Error && 'code' in caught && caught.code === 'ENOENT') return Number.POSITIVE_INFINITY;
    throw caught;
  }
}
