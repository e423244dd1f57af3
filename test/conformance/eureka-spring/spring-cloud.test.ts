import { expect } from 'vitest';
import type { ClientOptions } from '../../support/client-driver.ts';
import { readingScenarios } from '../../support/eureka-java.ts';
import { eurekaScenarios, type Scenario } from '../../support/eureka-scenarios.ts';
import { eventually } from '../../support/eventually.ts';
import { springDriver } from '../../support/spring-client.ts';

/** How its default HTTP client writes ids, and which others it has. */
const GENERATIONS = [
  { boot: '2.7.18', cloud: '2021.0.9', writesIdsRaw: true, transports: ['webclient'] },
  { boot: '3.5.9', cloud: '2025.0.1', writesIdsRaw: false, transports: ['restclient', 'webclient'] },
  { boot: '4.0.3', cloud: '2025.1.2', writesIdsRaw: false, transports: [] },
] as const;

for (const { boot, cloud, writesIdsRaw, transports } of GENERATIONS) {
  eurekaScenarios(`Spring Boot ${boot}, Spring Cloud ${cloud}, deltas`, {
    startDriver: springDriver(boot, cloud),
    reconciles: true,
    delta: true,
    writesIdsRaw,
    oddMetadataNames: true,
    survivesLoss: true,
    more: (scenario) => {
      callScenario(scenario);
      readingScenarios(scenario);
    },
    // Reactor's connections are shared by all applications of a virtual machine, and the first that ends closes them.
    moreAlone: (scenario) => {
      for (const transport of transports) transportScenario(scenario, transport);
    },
  });
}

/** Two applications in one virtual machine: one calls the other by its service id, through the load balancer. */
function callScenario(scenario: Scenario): void {
  scenario('calls another application by its service id', async (scene) => {
    const service = `${scene.app.toLowerCase()}-callee`;
    const callee = await scene.start('callee', { app: service, vip: service, instanceId: `callee:${service}`, serves: true });
    await scene.start('caller', { serves: true });
    const call = () => scene.driver.greeting(scene.client('caller'), service);
    await eventually(async () => expect(await call()).toBe(callee));
    expect(await scene.operator.setStatus(service, callee, 'OUT_OF_SERVICE')).toBe(200);
    await eventually(async () => expect(call()).rejects.toThrow('No instances available'));
    expect(await scene.operator.deleteStatus(service, callee, 'UP')).toBe(200);
    await eventually(async () => expect(await call()).toBe(callee));
  });
}

function transportScenario(scenario: Scenario, transport: NonNullable<ClientOptions['transport']>): void {
  scenario(`lives with the HTTP client ${transport}`, async (scene) => {
    const id = await scene.start('a', { transport, metadata: { greeting: 'Grüße <&>' } });
    await scene.operator.register(scene.app, 'silent', { leaseInfo: { renewalIntervalInSecs: 1, durationInSecs: 4 } });
    await scene.everyoneSees('a', id, 'silent');
    expect(await scene.operator.cancel(scene.app, id)).toBe(200);
    await scene.everyoneSees('a', id);
    await scene.stop('a');
    await eventually(async () => expect(await scene.registered()).toEqual([]));
  });
}
