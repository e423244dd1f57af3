import { fileURLToPath } from 'node:url';
import { eventually } from '../../test/support/eventually.ts';
import { type SpringEureka, startSpringEureka } from '../../test/support/spring-eureka.ts';
import { startMeasuredGateway } from '../support/gateway.ts';
import { MeasuredProcess } from '../support/measured-process.ts';

const BARE_SERVER = fileURLToPath(new URL('bare-server.ts', import.meta.url));

/** A server under load: where it listens and whose processor time counts. */
export interface LoadedServer {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  /** From the start of its process to its first answer. */
  readonly startedInMs: number;
  stop(): Promise<void>;
}

export async function startGateway(args: readonly string[] = []): Promise<LoadedServer & { readonly process: MeasuredProcess }> {
  const startedMs = performance.now();
  const gateway = await startMeasuredGateway(args);
  const startedInMs = performance.now() - startedMs;
  const { process, eurekaPort: port, stop } = gateway;
  return { name: 'gateway', port, pid: process.pid, startedInMs, process, stop };
}

/** The real server with stock settings of server and virtual machine, but for the read-only cache: off, it shows changes as soon as the gateway does. */
export async function startReal(): Promise<LoadedServer> {
  const server: SpringEureka = await startSpringEureka({ 'eureka.server.use-read-only-response-cache': 'false' });
  return { ...server, name: 'Spring Eureka server' };
}

/** `node:http` with fixed bytes: what no server on Node can do better. */
export async function startBare(documentBytes: number): Promise<LoadedServer> {
  let port = 0;
  const startedMs = performance.now();
  const bare = new MeasuredProcess([BARE_SERVER, String(documentBytes)], ['--import', 'tsx'], (message) => {
    port = (message as { readonly port: number }).port;
  });
  await eventually(() => {
    if (port === 0) throw new Error('the bare server has no port yet');
  });
  return { name: 'bare node:http', port, pid: bare.pid, startedInMs: performance.now() - startedMs, stop: () => bare.stop() };
}
