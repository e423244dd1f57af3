import type { Host, ProtocolAdapter, RunningRole, SessionGateway } from '../../core/index.ts';
import { Blacklists } from './blacklists.ts';
import { BOLT_LIMITS } from './codec/limits.ts';
import type { SofaConfig } from './config.ts';
import { Configurations } from './configurators.ts';
import { InboundBudget } from './inbound-budget.ts';
import { sofaComposer, sofaFormatReader } from './translate.ts';

export { type SofaConfig, sofaConfigSchema } from './config.ts';

/** SOFARegistry's client protocol: the session list over HTTP, registrations and pushes over bolt. */
export function createSofaAdapter(config: SofaConfig): ProtocolAdapter {
  const common = { protocol: 'SOFA', host: config.host };
  return {
    name: 'sofa-bolt',
    formats: { readers: [sofaFormatReader], composers: [sofaComposer] },
    listeners: [
      {
        ...common,
        purpose: 'session list',
        port: config.httpPort,
        setting: 'sofa.httpPort',
        clientSetting: `sofa://localhost:${config.httpPort} (registryEndpoint, registryEndpointPort)`,
      },
      {
        ...common,
        purpose: 'bolt',
        port: config.port,
        setting: 'sofa.port',
        clientSetting: 'nothing: clients find it in the session list',
      },
    ],
    start: (gateway, host) => startSofa(config, gateway, host),
  };
}

async function startSofa(config: SofaConfig, gateway: SessionGateway, host: Host): Promise<RunningRole> {
  const configurations = new Configurations(gateway, host);
  const blacklists = new Blacklists(gateway);
  await Promise.all([configurations.ready, blacklists.ready]);
  // Loaded with the adapter, not with the process: a gateway without SOFA does not pay for it.
  const { startSofaServer } = await import('./server.ts');
  const server = await startSofaServer(config, {
    gateway,
    configurations,
    blacklists,
    host,
    idleTimeoutMs: config.idleTimeoutMs,
    inbound: new InboundBudget(BOLT_LIMITS.partialBytes),
    loadProtobuf: async () => (await import('./protobuf.ts')).protobuf,
  });
  return {
    drain: () => server.drain(),
    stop: async () => {
      await server.stop();
      configurations.close();
      blacklists.close();
    },
  };
}
