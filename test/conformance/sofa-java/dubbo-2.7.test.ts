import { rpcDriver } from '../../support/rpc-driver.ts';
import { rpcScenarios } from '../../support/rpc-scenarios.ts';

rpcScenarios('Dubbo 2.7.23 with dubbo-registry-sofa 2.7.23', rpcDriver('dubbo-2.7'));
