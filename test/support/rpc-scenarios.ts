import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ConformanceGateway, startConformanceGateway } from './conformance-gateway.ts';
import { freePort } from './eureka-gateway.ts';
import { eventually } from './eventually.ts';
import type { RpcDriver } from './rpc-driver.ts';

/** What a provider and a consumer in processes of their own must experience when the gateway is their registry. Each scenario builds on the one before. */
export function rpcScenarios(name: string, startDriver: () => Promise<RpcDriver>): void {
  describe(name, () => {
    const drivers: RpcDriver[] = [];
    let gateway: ConformanceGateway;
    let consumer: RpcDriver;
    let provider: RpcDriver;
    let port = 0;
    let secondPort = 0;

    beforeAll(async () => {
      gateway = await startConformanceGateway();
      consumer = await start();
      provider = await start();
      port = await freePort();
      secondPort = await freePort();
    });
    afterAll(async () => {
      await Promise.all(drivers.map((driver) => driver.kill()));
      await gateway.stop();
    });

    const registry = () => `127.0.0.1:${gateway.sofaHttpPort}`;

    async function start(): Promise<RpcDriver> {
      const driver = await startDriver();
      drivers.push(driver);
      return driver;
    }

    /** The consumer asks until this provider answers. */
    const expectAnswerFrom = (expected: number) =>
      eventually(async () => expect(await consumer.greet('hello')).toBe(`hello from ${expected}`));

    it('a consumer that was there first calls the provider as soon as it is published', async () => {
      await consumer.consume(registry());
      await expect(consumer.greet('hello')).rejects.toThrow();
      await provider.provide(registry(), port);
      await expectAnswerFrom(port);
    });

    it('goes on calling while the gateway is killed and starts again', async () => {
      await gateway.kill();
      expect(await consumer.greet('without a registry')).toBe(`without a registry from ${port}`);
      await gateway.start();
      expect(await consumer.greet('after the restart')).toBe(`after the restart from ${port}`);
    });

    it('finds a second provider, and the first is not called any more once it was killed', async () => {
      const second = await start();
      await second.provide(registry(), secondPort);
      await expectAnswerFrom(secondPort);
      await provider.kill();
      await eventually(async () => {
        for (let call = 0; call < 10; call += 1) expect(await consumer.greet('hello')).toBe(`hello from ${secondPort}`);
      });
      provider = second;
    });

    it('has nobody to call when the last provider has unregistered', async () => {
      await provider.stop();
      await eventually(async () => expect(await consumer.greet('hello').catch(() => 'nobody')).toBe('nobody'));
    });
  });
}
