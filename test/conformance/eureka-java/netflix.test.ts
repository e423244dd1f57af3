import { eurekaScenarios } from '../../support/eureka-scenarios.ts';
import { NETFLIX_CLIENTS, netflixDriver } from '../../support/netflix-client.ts';

for (const client of NETFLIX_CLIENTS) {
  eurekaScenarios(`Netflix eureka-client ${client.version}, deltas`, {
    startDriver: netflixDriver(client),
    reconciles: true,
    delta: true,
    idCharacters: ':/#? !',
    oddMetadataNames: true,
  });
}
