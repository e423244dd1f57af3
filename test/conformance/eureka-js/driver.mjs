// Drives real eureka-js-client instances by JSON lines on stdin; answers and reports on stdout.
import { createInterface } from 'node:readline';
import { Eureka } from 'eureka-js-client';

const clients = new Map();
const quiet = { warn() {}, info() {}, debug() {}, error() {}, level() {} };

const operations = {
  async start({ client, url, app, instanceId, port, leaseSeconds, fetchMs, heartbeatMs, delta, metadata }) {
    const { hostname, port: serverPort, pathname } = new URL(url);
    const eureka = new Eureka({
      logger: quiet,
      shouldUseDelta: delta,
      instance: {
        app,
        instanceId,
        hostName: '127.0.0.1',
        ipAddr: '127.0.0.1',
        port: { $: port, '@enabled': 'true' },
        vipAddress: app.toLowerCase(),
        dataCenterInfo: { '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo', name: 'MyOwn' },
        leaseInfo: { renewalIntervalInSecs: 1, durationInSecs: leaseSeconds },
        metadata,
      },
      eureka: {
        host: hostname,
        port: Number(serverPort),
        servicePath: `${pathname}/apps/`,
        heartbeatInterval: heartbeatMs,
        registryFetchInterval: fetchMs,
        maxRetries: 1,
        filterUpInstances: false,
      },
    });
    const state = { eureka, watched: undefined, least: undefined, refreshes: 0 };
    clients.set(client, state);
    eureka.on('registryUpdated', () => {
      state.refreshes += 1;
      if (state.watched === undefined) return;
      const count = instancesOf(eureka, state.watched).length;
      state.least = state.least === undefined ? count : Math.min(state.least, count);
    });
    await new Promise((resolve, reject) => eureka.start((error) => (error ? reject(error) : resolve())));
  },
  async instances({ client, app }) {
    return instancesOf(clients.get(client).eureka, app).map(({ instanceId, status, metadata }) => ({
      instanceId,
      status,
      metadata: metadata ?? {},
    }));
  },
  async metadata({ client, metadata }) {
    const { eureka } = clients.get(client);
    eureka.config.instance.metadata = metadata;
    await new Promise((resolve, reject) => eureka.register((error) => (error ? reject(error) : resolve())));
  },
  async watch({ client, app }) {
    Object.assign(clients.get(client), { watched: app, least: undefined });
  },
  async least({ client }) {
    return clients.get(client).least ?? null;
  },
  async refreshes({ client }) {
    return clients.get(client).refreshes;
  },
  async mismatches() {
    return 0;
  },
  async stop({ client }) {
    await new Promise((resolve) => clients.get(client).eureka.stop(() => resolve()));
    clients.delete(client);
  },
};

function instancesOf(eureka, app) {
  return eureka.getInstancesByAppId(app) ?? [];
}

for await (const line of createInterface({ input: process.stdin })) {
  const { id, op, ...rest } = JSON.parse(line);
  operations[op](rest).then(
    (value) => process.stdout.write(`${JSON.stringify({ id, value: value ?? null })}\n`),
    (error) => process.stdout.write(`${JSON.stringify({ id, error: String(error?.message ?? error) })}\n`),
  );
}
process.exit(0);
