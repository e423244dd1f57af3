import { fileURLToPath } from 'node:url';
import { buildMavenDriver } from '../../support/maven-driver.ts';
import { RpcDriver } from '../../support/rpc-driver.ts';
import { rpcScenarios } from '../../support/rpc-scenarios.ts';

const MODULE = fileURLToPath(new URL('sofa-rpc/', import.meta.url));
let built: Promise<readonly string[]> | undefined;

rpcScenarios('SOFARPC 5.13.2 with registry-client-all 6.3.0', async () => {
  built ??= buildMavenDriver(MODULE);
  const [java = 'java', ...args] = await built;
  return new RpcDriver(java, args);
});
