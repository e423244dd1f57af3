import { fileURLToPath } from 'node:url';
import { ClientDriver } from '../../support/client-driver.ts';
import { eurekaScenarios } from '../../support/eureka-scenarios.ts';
import { buildGoDriver } from '../../support/go-driver.ts';

const FOLDER = fileURLToPath(new URL('./', import.meta.url));

for (const form of ['XML', 'JSON'] as const) {
  eurekaScenarios(`fargo 1.4.0, ${form}, full fetches`, {
    startDriver: async () => new ClientDriver(await buildGoDriver(FOLDER), form === 'JSON' ? ['-json'] : []),
    reconciles: false,
    delta: false,
    writesIdsRaw: true,
    oddMetadataNames: form === 'JSON',
    survivesLoss: true,
    trimsMetadata: form === 'XML',
  });
}
