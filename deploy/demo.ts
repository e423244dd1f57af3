#!/usr/bin/env node
/**
 * Registers three sample services at a running gateway and keeps them alive, so that a newcomer sees something. Stops with SIGINT.
 * The only argument is the Eureka URL, by default that of a local gateway.
 */
const base = process.argv[2] ?? 'http://localhost:8761/eureka';
const SERVICES = [
  { name: 'orders', port: 18_081 },
  { name: 'payments', port: 18_082 },
  { name: 'stock', port: 18_083 },
] as const;
const HEARTBEAT_MS = 10_000;

for (const service of SERVICES) await register(service);
process.stdout.write(
  `registered ${SERVICES.map((service) => service.name).join(', ')} at ${base}\nlook at ${new URL('/', base).href} ; stop with Ctrl-C\n`,
);
const timer = setInterval(() => void renewAll(), HEARTBEAT_MS);
process.on('SIGINT', () => void leave());
process.on('SIGTERM', () => void leave());

function idOf(service: (typeof SERVICES)[number]): string {
  return `127.0.0.1:${service.name}:${service.port}`;
}

async function register(service: (typeof SERVICES)[number]): Promise<void> {
  const instance = {
    instanceId: idOf(service),
    hostName: '127.0.0.1',
    app: service.name.toUpperCase(),
    ipAddr: '127.0.0.1',
    status: 'UP',
    port: { $: service.port, '@enabled': 'true' },
    dataCenterInfo: { '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo', name: 'MyOwn' },
    leaseInfo: { renewalIntervalInSecs: HEARTBEAT_MS / 1000, durationInSecs: (3 * HEARTBEAT_MS) / 1000 },
    metadata: { demo: 'true' },
    vipAddress: service.name,
    secureVipAddress: service.name,
  };
  const path = `${base}/apps/${service.name.toUpperCase()}`;
  try {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(path, { method: 'POST', headers, body: JSON.stringify({ instance }) });
    if (response.status !== 204) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
  } catch (caught) {
    process.stderr.write(`${service.name} cannot be registered; is the gateway running? (${reasonOf(caught)})\n`);
    process.exit(1);
  }
}

async function renewAll(): Promise<void> {
  for (const service of SERVICES) {
    try {
      const response = await fetch(`${base}/apps/${service.name.toUpperCase()}/${encodeURIComponent(idOf(service))}`, { method: 'PUT' });
      if (response.status === 404) await register(service);
    } catch (caught) {
      process.stderr.write(`heartbeat of ${service.name} failed: ${reasonOf(caught)}\n`);
    }
  }
}

async function leave(): Promise<void> {
  clearInterval(timer);
  const gone = SERVICES.map((service) =>
    fetch(`${base}/apps/${service.name.toUpperCase()}/${encodeURIComponent(idOf(service))}`, { method: 'DELETE' }),
  );
  await Promise.allSettled(gone);
}

/** What went wrong with a connection stands in the cause of what `fetch` throws. */
function reasonOf(caught: unknown): string {
  if (!(caught instanceof Error)) return String(caught);
  return caught.cause instanceof Error ? caught.cause.message : caught.message;
}
