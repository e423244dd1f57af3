import { createServer } from 'node:net';
import { createEurekaAdapter, type EurekaConfig } from '../../adapters/eureka/index.ts';
import { type Standalone, type StandaloneOptions, startStandalone } from './standalone.ts';

export interface EurekaGateway {
  readonly port: number;
  readonly standalone: Standalone;
  stop(): Promise<void>;
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('no port'))));
    });
  });
}

/** The settings of the adapter as a user gets them, on a port of loopback, which is also where its peers are. */
export function eurekaConfig(port: number, changes: Partial<EurekaConfig> = {}): EurekaConfig {
  return {
    enabled: true,
    host: '127.0.0.1',
    port,
    contextPath: '',
    leaseMultiplier: 1,
    deltaRetentionMs: 180_000,
    requestTimeoutMs: 30_000,
    peerAddresses: '127.0.0.1',
    credentialsFile: '',
    credentialsMode: 'enforce',
    ...changes,
  };
}

/** The real adapter over the real roles, in this process. */
export async function startEurekaGateway(
  options: StandaloneOptions & { readonly eureka?: Partial<EurekaConfig> } = {},
): Promise<EurekaGateway> {
  const port = await freePort();
  const config = eurekaConfig(port, options.eureka);
  const adapter = createEurekaAdapter(config, 'test');
  const standalone = await startStandalone({ formats: adapter.formats, ...options });
  const running = await adapter.start(standalone.session.gateway, standalone.host).catch(async (caught: unknown) => {
    await standalone.stop();
    throw caught;
  });
  return {
    port,
    standalone,
    stop: async () => {
      await running.stop();
      await standalone.stop();
    },
  };
}
