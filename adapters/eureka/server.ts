import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Server as NetServer, type Socket } from 'node:net';
import { type Host, limitConnections, listen, loadLater, type RunningRole } from '../../core/index.ts';
import type { Authentication } from './authentication.ts';
import type { EurekaConfig } from './config.ts';
import { type EurekaHandler, type EurekaResponse, toErrorResponse } from './handler.ts';
import { EUREKA_LIMITS } from './limits.ts';
import { belowBase, canonicalPath, joinInstanceId, splitPath } from './paths.ts';
import { toEurekaRequest } from './request.ts';

/** An answer may take this many times as long to be read as its request to be sent: documents are larger. */
const ANSWER_TIMES = 2;
/** Answers that run when the gateway stops have this long to reach their clients. */
const DRAIN_MOST_MS = 3_000;
/** Clients pool connections for up to 45 s; ours must not be the side that closes first. */
const KEEP_ALIVE_MS = 75_000;

/**
 * Opens the HTTP listener. Heartbeats and the two big reads are answered before koa, which costs as much as the rest of such a
 * request (measured: 2.4 times on small requests) and is loaded later: it is a fifth of a start.
 *
 * @throws RegistryError `unavailable` when the port cannot be bound.
 */
export async function startEurekaServer(
  config: EurekaConfig,
  handler: EurekaHandler,
  host: Host,
  authentication: Authentication | undefined,
): Promise<RunningRole> {
  const koa = loadLater(() => loadKoa(handler), host);
  const contextPath = splitPath(config.contextPath);
  const running = new RunningAnswers(host, config.requestTimeoutMs * ANSWER_TIMES);
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    running.add(response);
    void route(request, response).catch((caught: unknown) => {
      host.log.error('an Eureka request failed', { reason: caught instanceof Error ? caught.message : String(caught) });
      response.destroy();
    });
  };
  const route = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [rawPath = '/', rawQuery = ''] = splitUrl(request.url ?? '/');
    try {
      if (authentication !== undefined) {
        const { headers, socket } = request;
        const admission = await authentication.admit(headers.authorization, socket.remoteAddress ?? '');
        if (admission !== 'admitted') {
          refuse(response, admission);
          return;
        }
      }
      const segments = splitPath(rawPath);
      const resource = belowBase(segments, contextPath);
      const below = resource === undefined ? undefined : joinInstanceId(resource);
      const answer = below === undefined ? await page(handler, request, segments) : await fast(handler, request, below, rawQuery);
      if (answer !== undefined) {
        send(response, answer);
        return;
      }
      request.url = `${canonicalPath(below ?? segments)}${rawQuery === '' ? '' : `?${rawQuery}`}`;
    } catch (caught) {
      send(response, toErrorResponse(caught));
      return;
    }
    await (await koa())(request, response);
  };
  const server = createServer(
    {
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: Math.min(config.requestTimeoutMs, 60_000),
      requestTimeout: config.requestTimeoutMs,
      connectionsCheckingInterval: 1_000,
      maxHeaderSize: EUREKA_LIMITS.headerBytes,
    },
    listener,
  );
  server.on('clientError', (error, socket) => refuseBrokenRequest(error, socket as Socket));
  // Recent clients offer an upgrade to TLS on plain requests. Nothing is upgraded to here, so it stays an ordinary request: as
  // long as the server has no `upgrade` listener, Node treats it as one.
  limitConnections(server, host);
  await listen(server, { name: 'eureka', flag: '--eureka.port', host: config.host, port: config.port });
  return closer(server, running);
}

async function loadKoa(handler: EurekaHandler): Promise<(request: IncomingMessage, response: ServerResponse) => Promise<void>> {
  const { createEurekaApp } = await import('./routes.ts');
  return createEurekaApp(handler).callback();
}

function splitUrl(url: string): readonly [string, string] {
  const at = url.indexOf('?');
  return at === -1 ? [url, ''] : [url.slice(0, at), url.slice(at + 1)];
}

/** Heartbeats and the polled documents; undefined leaves the request to koa. */
function fast(
  handler: EurekaHandler,
  request: IncomingMessage,
  segments: readonly string[],
  rawQuery: string,
): EurekaResponse | Promise<EurekaResponse> | undefined {
  const [resource, app = '', id] = segments;
  if (resource !== 'apps') return undefined;
  if (request.method === 'PUT' && segments.length === 3 && id !== undefined)
    return handler.heartbeat(toEurekaRequest(request, rawQuery), app, id);
  if (request.method !== 'GET') return undefined;
  if (segments.length === 1) return handler.applications(toEurekaRequest(request, rawQuery));
  return segments.length === 2 && app === 'delta' ? handler.delta(toEurekaRequest(request, rawQuery)) : undefined;
}

function page(handler: EurekaHandler, request: IncomingMessage, segments: readonly string[]): EurekaResponse | Promise<EurekaResponse> {
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  if (isRead && segments.length === 0) return handler.statusPage();
  if (isRead && segments.length === 1 && segments[0] === 'lastn') return handler.lastLeasesPage();
  return { status: 404 };
}

function send(response: ServerResponse, answer: EurekaResponse): void {
  response.statusCode = answer.status;
  if (answer.body === undefined) {
    response.setHeader('Content-Length', 0);
    response.end();
    return;
  }
  const body = typeof answer.body === 'string' ? Buffer.from(answer.body) : answer.body;
  response.setHeader('Content-Type', answer.type ?? 'text/plain');
  if (answer.isGzip === true) response.setHeader('Content-Encoding', 'gzip');
  if (answer.status === 200) response.setHeader('Vary', 'Accept, Accept-Encoding, X-Eureka-Accept');
  if (Buffer.isBuffer(body)) {
    response.setHeader('Content-Length', body.length);
    response.end(body);
    return;
  }
  response.setHeader(
    'Content-Length',
    body.reduce((sum, part) => sum + part.length, 0),
  );
  // Held together, so that the parts leave in one call to the system, none of them copied.
  response.cork();
  for (const part of body) response.write(part);
  response.end();
  response.uncork();
}

/** Without a body: several clients cannot read one of an error. */
function refuse(response: ServerResponse, admission: 'refused' | 'busy'): void {
  if (admission === 'refused') response.setHeader('WWW-Authenticate', 'Basic realm="eureka", charset="UTF-8"');
  else response.setHeader('Retry-After', '1');
  send(response, { status: admission === 'refused' ? 401 : 503 });
}

const BROKEN: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

/** What is no request, or never ends: one line, and the connection is closed whether or not the other side goes on sending. */
function refuseBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (socket.writable)
    socket.write(`HTTP/1.1 ${BROKEN[error.code ?? ''] ?? '400 Bad Request'}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  socket.destroySoon();
}

/**
 * The answers under way. A stopping server waits for them a while; one that its reader does not take is cut off, because it would stay in
 * memory for ever.
 */
class RunningAnswers {
  readonly #host: Host;
  readonly #mostMs: number;
  /** With the time of their request, oldest first. */
  readonly #running = new Map<ServerResponse, number>();
  #sweep: { cancel(): void } | undefined;
  #ended: (() => void) | undefined;

  constructor(host: Host, mostMs: number) {
    this.#host = host;
    this.#mostMs = mostMs;
  }

  add(response: ServerResponse): void {
    this.#running.set(response, this.#host.clock.monotonicMs());
    this.#sweep ??= this.#host.clock.schedule(this.#mostMs / 2, () => this.#cutOff());
    // What comes in on a connection that stays open while the server stops is the last of its connection.
    if (this.#ended !== undefined) response.setHeader('Connection', 'close');
    response.once('close', () => {
      this.#running.delete(response);
      if (this.#running.size === 0) this.#ended?.();
    });
  }

  close(): void {
    this.#sweep?.cancel();
  }

  #cutOff(): void {
    this.#sweep = undefined;
    const nowMs = this.#host.clock.monotonicMs();
    for (const [response, sinceMs] of this.#running) {
      if (nowMs - sinceMs < this.#mostMs) break;
      // Those behind it on the same connection have no socket of their own yet.
      response.req.socket.destroy();
    }
    if (this.#running.size > 0) this.#sweep = this.#host.clock.schedule(this.#mostMs / 2, () => this.#cutOff());
  }

  async whenEnded(mostMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#ended = resolve;
      if (this.#running.size === 0) resolve();
      else this.#host.clock.schedule(mostMs, resolve);
    });
  }
}

function closer(server: Server, running: RunningAnswers): RunningRole {
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= new Promise<void>((resolve) => {
      // Not the HTTP server's own `close`: it cuts off answers that are written but have not left the machine yet.
      NetServer.prototype.close.call(server, () => resolve());
    });
    return closing;
  };
  return {
    drain: async () => {
      void close();
      await running.whenEnded(DRAIN_MOST_MS);
    },
    stop: async () => {
      const closed = close();
      // Who is still connected has had his time in `drain`.
      server.closeAllConnections();
      running.close();
      await closed;
    },
  };
}
