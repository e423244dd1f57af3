import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../test/support/eureka-gateway.ts';
import { eventually } from '../../test/support/eventually.ts';
import { MAIN } from '../../test/support/gateway-process.ts';
import { http } from '../../test/support/http.ts';
import { MeasuredProcess } from './measured-process.ts';

/** The built gateway as a measured process, on free ports and with a data folder of its own. */
export interface MeasuredGateway {
  readonly process: MeasuredProcess;
  readonly eurekaPort: number;
  readonly sofaPort: number;
  readonly adminPort: number;
  stop(): Promise<void>;
}

/** `args` are flags of the gateway, `nodeArgs` Node's own. */
export async function startMeasuredGateway(args: readonly string[] = [], nodeArgs: readonly string[] = []): Promise<MeasuredGateway> {
  const dataDir = mkdtempSync(join(tmpdir(), 'isthmus-bench-'));
  const [eurekaPort, sofaPort, sofaHttpPort, adminPort] = [await freePort(), await freePort(), await freePort(), await freePort()];
  const ports = { 'eureka.port': eurekaPort, 'sofa.port': sofaPort, 'sofa.http-port': sofaHttpPort, 'admin.port': adminPort };
  const flags = Object.entries(ports).flatMap(([name, port]) => [`--${name}`, String(port)]);
  const gateway = new MeasuredProcess([MAIN, '--data-dir', dataDir, ...flags, ...args], nodeArgs);
  await eventually(async () => {
    if (gateway.hasEnded) throw new Error(`the gateway ended: ${gateway.output}`);
    if ((await http(adminPort, { path: '/readyz' })).status !== 200) throw new Error('not ready');
    if (!gateway.output.includes('ready in')) throw new Error('not announced');
  });
  return {
    process: gateway,
    eurekaPort,
    sofaPort,
    adminPort,
    stop: async () => {
      await gateway.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
