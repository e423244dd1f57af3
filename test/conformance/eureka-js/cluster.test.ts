import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe } from 'vitest';
import { Role } from '../../../core/index.ts';
import { ClientDriver } from '../../support/client-driver.ts';
import type { ClusterNode } from '../../support/cluster/cluster-node.ts';
import { LocalCluster } from '../../support/cluster/local-cluster.ts';
import { EurekaOperator } from '../../support/eureka-operator.ts';
import { lifeScenarios, scenariosOn } from '../../support/eureka-scenarios.ts';
import type { Stage } from '../../support/eureka-scene.ts';

const DRIVER = fileURLToPath(new URL('driver.mjs', import.meta.url));

/** The clients live at one Session of a cluster, and what operators and others do happens at the other. */
describe('eureka-js-client 4.5.0 at a cluster', () => {
  let cluster: LocalCluster;
  let driver: ClientDriver;
  let stage: Stage;

  beforeAll(async () => {
    cluster = await LocalCluster.prepare({ metas: 1, data: 2, sessions: 2 });
    await cluster.start();
    driver = new ClientDriver(process.execPath, [DRIVER]);
    const [own, other] = cluster.withRole(Role.Session) as [ClusterNode, ClusterNode];
    stage = {
      url: () => `http://127.0.0.1:${own.ports.eureka}/eureka`,
      operator: new EurekaOperator(other.ports.eureka),
      driver,
      delta: false,
    };
  });
  afterAll(async () => {
    await driver?.kill();
    await cluster?.stop();
  });

  lifeScenarios(scenariosOn(() => stage).sideBySide);
});
