import { REGISTRY_CLIENT_VERSIONS, startRegistryClients } from '../../support/registry-client.ts';
import { sofaScenarios } from '../../support/sofa-scenarios.ts';

for (const version of REGISTRY_CLIENT_VERSIONS) sofaScenarios(`registry-client-all ${version}`, () => startRegistryClients(version));
