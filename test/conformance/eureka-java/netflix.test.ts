import { expect } from 'vitest';
import { readingScenarios } from '../../support/eureka-java.ts';
import { eurekaScenarios, type Scenario } from '../../support/eureka-scenarios.ts';
import { eventually } from '../../support/eventually.ts';
import { NETFLIX_CLIENTS, netflixDriver } from '../../support/netflix-client.ts';

for (const client of NETFLIX_CLIENTS) {
  eurekaScenarios(`Netflix eureka-client ${client.version}, deltas`, {
    startDriver: netflixDriver(client),
    reconciles: true,
    delta: true,
    writesIdsRaw: false,
    oddMetadataNames: true,
    survivesLoss: true,
    more: (scenario) => {
      readingScenarios(scenario);
      // Jersey 3 leaves the header out.
      if (client.transport === 'jersey1') compactScenario(scenario);
    },
  });
}

function compactScenario(scenario: Scenario): void {
  scenario('reads the compact form, which has no metadata', async (scene) => {
    const id = await scene.start('a', { compact: true, metadata: { colour: 'red' } });
    await scene.operator.register(scene.app, 'other', { metadata: { colour: 'blue' } });
    await scene.everyoneSees('a', id, 'other');
    const seen = await scene.driver.instances(scene.client('a'), scene.app);
    expect(seen.map((instance) => instance.metadata)).toEqual([{}, {}]);
    expect((await scene.operator.instances(scene.app)).map((instance) => instance.metadata['colour']).sort()).toEqual(['blue', 'red']);
    await scene.operator.setStatus(scene.app, 'other', 'DOWN');
    const down = async () => (await scene.driver.instances(scene.client('a'), scene.app)).filter((each) => each.status === 'DOWN');
    await eventually(async () => expect(await down()).toMatchObject([{ instanceId: 'other', port: expect.any(Number) }]));
  });
}
