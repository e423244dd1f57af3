import { afterAll, beforeAll, describe, expect } from 'vitest';
import { Role } from '../../../core/index.ts';
import type { ClientDriver } from '../../support/client-driver.ts';
import { LocalCluster } from '../../support/cluster/local-cluster.ts';
import { EurekaOperator } from '../../support/eureka-operator.ts';
import { inputScenarios, LONG_LEASE, lifeScenarios, reconciliationScenario, scenariosOn } from '../../support/eureka-scenarios.ts';
import type { Stage } from '../../support/eureka-scene.ts';
import { NETFLIX_CLIENTS, netflixDriver } from '../../support/netflix-client.ts';

const ABILITIES = { reconciles: true, delta: true, writesIdsRaw: false, oddMetadataNames: true, survivesLoss: true };

/** The clients are at one Session, operators and other instances at another one; the client knows both. */
describe('Netflix eureka-client 2.0.6 on a cluster of one Meta, two Data nodes and two Sessions', () => {
  let cluster: LocalCluster;
  let driver: ClientDriver;
  let stage: Stage;

  beforeAll(async () => {
    cluster = await LocalCluster.prepare({ metas: 1, data: 2, sessions: 2 });
    const starting = netflixDriver(NETFLIX_CLIENTS[1])();
    await cluster.start();
    driver = await starting;
    const [own = 0, other = 0] = cluster.withRole(Role.Session).map((node) => node.ports.eureka);
    const url = [own, other].map((port) => `http://127.0.0.1:${port}/eureka`).join(',');
    stage = { url: () => url, operator: new EurekaOperator(other), driver, delta: true };
  });
  afterAll(async () => {
    await driver?.kill();
    await cluster?.stop();
  });

  const { sideBySide, oneByOne } = scenariosOn(() => stage);
  reconciliationScenario(sideBySide, ABILITIES);
  lifeScenarios(sideBySide);
  inputScenarios(sideBySide, ABILITIES);

  oneByOne('notices nothing when its Session is killed, and goes on at the other', async (scene) => {
    const id = await scene.start('a', { leaseSeconds: 5 });
    await scene.operator.register(scene.app, 'other', LONG_LEASE);
    await scene.everyoneSees('a', id, 'other');
    await scene.driver.watch(scene.client('a'), scene.app);
    const [own] = cluster.withRole(Role.Session);
    await own?.kill();
    await scene.operator.register(scene.app, 'third', LONG_LEASE);
    // Registered a whole lease after the death, which the client cannot have lived through without heartbeats at the other Session.
    await scene.operator.register(scene.app, 'silent', { leaseInfo: { renewalIntervalInSecs: 1, durationInSecs: 6 } });
    await scene.everyoneSees('a', id, 'other', 'third', 'silent');
    await scene.everyoneSees('a', id, 'other', 'third');
    expect(await scene.driver.least(scene.client('a'))).toBeGreaterThanOrEqual(2);
  });
});
