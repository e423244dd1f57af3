import { createEurekaAdapter } from '../../adapters/eureka/index.ts';
import { createSofaAdapter } from '../../adapters/sofa-bolt/index.ts';
import { mergeFormats, type RunningRole } from '../../core/index.ts';
import { eurekaConfig, freePort } from './eureka-gateway.ts';
import { type Standalone, type StandaloneOptions, startStandalone } from './standalone.ts';

export interface CrossGateway {
  readonly eurekaPort: number;
  readonly boltPort: number;
  readonly standalone: Standalone;
  stop(): Promise<void>;
}

/** All adapters over the real roles, in this process. */
export async function startCrossGateway(options: StandaloneOptions = {}): Promise<CrossGateway> {
  const [eurekaPort, boltPort, sofaHttpPort] = [await freePort(), await freePort(), await freePort()];
  const common = { enabled: true, host: '127.0.0.1' };
  const eureka = eurekaConfig(eurekaPort);
  const sofa = { ...common, port: boltPort, httpPort: sofaHttpPort, advertisedHost: '', idleTimeoutMs: 45_000 };
  const adapters = [createEurekaAdapter(eureka, 'test'), createSofaAdapter(sofa)];
  const standalone = await startStandalone({ formats: mergeFormats(adapters), ...options });
  const running: RunningRole[] = [];
  for (const adapter of adapters) running.push(await adapter.start(standalone.session.gateway, standalone.host));
  return {
    eurekaPort,
    boltPort,
    standalone,
    stop: async () => {
      for (const each of running) await each.stop();
      await standalone.stop();
    },
  };
}
