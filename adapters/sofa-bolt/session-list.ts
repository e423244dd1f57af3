import Router from '@koa/router';
import Koa, { type Context } from 'koa';

export interface SessionListParts {
  /** Bolt port that clients are sent to. */
  port(): number;
  /** Connections of this gateway now: the "weight" by which clients prefer the emptier of two servers. */
  connectionCount(): number;
  readonly advertisedHost: string;
  /** Bolt addresses of the other Sessions of the cluster, sorted. */
  otherSessions(): readonly string[];
}

/**
 * The list of session servers that SOFA clients ask for first (SOFA bolt protocol, discovery). Plain text without compression, a weight
 * that is load, and never an empty list: whatever zone is asked for, this gateway serves it. The other Sessions of a cluster follow.
 */
export function createSessionListApp(parts: SessionListParts): Koa {
  const addresses = (context: Context) => {
    const own = `${parts.advertisedHost === '' ? localHost(context) : parts.advertisedHost}:${parts.port()}`;
    return [own, ...parts.otherSessions().filter((address) => address !== own)];
  };
  const plain = (context: Context, body: string) => {
    // Set by name: koa would add a charset, which the recorded server does not send.
    context.set('Content-Type', 'text/plain');
    context.body = body;
  };
  const router = new Router({ prefix: '/api/servers' });
  router.get('/query', (context) => plain(context, addresses(context).join(';')));
  // How many connections the others have is not known here; the same number for all makes the choice even.
  router.get('/queryWithWeight', (context) =>
    plain(
      context,
      addresses(context)
        .map((address) => `${address}?weight=${parts.connectionCount()}`)
        .join(';'),
    ),
  );
  router.get('/query.json', (context) => {
    context.body = addresses(context);
  });
  router.get('/dataCenter', (context) => {
    context.body = addresses(context);
  });
  router.get('/alive', (context) => plain(context, 'OK'));
  router.get('/connectionNum', (context) => plain(context, String(parts.connectionCount())));
  const app = new Koa();
  app.use(router.routes());
  app.use(router.allowedMethods());
  return app;
}

/** The address by which the client reached this gateway is the one it can reach again. A list entry cannot hold IPv6. */
function localHost(context: Context): string {
  const address = (context.req.socket.localAddress ?? '127.0.0.1').replace(/^::ffff:/, '');
  return address === '::1' ? '127.0.0.1' : address;
}
