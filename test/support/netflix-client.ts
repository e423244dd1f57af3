import { fileURLToPath } from 'node:url';
import type { ClientDriver } from './client-driver.ts';
import { eurekaJavaDriver } from './eureka-java.ts';

const MODULE = fileURLToPath(new URL('../conformance/eureka-java/netflix/', import.meta.url));
const LOG = ['-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', '-Dorg.slf4j.simpleLogger.log.com.netflix.discovery.DiscoveryClient=debug'];

/** The last version of each line of Netflix' client, with the transport that it brings. */
export const NETFLIX_CLIENTS = [
  { version: '1.10.18', transport: 'jersey1' },
  { version: '2.0.6', transport: 'jersey3' },
] as const;

export type NetflixClient = (typeof NETFLIX_CLIENTS)[number];

/** Starts a virtual machine full of Netflix' clients of one version. */
export function netflixDriver({ version, transport }: NetflixClient): () => Promise<ClientDriver> {
  return eurekaJavaDriver(MODULE, { properties: { 'client.version': version, transport }, jvmArguments: LOG });
}
