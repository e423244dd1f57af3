import { fileURLToPath } from 'node:url';
import { ClientDriver } from '../../support/client-driver.ts';
import { eurekaScenarios } from '../../support/eureka-scenarios.ts';
import { buildPythonDriver } from '../../support/python-driver.ts';

const FOLDER = fileURLToPath(new URL('./', import.meta.url));

eurekaScenarios('py_eureka_client 0.13.3, XML and deltas', {
  startDriver: async () => new ClientDriver(await buildPythonDriver(FOLDER), [`${FOLDER}driver.py`]),
  // It reconciles, but keeps to itself when it did.
  reconciles: false,
  delta: true,
  writesIdsRaw: false,
  oddMetadataNames: false,
  // Its fetch takes a lock that it already holds when it is the first request that succeeds after an outage, and finds another hash.
  survivesLoss: false,
});
