import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { eurekaJavaDriver } from '../../support/eureka-java.ts';
import { eurekaScenarios, type Scenario } from '../../support/eureka-scenarios.ts';
import { eventually } from '../../support/eventually.ts';

const MODULE = fileURLToPath(new URL('application/', import.meta.url));
const JVM = ['-Xmx320m', '-Dorg.springframework.boot.logging.LoggingSystem=none'];
/** Spring Boot, Spring Cloud, and what its transport can carry in an id. */
const GENERATIONS = [
  ['2.7.18', '2021.0.9', ':/ !'],
  ['3.5.9', '2025.0.1', ':/#? !'],
  ['4.0.3', '2025.1.2', ':/#? !'],
] as const;

for (const [boot, cloud, idCharacters] of GENERATIONS) {
  eurekaScenarios(`Spring Boot ${boot}, Spring Cloud ${cloud}, deltas`, {
    startDriver: eurekaJavaDriver(MODULE, { properties: { 'boot.version': boot, 'cloud.version': cloud }, jvmArguments: JVM }),
    reconciles: true,
    delta: true,
    idCharacters,
    oddMetadataNames: true,
    more: callScenario,
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
