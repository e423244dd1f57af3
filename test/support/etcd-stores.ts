import { EtcdStore, type EtcdStoreOptions } from '../../core/host/etcd/etcd-store.ts';
import { createNodeClock, createNodeRandom } from '../../core/index.ts';
import { SILENT_LOG } from './standalone.ts';

let clusters = 0;

/** A name that no earlier test of this run used: what it stores is empty. */
export function freshCluster(): string {
  clusters += 1;
  return `test-${clusters}`;
}

export function etcdStore(options: Pick<EtcdStoreOptions, 'endpoints' | 'cluster'> & Partial<EtcdStoreOptions>): EtcdStore {
  return new EtcdStore({ client: 'n1', clock: createNodeClock(), random: createNodeRandom(), log: SILENT_LOG, ...options });
}
