import type { MetaStore } from '../seams/store.ts';
import type { EtcdStoreOptions } from './etcd/etcd-store.ts';

/** The MetaStore over etcd. Its code is loaded here, and by nobody who has no etcd. It connects with the first call. */
export async function openEtcdStore(options: EtcdStoreOptions): Promise<MetaStore> {
  const { EtcdStore } = await import('./etcd/etcd-store.ts');
  return new EtcdStore(options);
}
