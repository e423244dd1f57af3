import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { ClientDriver } from './client-driver.ts';
import type { Scenario } from './eureka-scenarios.ts';
import { eventually } from './eventually.ts';
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

/** Other ways to read, which the configuration of every Java client offers. */
export function readingScenarios(scenario: Scenario): void {
  scenario('reads without deltas', async (scene) => {
    const id = await scene.start('a', { delta: false });
    await scene.operator.register(scene.app, 'other');
    await scene.everyoneSees('a', id, 'other');
    await scene.operator.cancel(scene.app, 'other');
    await scene.everyoneSees('a', id);
  });

  scenario('reads nothing but one virtual address', async (scene) => {
    const onlyVip = `only.${scene.app}`;
    await scene.start('a', { onlyVip });
    await scene.operator.register(scene.app, 'elsewhere', { vipAddress: 'elsewhere' });
    await scene.operator.register(`${scene.app}B`, 'there', { vipAddress: onlyVip });
    const seen = async (app: string) => (await scene.driver.instances(scene.client('a'), app)).map((instance) => instance.instanceId);
    await eventually(async () => expect(await seen(`${scene.app}B`)).toEqual(['there']));
    expect(await seen(scene.app)).toEqual([]);
    await scene.operator.cancel(`${scene.app}B`, 'there');
    await eventually(async () => expect(await seen(`${scene.app}B`)).toEqual([]));
  });
}
