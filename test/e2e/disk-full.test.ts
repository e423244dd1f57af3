import { execFileSync } from 'node:child_process';
import { afterEach, describe, expect, it } from 'vitest';
import { EurekaOperator } from '../support/eureka-operator.ts';
import { eventually } from '../support/eventually.ts';
import { GatewayProcess } from '../support/gateway-process.ts';
import { http } from '../support/http.ts';

/** From now on no file may grow: every write fails, as on a full disk. Undone by `unlimited`. */
function limitFileSize(pid: number, bytes: string): void {
  execFileSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:unlimited`]);
}

describe('a full disk', () => {
  let gateway: GatewayProcess | undefined;
  afterEach(async () => {
    await gateway?.stop();
  });

  it('refuses durable writes by name, goes on with everything else, and heals by itself', async () => {
    gateway = await GatewayProcess.start();
    const operator = new EurekaOperator(gateway.eurekaPort);
    const readiness = async () => (await http(gateway?.adminPort ?? 0, { path: '/readyz?verbose' })).text;
    expect(await operator.register('FULL', 'before')).toBe(204);
    expect(await operator.setStatus('FULL', 'before', 'OUT_OF_SERVICE')).toBe(200);

    limitFileSize(gateway.pid, '1');
    expect(await operator.register('FULL', 'during')).toBe(204);
    expect(await operator.heartbeat('FULL', 'before')).toBe(200);
    expect((await operator.instances('FULL')).map((instance) => instance.instanceId).sort()).toEqual(['before', 'during']);
    const refused = await http(gateway.eurekaPort, { method: 'PUT', path: '/eureka/apps/FULL/during/status?value=DOWN' });
    expect(refused.status).toBe(503);
    expect(refused.text).toContain('store-unavailable');
    await eventually(async () => expect(await readiness()).toMatch(/store.*refus/));

    limitFileSize(gateway.pid, 'unlimited');
    await eventually(async () => expect(await operator.setStatus('FULL', 'during', 'DOWN')).toBe(200));
    await eventually(async () => expect(await readiness()).not.toMatch(/store.*refus/));

    // What was acknowledged before and after is durable; what was refused has left nothing behind.
    await gateway.kill();
    await gateway.start();
    await operator.register('FULL', 'before');
    await operator.register('FULL', 'during');
    const statuses = (await operator.instances('FULL')).map((instance) => `${instance.instanceId} ${instance.status}`).sort();
    expect(statuses).toEqual(['before OUT_OF_SERVICE', 'during DOWN']);
  });
});
