import { afterAll, beforeAll } from 'vitest';
import { EtcdCluster } from '../support/etcd-process.ts';
import { etcdStore, freshCluster } from '../support/etcd-stores.ts';
import { metaStoreContract } from '../support/meta-store-contract.ts';

let etcd: EtcdCluster;
beforeAll(async () => {
  etcd = await EtcdCluster.start();
});
afterAll(() => etcd.dispose());

metaStoreContract('the etcd store', async () => {
  const store = etcdStore({ endpoints: etcd.endpoints, cluster: freshCluster() });
  return { store, dispose: () => store.close() };
});
