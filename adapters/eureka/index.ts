import type { Host, ProtocolAdapter, RunningRole, SessionGateway } from '../../core/index.ts';
import { Authentication } from './authentication.ts';
import type { EurekaConfig } from './config.ts';
import { createDeflate } from './deflate.ts';
import { EurekaHandler } from './handler.ts';
import { PeerAddresses } from './peers.ts';
import { EurekaRegistry } from './registry.ts';
import { eurekaComposer, eurekaFormatReader } from './translate.ts';

export { type EurekaConfig, eurekaConfigProblems, eurekaConfigSchema } from './config.ts';

/** Eureka's REST protocol as Netflix and Spring Cloud clients speak it. `version` is shown on the status page. */
export function createEurekaAdapter(config: EurekaConfig, version: string): ProtocolAdapter {
  return {
    name: 'eureka',
    formats: { readers: [eurekaFormatReader], composers: [eurekaComposer] },
    listeners: [
      {
        protocol: 'Eureka',
        purpose: 'Eureka REST, status page',
        host: config.host,
        port: config.port,
        setting: 'eureka.port',
        clientSetting: `eureka.client.serviceUrl.defaultZone=http://localhost:${config.port}${config.contextPath}/eureka/`,
      },
    ],
    start: (gateway, host) => startEureka(config, version, gateway, host),
  };
}

async function startEureka(config: EurekaConfig, version: string, gateway: SessionGateway, host: Host): Promise<RunningRole> {
  const registry = new EurekaRegistry(gateway, host, config);
  // Loaded with the adapter, not with the process: a gateway without Eureka does not pay for it.
  const { startEurekaServer } = await import('./server.ts');
  const peers = new PeerAddresses(config.peerAddresses);
  const handler = new EurekaHandler({ registry, host, deflate: createDeflate(host.clock), peers, version });
  const { credentialsFile: file, credentialsMode: mode } = config;
  const authentication = file === '' ? undefined : new Authentication({ file, mode }, host);
  const server = await startEurekaServer(config, handler, host, authentication);
  return {
    drain: () => server.drain(),
    stop: async () => {
      await server.stop();
      authentication?.close();
      registry.close();
    },
  };
}
