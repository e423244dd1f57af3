import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { freePort } from './eureka-gateway.ts';
import { eventually } from './eventually.ts';
import { http } from './http.ts';
import { buildMavenDriver } from './maven-driver.ts';

const MODULE = fileURLToPath(new URL('../peers/spring-eureka', import.meta.url));
/** Flags that keep the virtual machines of conformance tests small; a server that is compared with must not be held back by them. */
const SMALL_ONLY = new Set(['-Xmx160m', '-Xss512k', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']);

export interface SpringEureka {
  readonly port: number;
  readonly pid: number;
  /** From the start of the process until it served. */
  readonly startedInMs: number;
  stop(): Promise<void>;
}

/** Builds it when it has changed, so that a start measures a start. */
export function buildSpringEureka(): Promise<readonly string[]> {
  return buildMavenDriver(MODULE);
}

/** A real Spring Cloud Eureka server, standalone; `settings` are Spring properties beside its defaults, `jvm` flags of the virtual machine. */
export async function startSpringEureka(
  settings: Readonly<Record<string, string>> = {},
  jvm: readonly string[] = [],
): Promise<SpringEureka> {
  const [java = 'java', ...flags] = await buildSpringEureka();
  const port = await freePort();
  const args = Object.entries({ 'server.port': String(port), ...settings }).map(([name, value]) => `--${name}=${value}`);
  const startedMs = performance.now();
  const child: ChildProcess = spawn(java, [...jvm, ...flags.filter((flag) => !SMALL_ONLY.has(flag)), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-8_000);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  const exited = new Promise<void>((resolve) => child.on('close', () => resolve()));
  await eventually(async () => {
    if (child.exitCode !== null) throw new Error(`the server ended: ${output}`);
    if ((await http(port, { path: '/eureka/apps' })).status !== 200) throw new Error('it does not serve yet');
  }, 120_000);
  return {
    port,
    pid: child.pid ?? -1,
    startedInMs: performance.now() - startedMs,
    stop: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
