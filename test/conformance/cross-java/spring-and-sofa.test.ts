import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { BoltConnection } from '../../support/bolt-connection.ts';
import type { ClientDriver } from '../../support/client-driver.ts';
import { type ConformanceGateway, startConformanceGateway } from '../../support/conformance-gateway.ts';
import { EurekaOperator } from '../../support/eureka-operator.ts';
import { Scene } from '../../support/eureka-scene.ts';
import { eventually } from '../../support/eventually.ts';
import { http } from '../../support/http.ts';
import { springDriver } from '../../support/spring-client.ts';

/** Not only seen: called, through Spring's load balancer and at the address that SOFA is pushed. */
describe('a Spring Boot 3.5.9 application and what SOFA publishes', () => {
  let gateway: ConformanceGateway;
  let spring: ClientDriver;
  let bolt: BoltConnection;
  let server: Server;
  let scene: Scene;

  beforeAll(async () => {
    gateway = await startConformanceGateway();
    spring = await springDriver('3.5.9', '2025.0.1')();
    bolt = await BoltConnection.open(gateway.sofaPort);
    server = createServer((_request, response) => response.setHeader('content-type', 'text/plain').end('from SOFA'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    scene = new Scene({ url: () => gateway.url, operator: new EurekaOperator(gateway.eurekaPort), driver: spring, delta: true });
  });
  afterEach(() => scene.end());
  afterAll(async () => {
    await spring?.kill();
    await bolt?.close();
    await gateway?.stop();
    server?.close();
  });

  it('calls a service that only SOFA publishes by its service id, until that is unpublished', async () => {
    await scene.start('caller', { serves: true });
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}?zone=EAST&weight=5&odd%20key=%3C%26%3E`;
    await bolt.publish({ dataId: 'sofa-orders', registId: 'p' }, [address, 'opaque']);
    const call = () => spring.greeting(scene.client('caller'), 'sofa-orders');
    await eventually(async () => expect(await call()).toBe('from SOFA'));
    await bolt.publish({ dataId: 'sofa-orders', registId: 'p', eventType: 'UNREGISTER', version: 2n }, []);
    await eventually(async () => expect(call()).rejects.toThrow('No instances available'));
  });

  it('is called at the address that a SOFA subscriber is pushed', async () => {
    const service = `${scene.app.toLowerCase()}-callee`;
    await bolt.subscribe({ dataId: service, registId: 's' });
    const id = await scene.start('callee', { app: service, vip: service, instanceId: `callee:${service}`, serves: true });
    const port = await eventually(() =>
      Number(/^127\.0\.0\.1:(\d+)/.exec(bolt.newest(service)?.[0] ?? '')?.[1] ?? expect.fail('not pushed yet')),
    );
    expect((await http(port, { path: '/greeting' })).text).toBe(id);
    await scene.stop('callee');
    await eventually(() => expect(bolt.newest(service)).toEqual([]));
  });
});
