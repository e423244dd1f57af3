import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A server that claims a hash which no client can come to: it shows that the mismatches which scenarios count are counted at all. */
export interface LyingEureka {
  readonly url: string;
  stop(): Promise<void>;
}

const HEAD = { versions__delta: '1', apps__hashcode: 'UP_7_' };
const INSTANCE = {
  instanceId: 'b',
  hostName: 'b',
  app: 'B',
  ipAddr: '127.0.0.1',
  status: 'UP',
  dataCenterInfo: { '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo', name: 'MyOwn' },
};

export async function startLyingEureka(): Promise<LyingEureka> {
  const server = createServer((request, response) => {
    request.resume();
    if (request.method !== 'GET') {
      response.writeHead(204).end();
      return;
    }
    // With an application in the full document: a client that holds none asks for everything and compares nothing.
    const application = request.url?.includes('delta') ? [] : [{ name: 'B', instance: [INSTANCE] }];
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ applications: { ...HEAD, application } }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/eureka`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
