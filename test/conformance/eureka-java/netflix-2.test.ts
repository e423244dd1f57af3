import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClientDriver } from '../../support/client-driver.ts';
import { eurekaScenarios } from '../../support/eureka-scenarios.ts';
import { eventually } from '../../support/eventually.ts';
import { buildMavenDriver } from '../../support/maven-driver.ts';

const MODULE = fileURLToPath(new URL('netflix-2/', import.meta.url));
const LOG = ['-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', '-Dorg.slf4j.simpleLogger.log.com.netflix.discovery.DiscoveryClient=debug'];
let built: Promise<readonly string[]> | undefined;

async function startDriver(): Promise<ClientDriver> {
  built ??= buildMavenDriver(MODULE, { jvmArguments: LOG });
  const [java = 'java', ...args] = await built;
  return new ClientDriver(java, args);
}

eurekaScenarios('Netflix eureka-client 2.0.6, XML and deltas', { startDriver, reconciles: true, delta: true });

describe('the count of hash mismatches that the scenarios rely on', () => {
  let lying: Server;
  let driver: ClientDriver;
  beforeAll(async () => {
    lying = createServer((request, response) => {
      // With an application in it: a client that holds none asks for everything and compares nothing.
      const application =
        '<application><name>B</name><instance><instanceId>b</instanceId><app>B</app><status>UP</status></instance></application>';
      const hash = `<versions__delta>1</versions__delta><apps__hashcode>UP_7_</apps__hashcode>`;
      const applications = `<applications>${hash}${request.url?.includes('delta') ? '' : application}</applications>`;
      request.resume();
      response.writeHead(request.method === 'GET' ? 200 : 204, { 'content-type': 'application/xml' });
      response.end(request.method === 'GET' ? applications : undefined);
    });
    await new Promise<void>((resolve) => lying.listen(0, '127.0.0.1', resolve));
    driver = await startDriver();
  });
  afterAll(async () => {
    await driver.kill();
    lying.close();
  });

  it('counts when a server claims a wrong hash', async () => {
    const url = `http://127.0.0.1:${(lying.address() as AddressInfo).port}/eureka`;
    const times = { leaseSeconds: 3, heartbeatMs: 1_000, fetchMs: 1_000 };
    await driver.start({ client: 'a', url, app: 'A', instanceId: 'a', port: 1, delta: true, metadata: {}, ...times });
    await eventually(async () => expect(await driver.mismatches('a')).toBeGreaterThan(0));
  });
});
