import { fileURLToPath } from 'node:url';
import type { ClientDriver } from './client-driver.ts';
import { eurekaJavaDriver } from './eureka-java.ts';

const MODULE = fileURLToPath(new URL('../conformance/eureka-spring/application/', import.meta.url));
const JVM = ['-Xmx320m', '-Dorg.springframework.boot.logging.LoggingSystem=none'];

/** Starts a virtual machine full of Spring Cloud applications. */
export function springDriver(boot: string, cloud: string): () => Promise<ClientDriver> {
  return eurekaJavaDriver(MODULE, { properties: { 'boot.version': boot, 'cloud.version': cloud }, jvmArguments: JVM });
}
