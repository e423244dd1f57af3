import type { IncomingMessage, ServerResponse } from 'node:http';
import { createShortHttpServer, LIMITS, listen, RegistryError, RegistryErrorCode, type RunningRole } from '../core/index.ts';
import { isAdmitted } from './admin-guard.ts';
import { readDatum, readMembers, readSlots } from './cluster-pages.ts';
import type { Config } from './config-schema.ts';
import { explain } from './explain.ts';
import { OperatorRoutes } from './operator-routes.ts';
import { readChecks } from './readiness.ts';
import type { NodeParts } from './roles.ts';

/**
 * The admin port: health and metrics for everybody, the rest for whoever the guard admits.
 *
 * @throws RegistryError `unavailable` when the port cannot be bound.
 */
export async function startAdminServer(config: Config['admin'], parts: NodeParts, token: string): Promise<RunningRole> {
  const operator = new OperatorRoutes(parts);
  const server = createShortHttpServer((request, response) => {
    void answer(request, response, parts, operator, token).catch((caught: unknown) =>
      send(response, 500, `${RegistryError.from(caught).message}\n`),
    );
  });
  server.maxConnections = LIMITS.adminConnections;
  await listen(server, { name: 'admin', flag: '--admin.port', ...config });
  let isStopped = false;
  return {
    drain: async () => undefined,
    stop: async () => {
      if (isStopped) return;
      isStopped = true;
      await operator.stop();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  parts: NodeParts,
  operator: OperatorRoutes,
  token: string,
): Promise<void> {
  const [path = '/', query = ''] = (request.url ?? '/').split('?');
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  if (isRead && path === '/livez') send(response, 200, 'ok\n');
  else if (isRead && (path === '/readyz' || path === '/startupz')) answerReady(response, parts, new URLSearchParams(query).has('verbose'));
  else if (isRead && path === '/metrics') {
    const { contentType, text } = await parts.metrics.scrape();
    send(response, 200, text, contentType);
  } else if (!isAdmitted({ remoteAddress: request.socket.remoteAddress, headers: request.headers }, token))
    send(response, 403, 'this is answered with the token of the data folder, or on this machine\n');
  else if (isRead && path === '/slots') send(response, 200, `${JSON.stringify(readSlots(parts))}\n`, 'application/json');
  else if (isRead && path === '/members') send(response, 200, `${JSON.stringify(readMembers(parts))}\n`, 'application/json');
  else if (isRead && path === '/datum') await answerDatum(response, parts, new URLSearchParams(query));
  else if (isRead && path === '/explain') {
    const { status, body } = await explain(parts.session, new URLSearchParams(query));
    send(response, status, body, status === 200 ? 'application/json' : 'text/plain; charset=utf-8');
  } else {
    const answered = await operator.answer(request, path, query);
    if (answered !== undefined) send(response, answered.status, answered.body, 'application/json');
    else if (isRead) send(response, 404, 'not found\n');
    else send(response, 405, 'this path does not know that method\n');
  }
}

async function answerDatum(response: ServerResponse, parts: NodeParts, query: URLSearchParams): Promise<void> {
  try {
    send(response, 200, `${JSON.stringify(await readDatum(parts, query))}\n`, 'application/json');
  } catch (caught) {
    const error = RegistryError.from(caught);
    const status = error.code === RegistryErrorCode.InvalidArgument ? 400 : 503;
    send(response, status, `${JSON.stringify({ error: error.code, message: error.message })}\n`, 'application/json');
  }
}

function answerReady(response: ServerResponse, parts: NodeParts, isVerbose: boolean): void {
  const checks = readChecks(parts);
  const isReady = checks.every((check) => check.isFine || !check.isEssential);
  const lines = checks.map((check) => `[${check.isFine ? '+' : check.isEssential ? '-' : '!'}] ${check.name}: ${check.text}`);
  send(
    response,
    isReady ? 200 : 503,
    isVerbose ? `${lines.join('\n')}\n${isReady ? 'ready' : 'not ready'}\n` : isReady ? 'ready\n' : 'not ready\n',
  );
}

function send(response: ServerResponse, status: number, body: string, type = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body), 'Cache-Control': 'no-store' });
  response.end(body);
}
