import { fileURLToPath } from 'node:url';
import { buildMavenDriver } from '../../support/maven-driver.ts';
import { RpcDriver } from '../../support/rpc-driver.ts';
import { rpcScenarios } from '../../support/rpc-scenarios.ts';

const MODULE = fileURLToPath(new URL('dubbo-2.7/', import.meta.url));
let built: Promise<readonly string[]> | undefined;

rpcScenarios('Dubbo 2.7.23 with dubbo-registry-sofa 2.7.23', async () => {
  built ??= buildMavenDriver(MODULE);
  const [java = 'java', ...args] = await built;
  return new RpcDriver(java, args);
});
