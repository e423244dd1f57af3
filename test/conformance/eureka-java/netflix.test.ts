import { fileURLToPath } from 'node:url';
import { eurekaJavaDriver } from '../../support/eureka-java.ts';
import { eurekaScenarios } from '../../support/eureka-scenarios.ts';

const MODULE = fileURLToPath(new URL('netflix/', import.meta.url));
const LOG = ['-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', '-Dorg.slf4j.simpleLogger.log.com.netflix.discovery.DiscoveryClient=debug'];
/** The last version of each line, with the transport that it brings. */
const VERSIONS = [
  ['1.10.18', 'jersey1'],
  ['2.0.6', 'jersey3'],
] as const;

for (const [version, transport] of VERSIONS) {
  eurekaScenarios(`Netflix eureka-client ${version}, deltas`, {
    startDriver: eurekaJavaDriver(MODULE, { properties: { 'client.version': version, transport }, jvmArguments: LOG }),
    reconciles: true,
    delta: true,
    idCharacters: ':/#? !',
    oddMetadataNames: true,
  });
}
