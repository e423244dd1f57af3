import { afterAll, beforeAll, expect, it } from 'vitest';
import { Role } from '../../core/index.ts';
import { Load } from '../support/cluster/load.ts';
import { LocalCluster } from '../support/cluster/local-cluster.ts';
import { EtcdCluster } from '../support/etcd-process.ts';

let etcd: EtcdCluster;
let cluster: LocalCluster;
let load: Load;

beforeAll(async () => {
  etcd = await EtcdCluster.start();
  cluster = await LocalCluster.prepare({ metas: 3, data: 3, sessions: 2, args: ['--meta.etcd', etcd.endpoints.join(',')] });
  await cluster.start();
  load = await Load.on(cluster);
});
afterAll(async () => {
  load?.stop();
  await cluster?.stop();
  await etcd?.dispose();
});

it('fails over a Data node that dies together with the Meta that leads', async () => {
  const meta = await cluster.leadingMeta();
  const data = await cluster.busiest();
  const killedAtMs = performance.now();
  await meta.kill();
  await data.kill();
  await load.probes.passMs();
  const outageMs = Math.round(performance.now() - killedAtMs);
  console.log(`Meta that led and a Data node killed together: every changed name was pushed again after ${outageMs} ms`);
  // Another Meta leads, lets three heartbeats pass for the Data node, and gives its slots away.
  expect(outageMs).toBeLessThan(15_000);
  await meta.start();
  await data.start();
  await cluster.settled();
  expect(load.population.violations).toEqual([]);
});

it('goes on without etcd and without any Meta, and heals when they are back', async () => {
  for (const member of etcd.members) await etcd.kill(member);
  await Promise.all(cluster.withRole(Role.Meta).map((meta) => meta.kill()));
  for (let round = 0; round < 4; round += 1) {
    expect(await load.probes.passMs()).toBeLessThan(3_000);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
  for (const member of etcd.members) etcd.run(member);
  await etcd.ready();
  await Promise.all(cluster.withRole(Role.Meta).map((meta) => meta.start()));
  await cluster.settled();
  const data = await cluster.busiest();
  await data.kill();
  expect(await load.probes.passMs()).toBeLessThan(15_000);
  await data.start();
  await cluster.settled();
  expect(load.population.violations).toEqual([]);
});
