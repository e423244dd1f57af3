import { fileURLToPath } from 'node:url';
import { buildMavenDriver } from '../../support/maven-driver.ts';
import { SofaDriver } from '../../support/sofa-driver.ts';
import { sofaScenarios } from '../../support/sofa-scenarios.ts';

const MODULE = fileURLToPath(new URL('registry-client/', import.meta.url));
/** All that Maven Central serves, one of each line. */
const VERSIONS = ['5.2.0', '5.4.3', '6.3.0', '6.5.6'];

for (const version of VERSIONS) {
  let built: Promise<readonly string[]> | undefined;
  sofaScenarios(`registry-client-all ${version}`, async () => {
    built ??= buildMavenDriver(MODULE, { properties: { 'client.version': version } });
    const [java = 'java', ...args] = await built;
    return new SofaDriver(java, args);
  });
}
