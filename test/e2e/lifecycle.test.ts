import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ClassicLevel } from 'classic-level';
import { afterEach, describe, expect, it } from 'vitest';
import { EurekaOperator } from '../support/eureka-operator.ts';
import { eventually } from '../support/eventually.ts';
import { GatewayProcess, MAIN } from '../support/gateway-process.ts';
import { http } from '../support/http.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function started(options: Parameters<typeof GatewayProcess.start>[0] = {}): Promise<GatewayProcess> {
  const gateway = await GatewayProcess.start(options);
  cleanups.push(() => gateway.stop());
  return gateway;
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'isthmus-'));
  cleanups.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function main(...args: readonly string[]) {
  return spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8', env: { PATH: process.env['PATH'] } });
}

/** With a connection of its own: one that is kept alive would still be served. */
function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

describe('starting', () => {
  it('says what it listens on, and answers health at once', async () => {
    const gateway = await started();
    const lines = gateway.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).toContainEqual(expect.objectContaining({ protocol: 'Eureka', port: gateway.eurekaPort }));
    expect(lines.at(-1)?.['message']).toMatch(/^ready in \d+ ms$/);
    for (const path of ['/livez', '/readyz', '/startupz']) expect((await http(gateway.adminPort, { path })).status).toBe(200);
    const readiness = (await http(gateway.adminPort, { path: '/readyz?verbose' })).text;
    expect(readiness).toContain('256 of 256 serve');
    expect(readiness).toContain('[+] replicas: 1 of each slot, 2 as soon as there are more Data nodes than 1');
    expect((await http(gateway.adminPort, { path: '/metrics' })).text).toContain('isthmus_lease_publishers 0');
  });

  it('shows the page that Eureka users know, with everything escaped', async () => {
    const gateway = await started();
    const operator = new EurekaOperator(gateway.eurekaPort);
    await operator.register('PAGE', '<script>x</script>', { statusPageUrl: 'javascript:alert(1)' });
    const { text } = await http(gateway.eurekaPort, { path: '/' });
    expect(text).toContain('Instances currently registered with Eureka');
    expect(text).toContain('&#60;script&#62;');
    expect(text).not.toContain('<script>');
    expect(text).not.toContain('javascript:');
    expect((await http(gateway.eurekaPort, { path: '/lastn' })).text).toContain('PAGE(&#60;script');
  });

  it.each([
    ['eureka', '--eureka.port'],
    ['sofa', '--sofa.port'],
    ['sofa', '--sofa.http-port'],
    ['admin', '--admin.port'],
  ])('refuses a port of %s that is taken (%s), with nothing left open', async (name, flag) => {
    const gateway = await GatewayProcess.prepare();
    const ports = {
      '--eureka.port': gateway.eurekaPort,
      '--sofa.port': gateway.sofaPort,
      '--sofa.http-port': gateway.sofaHttpPort,
      '--admin.port': gateway.adminPort,
    };
    const port = ports[flag as keyof typeof ports];
    cleanups.push(() => gateway.stop());
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(port, '127.0.0.1', resolve));
    cleanups.push(() => new Promise<void>((resolve) => taken.close(() => resolve())));
    gateway.launch();
    expect(await gateway.exited()).toBe(1);
    expect(gateway.stderr).toBe(`port ${port} (${name}) is in use by another program; use ${flag} or --port-offset\n`);
    for (const other of Object.values(ports).filter((candidate) => candidate !== port))
      await expect(http(other, { path: '/' })).rejects.toThrow('ECONNREFUSED');
  });

  it('reports all configuration errors at once and ends with 2', () => {
    const file = join(folder(), 'isthmus.json');
    writeFileSync(file, JSON.stringify({ eureka: { port: 99_999, colour: 'red' }, slots: 300 }));
    const { status, stderr } = main('--config', file, '--admin.port', 'many', '--nonsense', '1');
    expect(status).toBe(2);
    expect(stderr).toContain('eureka.port: 99999 is not allowed; allowed: 0 to 65535');
    expect(stderr).toContain('eureka.colour: there is no such setting');
    expect(stderr).toContain('slots: 300 is not allowed; allowed: one of 256, 1024, 4096');
    expect(stderr).toContain('--admin.port: "many" is not a number; allowed: 0 to 65535');
    expect(stderr).toContain('--nonsense: there is no such option');
  });

  it('refuses a data folder that another gateway has', async () => {
    const gateway = await started();
    const second = await GatewayProcess.prepare({ dataDir: gateway.dataDir });
    second.launch();
    expect(await second.exited()).toBe(1);
    expect(second.stderr).toContain(`the data folder ${join(gateway.dataDir, 'meta')} is in use by another Isthmus`);
  });

  it('refuses a data folder of a newer format', async () => {
    const dataDir = folder();
    const level = new ClassicLevel<string, Uint8Array>(join(dataDir, 'meta'), { valueEncoding: 'view' });
    await level.put('!format', new Uint8Array([9]));
    await level.close();
    const gateway = await GatewayProcess.prepare({ dataDir });
    gateway.launch();
    expect(await gateway.exited()).toBe(1);
    expect(gateway.stderr).toContain(`the data folder ${join(dataDir, 'meta')} has format 9`);
  });

  it.each([
    ['below a file', join(fileURLToPath(import.meta.url), 'data')],
    ['where the system makes none', '/proc/isthmus/data'],
  ])('refuses a data folder that cannot be made: %s', async (_where, dataDir) => {
    const gateway = await GatewayProcess.prepare({ dataDir });
    gateway.launch();
    cleanups.push(() => gateway.kill());
    expect(await gateway.exited()).toBe(1);
    expect(gateway.stderr).toContain(`the data folder ${dataDir} cannot be written`);
  });

  it('refuses another slot count than the folder was created with', async () => {
    const dataDir = folder();
    const first = await GatewayProcess.start({ dataDir });
    await first.stop();
    const second = await GatewayProcess.prepare({ dataDir, args: ['--slots', '1024'] });
    second.launch();
    expect(await second.exited()).toBe(1);
    expect(second.stderr).toContain('was created with 256 slots and keeps them; 1024 were asked for');
  });

  it('explains itself: help, version, ports, configuration', () => {
    expect(main('--version').stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(main('--help').stdout).toMatchSnapshot();
    expect(main('--print-ports', '--port-offset', '100').stdout).toContain('8861');
    expect(main('--check-config').stdout).toBe('the configuration is right\n');
  });
});

describe('npm start in an incomplete checkout', () => {
  /** What `npm start` runs, in a copy that holds only some of the checkout. */
  function start(setUp: (copy: string) => void) {
    const copy = folder();
    mkdirSync(join(copy, 'tools'));
    cpSync(join(ROOT, 'tools/ensure-built.mjs'), join(copy, 'tools/ensure-built.mjs'));
    setUp(copy);
    const { status, stderr } = spawnSync(process.execPath, [join(copy, 'tools/ensure-built.mjs')], { encoding: 'utf8' });
    return { status, stderr };
  }
  function install(copy: string, name: string): void {
    mkdirSync(join(copy, 'node_modules'), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules', name), join(copy, 'node_modules', name));
  }

  it('says in one sentence that nothing is installed', () => {
    expect(start(() => undefined)).toEqual({ status: 1, stderr: 'The dependencies of Isthmus are not installed; run "npm ci" first.\n' });
  });

  it('says in one sentence that it can neither run nor build', () => {
    const { status, stderr } = start((copy) => install(copy, 'ajv'));
    expect(status).toBe(1);
    expect(stderr).toBe('Isthmus is not built and the compiler is not installed; run "npm ci" (with development dependencies) first.\n');
  });

  it('runs what was built, without development dependencies', () => {
    const { status, stderr } = start((copy) => {
      install(copy, 'ajv');
      mkdirSync(join(copy, 'dist/deploy'), { recursive: true });
      writeFileSync(join(copy, 'dist/deploy/main.js'), '');
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });
});

describe('stopping', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('%s ends with 0 and keeps what was registered', async (signal) => {
    const dataDir = folder();
    const gateway = await GatewayProcess.start({ dataDir });
    const operator = new EurekaOperator(gateway.eurekaPort);
    await operator.register('KEPT', 'k1');
    gateway.signal(signal);
    expect(await gateway.exited()).toBe(0);
    await gateway.start();
    cleanups.push(() => gateway.stop());
    expect((await operator.all()).map((instance) => instance.instanceId)).toEqual(['k1']);
  });

  it('npm start hands the signal through', async () => {
    const gateway = await GatewayProcess.prepare();
    cleanups.push(() => rmSync(gateway.dataDir, { recursive: true, force: true }));
    const child = spawn('npm', ['start', '--silent', '--', ...gateway.args], { cwd: ROOT, stdio: 'ignore' });
    const exited = new Promise<number | null>((resolve) => child.on('close', resolve));
    await eventually(async () => expect((await http(gateway.adminPort, { path: '/readyz' })).status).toBe(200));
    child.kill('SIGTERM');
    expect(await exited).toBe(0);
    await expect(http(gateway.adminPort, { path: '/livez' })).rejects.toThrow('ECONNREFUSED');
  });
});

describe('stopping while something runs', () => {
  it('ends at once with a second signal', async () => {
    const gateway = await started();
    gateway.signal('SIGTERM');
    gateway.signal('SIGINT');
    expect(await gateway.exited()).toBe(1);
  });

  it('finishes the answers that run', async () => {
    const gateway = await started();
    const operator = new EurekaOperator(gateway.eurekaPort);
    const metadata = { filling: 'x'.repeat(100_000) };
    await Promise.all(Array.from({ length: 100 }, (_, i) => operator.register('LONG', `l${i}`, { metadata })));
    // On a busy machine some are acknowledged before they are shown.
    await eventually(async () => expect(await operator.all()).toHaveLength(100));
    // The answer is longer than all buffers on its way: it still runs when the signal comes.
    const answer = get({ port: gateway.eurekaPort, host: '127.0.0.1', path: '/eureka/apps', headers: { accept: 'application/json' } });
    const response = await new Promise<IncomingMessage>((resolve) => answer.once('response', resolve));
    gateway.signal('SIGTERM');
    await eventually(async () => expect(await isListening(gateway.eurekaPort)).toBe(false));
    let body = '';
    for await (const chunk of response as AsyncIterable<Buffer>) body += chunk.toString();
    expect(
      (JSON.parse(body) as { applications: { application: { instance: unknown[] }[] } }).applications.application[0]?.instance,
    ).toHaveLength(100);
    expect(await gateway.exited()).toBe(0);
  });
});

describe('failing', () => {
  it('survives kill -9 with 1,000 instances: every list after the restart is whole', async () => {
    const gateway = await started();
    const operator = new EurekaOperator(gateway.eurekaPort);
    const ids = Array.from({ length: 1_000 }, (_, i) => `i${i}`);
    await Promise.all(ids.map((id, i) => operator.register(`APP${i % 50}`, id)));
    await gateway.kill();
    const lengths: number[] = [];
    let hasFailed = false;
    const starting = gateway.start();
    starting.catch(() => {
      hasFailed = true;
    });
    // Readers come from the first moment on: what they are shown is the whole truth or a refusal, never a part.
    let isUp = false;
    while (!isUp && !hasFailed) {
      try {
        lengths.push((await operator.all()).length);
        isUp = lengths.length >= 20;
      } catch {
        // A pause, so that the one who is waited for has the processor.
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    }
    await starting;
    expect(new Set(lengths)).toEqual(new Set([1_000]));
    expect(await operator.heartbeat('APP0', 'i0')).toBe(200);
  });

  it('keeps an override over a restart and a re-registration', async () => {
    const gateway = await started();
    const operator = new EurekaOperator(gateway.eurekaPort);
    await operator.register('OVER', 'o1');
    expect(await operator.setStatus('OVER', 'o1', 'OUT_OF_SERVICE')).toBe(200);
    await gateway.kill();
    await gateway.start();
    await operator.register('OVER', 'o1');
    expect(await operator.instances('OVER')).toEqual([
      expect.objectContaining({ status: 'OUT_OF_SERVICE', overriddenStatus: 'OUT_OF_SERVICE' }),
    ]);
  });

  it('ends with 70 and one line when something is wrong inside', async () => {
    const planted = 'data:text/javascript,process.on("SIGUSR2", () => { throw new Error("planted") })';
    const gateway = await GatewayProcess.start({ nodeArgs: ['--import', planted] });
    gateway.signal('SIGUSR2');
    expect(await gateway.exited()).toBe(70);
    expect(gateway.stdout).toMatch(/internal error.*planted/);
  });

  it('guards its admin port against a web page', async () => {
    const gateway = await started();
    const at = (headers: Record<string, string>) => http(gateway.adminPort, { path: '/slots', headers });
    expect((await at({})).status).toBe(200);
    expect((await at({ origin: 'https://evil.example' })).status).toBe(403);
    expect((await at({ host: 'evil.example' })).status).toBe(403);
    expect((await at({ 'x-forwarded-for': '10.0.0.1' })).status).toBe(403);
    const token = readFileSync(join(gateway.dataDir, 'admin-token'), 'utf8').trim();
    expect((await at({ 'x-forwarded-for': '10.0.0.1', authorization: `Bearer ${token}` })).status).toBe(200);
    expect((await at({ authorization: 'Bearer wrong' })).status).toBe(403);
  });
});
