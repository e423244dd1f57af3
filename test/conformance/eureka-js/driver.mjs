// Drives real eureka-js-client instances by JSON lines on stdin; answers and reports on stdout.
import { createInterface } from 'node:readline';
import { Eureka } from 'eureka-js-client';

const clients = new Map();
const quiet = { warn() {}, info() {}, debug() {}, error() {}, level() {} };

const operations = {
  async start({ client, ...options }) {
    const eureka = new Eureka({
      logger: quiet,
      shouldUseDelta: options.delta,
      instance: {
        app: options.app,
        instanceId: options.instanceId,
        hostName: options.hostName,
        ipAddr: options.ipAddr,
        port: { $: options.port, '@enabled': String(options.securePort === 0) },
        ...(options.securePort === 0 ? {} : { securePort: { $: options.securePort, '@enabled': 'true' } }),
        vipAddress: options.vip,
        dataCenterInfo: { '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo', name: 'MyOwn' },
        leaseInfo: { renewalIntervalInSecs: 1, durationInSecs: options.leaseSeconds },
        metadata: options.metadata,
      },
      eureka: {
        serviceUrls: { default: [`${options.url}/apps/`] },
        heartbeatInterval: options.heartbeatMs,
        registryFetchInterval: options.fetchMs,
        maxRetries: 1,
        filterUpInstances: false,
      },
    });
    const state = { eureka, watched: undefined, least: undefined, refreshes: 0 };
    clients.set(client, state);
    eureka.on('registryUpdated', () => {
      state.refreshes += 1;
      if (state.watched === undefined) return;
      const count = eureka.getInstancesByAppId(state.watched).length;
      state.least = state.least === undefined ? count : Math.min(state.least, count);
    });
    await new Promise((resolve, reject) => eureka.start((error) => (error ? reject(error) : resolve())));
  },
  async instances({ client, app }) {
    return clients.get(client).eureka.getInstancesByAppId(app).map(describe);
  },
  async vip({ client, vip }) {
    return clients.get(client).eureka.getInstancesByVipAddress(vip).map(describe);
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

function describe({ instanceId, status, hostName, ipAddr, port, securePort, metadata }) {
  const isSecure = securePort['@enabled'] === 'true';
  return { instanceId, status, hostName, ipAddr, isSecure, port: (isSecure ? securePort : port).$, metadata: metadata ?? {} };
}

for await (const line of createInterface({ input: process.stdin })) {
  const { id, op, ...rest } = JSON.parse(line);
  operations[op](rest).then(
    (value) => process.stdout.write(`${JSON.stringify({ id, value: value ?? null })}\n`),
    (error) => process.stdout.write(`${JSON.stringify({ id, error: String(error?.message ?? error) })}\n`),
  );
}
process.exit(0);
