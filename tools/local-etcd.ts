import { spawnSync } from 'node:child_process';
import { EtcdCluster } from '../test/support/etcd-process.ts';

/** An etcd for three Meta nodes of a local cluster where one is installed; otherwise one Meta keeps its state in its data folder. */
export async function startMetaStore(): Promise<{ readonly metas: number; readonly args: readonly string[]; dispose(): Promise<void> }> {
  if (spawnSync('etcd', ['--version'], { stdio: 'ignore' }).status !== 0) {
    console.log('etcd is not installed (apt-get install etcd-server): one Meta with its embedded store');
    return { metas: 1, args: [], dispose: async () => undefined };
  }
  const etcd = await EtcdCluster.start();
  return { metas: 3, args: ['--meta.etcd', etcd.endpoints.join(',')], dispose: () => etcd.dispose() };
}
