import { fileURLToPath } from 'node:url';
import { buildMavenDriver } from './maven-driver.ts';
import { SofaDriver } from './sofa-driver.ts';

const MODULE = fileURLToPath(new URL('../conformance/sofa-java/registry-client/', import.meta.url));
/** All that Maven Central serves of `registry-client-all`, the newest of each line. */
export const REGISTRY_CLIENT_VERSIONS = ['5.2.0', '5.4.3', '6.3.0', '6.5.6'] as const;

/** A process with real SOFARegistry clients of one version. */
export async function startRegistryClients(version: string): Promise<SofaDriver> {
  const [java = 'java', ...args] = await buildMavenDriver(MODULE, { properties: { 'client.version': version } });
  return new SofaDriver(java, args);
}
