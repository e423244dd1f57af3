import { afterAll, beforeAll, expect, it } from 'vitest';
import { Role } from '../../../core/index.ts';
import { BoltApp } from '../../support/cluster/bolt-app.ts';
import type { ClusterNode } from '../../support/cluster/cluster-node.ts';
import { LocalCluster } from '../../support/cluster/local-cluster.ts';
import { eventually } from '../../support/eventually.ts';
import { http } from '../../support/http.ts';
import { startRegistryClients } from '../../support/registry-client.ts';
import type { SofaDriver } from '../../support/sofa-driver.ts';

/** The Java client looks at its connection every few seconds, and reconnects after a pause of its own. */
const MOVED_WITHIN_MS = 30_000;

let cluster: LocalCluster;
let driver: SofaDriver;

beforeAll(async () => {
  cluster = await LocalCluster.prepare({ metas: 1, data: 2, sessions: 2 });
  [driver] = await Promise.all([startRegistryClients('6.5.6'), cluster.start()]);
});
afterAll(async () => {
  await driver?.kill();
  await cluster?.stop();
});

const connectionsOf = async (session: ClusterNode) =>
  Number((await http(session.ports.sofaHttp, { path: '/api/servers/connectionNum' })).text);

it('real clients find every Session in the list, and notice nothing when theirs is killed', async () => {
  const [first, second] = cluster.withRole(Role.Session) as [ClusterNode, ClusterNode];
  const steady = new BoltApp(() => [second.ports.sofa, first.ports.sofa]);
  steady.publish('cluster.names', 'steady');
  try {
    await driver.start('app', { host: '127.0.0.1', port: first.ports.sofaHttp, app: 'cluster' });
    await driver.publish('app', 'own', 'cluster.names', ['of the application']);
    await driver.subscribe('app', 'all', 'cluster.names', 'dataCenter');
    const whole = ['of the application', 'steady'];
    await eventually(async () => expect(await driver.values('app', 'all')).toEqual(whole));

    // The client chose one of the two by itself; `steady` sits at the second.
    const victim = (await connectionsOf(first)) > 0 ? first : second;
    const other = victim === first ? second : first;
    await victim.kill();
    await eventually(async () => expect(await connectionsOf(other)).toBe(2), MOVED_WITHIN_MS);

    // It is registered at the other Session, and hears of changes there.
    const newcomer = new BoltApp(() => [other.ports.sofa]);
    try {
      newcomer.publish('cluster.names', 'newcomer');
      await eventually(async () => expect(await driver.values('app', 'all')).toEqual(['newcomer', ...whole]), MOVED_WITHIN_MS);
    } finally {
      newcomer.stop();
    }
    const { sizes } = await driver.received('app', 'all');
    // From the first whole list on none was shorter.
    expect(Math.min(...sizes.slice(sizes.indexOf(2)))).toBe(2);
  } finally {
    steady.stop();
  }
});
