import Router from '@koa/router';
import Koa, { type Context } from 'koa';

/** Differences from the median up to which Sessions count as equally loaded. */
const EQUAL_CONNECTIONS = 10;
const EQUAL_SHARE = 0.2;

export interface SessionListParts {
  /** Bolt port that clients are sent to. */
  port(): number;
  /** Connections of this gateway now: the "weight" by which clients prefer the emptier of two servers. */
  connectionCount(): number;
  readonly advertisedHost: string;
  /** Bolt addresses of the other Sessions of the cluster, sorted. */
  otherSessions(): readonly string[];
  /** Connections of the others by address, as far as they are known. */
  otherLoads(): Promise<ReadonlyMap<string, number>>;
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
  router.get('/queryWithWeight', async (context) => {
    const others = await parts.otherLoads();
    const all = addresses(context);
    const weights = weightsOf(all.map((address, index) => (index === 0 ? parts.connectionCount() : others.get(address))));
    plain(context, all.map((address, index) => `${address}?weight=${weights[index]}`).join(';'));
  });
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

/**
 * What clients read as load, of the connections of each Session. Those within a fifth of the median, or ten of it, count as equal: clients
 * take the smaller of two, by a number that is seconds old, so that small differences would send all clients of a Session that ended to
 * one of the others. A Session whose connections are not known counts as the median.
 */
export function weightsOf(connections: readonly (number | undefined)[]): readonly number[] {
  const known = connections.filter((count) => count !== undefined).sort((a, b) => a - b);
  const median = known[Math.floor((known.length - 1) / 2)] ?? 0;
  const slack = Math.max(EQUAL_CONNECTIONS, median * EQUAL_SHARE);
  return connections.map((count) => (count === undefined || Math.abs(count - median) <= slack ? median : count));
}

/** The address by which the client reached this gateway is the one it can reach again. A list entry cannot hold IPv6. */
function localHost(context: Context): string {
  const address = (context.req.socket.localAddress ?? '127.0.0.1').replace(/^::ffff:/, '');
  return address === '::1' ? '127.0.0.1' : address;
}
