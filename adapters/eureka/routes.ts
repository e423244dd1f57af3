import Router from '@koa/router';
import Koa, { type Context } from 'koa';
import { type EurekaHandler, type EurekaRequest, type EurekaResponse, toErrorResponse } from './handler.ts';
import { EUREKA_LIMITS } from './limits.ts';
import { toEurekaRequest } from './request.ts';
import { BodyBudget, withRequestBody } from './request-body.ts';

/** Operations that only AWS or peers use: what a server without them answers. */
const NOT_AWS = { status: 400, type: 'text/plain', body: 'auto scaling groups are not served here' } as const;

/** The koa application behind the canonical paths (`paths.ts`); everything but the hottest requests ends here. */
export function createEurekaApp(handler: EurekaHandler): Koa {
  const bodies = new BodyBudget(EUREKA_LIMITS.bodiesBytes);
  const router = new Router({ sensitive: true });
  const read = (path: string, answer: (request: EurekaRequest, parameters: Record<string, string>) => Promise<EurekaResponse>) =>
    router.get(path, async (context) => respond(context, await answer(toEurekaRequest(context.req, context.querystring), context.params)));
  const write = (
    method: 'post' | 'put' | 'delete',
    path: string,
    answer: (request: EurekaRequest, parameters: Record<string, string>, context: Context) => EurekaResponse | Promise<EurekaResponse>,
  ) =>
    router[method](path, async (context) =>
      respond(context, await answer(toEurekaRequest(context.req, context.querystring), context.params, context)),
    );

  read('/apps', (request) => handler.applications(request));
  read('/apps/delta', (request) => handler.delta(request));
  read('/apps/:app', (request, { app = '' }) => handler.application(request, app));
  read('/apps/:app/:id', (request, { app = '', id = '' }) => handler.instance(request, app, id));
  read('/instances/:id', (request, { id = '' }) => handler.instance(request, undefined, id));
  read('/vips/:vip', (request, { vip = '' }) => handler.vip(request, vip, false));
  read('/svips/:vip', (request, { vip = '' }) => handler.vip(request, vip, true));
  write('post', '/apps/:app', (request, { app = '' }, context) =>
    withRequestBody(context.req, bodies, EUREKA_LIMITS.bodyBytes, (body) => handler.register(request, app, body)),
  );
  write('put', '/apps/:app/:id', (request, { app = '', id = '' }) => handler.heartbeat(request, app, id));
  write('delete', '/apps/:app/:id', (_request, { app = '', id = '' }) => handler.cancel(app, id));
  write('put', '/apps/:app/:id/status', (request, { app = '', id = '' }) => handler.setStatus(request, app, id));
  write('delete', '/apps/:app/:id/status', (request, { app = '', id = '' }) => handler.deleteStatus(request, app, id));
  write('put', '/apps/:app/:id/metadata', (request, { app = '', id = '' }) => handler.setMetadata(request, app, id));
  // Peers write the path with and without the slash at its end; paths come here without.
  write('post', '/peerreplication/batch', async (request, _parameters, context) => {
    handler.assertPeer(request);
    return withRequestBody(context.req, bodies, EUREKA_LIMITS.batchBodyBytes, (body) => handler.batch(request, body));
  });
  read('/status', (request) => handler.status(request));
  read('/serverinfo/statusoverrides', () => handler.statusOverrides());
  write('put', '/asg/:asg/status', () => NOT_AWS);

  const app = new Koa();
  app.use(async (context, next) => {
    try {
      await next();
    } catch (caught) {
      respond(context, toErrorResponse(caught));
    }
  });
  app.use(router.routes());
  app.use(router.allowedMethods());
  return app;
}

function respond(context: Context, response: EurekaResponse): void {
  context.status = response.status;
  if (response.body === undefined) {
    // koa would write the status text into an empty body; clients depend on none.
    context.body = null;
    context.status = response.status;
    context.remove('Content-Type');
    context.set('Content-Length', '0');
    return;
  }
  context.body = typeof response.body === 'string' || Buffer.isBuffer(response.body) ? response.body : Buffer.concat(response.body);
  context.set('Content-Type', response.type ?? 'text/plain');
  if (response.isGzip === true) context.set('Content-Encoding', 'gzip');
  if (response.status === 200) context.set('Vary', 'Accept, Accept-Encoding');
}
