import { fileURLToPath } from 'node:url';
import { ClientDriver } from '../../support/client-driver.ts';
import { eurekaScenarios } from '../../support/eureka-scenarios.ts';

const DRIVER = fileURLToPath(new URL('driver.mjs', import.meta.url));

eurekaScenarios('eureka-js-client 4.5.0, full fetches', {
  startDriver: () => new ClientDriver(process.execPath, [DRIVER]),
  reconciles: false,
  delta: false,
  writesIdsRaw: true,
  oddMetadataNames: true,
  survivesLoss: true,
});
