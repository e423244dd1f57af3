import { rpcDriver } from '../../support/rpc-driver.ts';
import { rpcScenarios } from '../../support/rpc-scenarios.ts';

rpcScenarios('SOFARPC 5.13.2 with registry-client-all 6.3.0', rpcDriver('sofa-rpc'));
