import { fileURLToPath } from 'node:url';
import { ClientDriver } from './client-driver.ts';
import { buildMavenDriver, type MavenDriverOptions } from './maven-driver.ts';

const SHARED = fileURLToPath(new URL('../conformance/eureka-java/driver', import.meta.url));

/** Starts a virtual machine full of Java clients of one module, which is built when it has changed. */
export function eurekaJavaDriver(module: string, options: MavenDriverOptions): () => Promise<ClientDriver> {
  let built: Promise<readonly string[]> | undefined;
  return async () => {
    built ??= buildMavenDriver(module, { ...options, sharedSources: SHARED });
    const [java = 'java', ...args] = await built;
    return new ClientDriver(java, args);
  };
}
