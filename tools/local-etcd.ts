import { spawnSync } from 'node:child_process';
import type { MetaStoreProcesses } from '../test/support/cluster/scene.ts';
import { EtcdCluster } from '../test/support/etcd-process.ts';

export interface LocalMetaStore extends MetaStoreProcesses {
  readonly metas: number;
  readonly args: readonly string[];
  dispose(): Promise<void>;
}

const nothing = async () => undefined;

/** An etcd for three Meta nodes of a local cluster where one is installed; otherwise one Meta keeps its state in its data folder. */
export async function startMetaStore(): Promise<LocalMetaStore> {
  if (spawnSync('etcd', ['--version'], { stdio: 'ignore' }).status !== 0) {
    console.log('etcd is not installed (apt-get install etcd-server): one Meta with its embedded store');
    return { metas: 1, args: [], kill: nothing, restart: nothing, dispose: nothing };
  }
  const etcd = await EtcdCluster.start();
  return {
    metas: 3,
    args: ['--meta.etcd', etcd.endpoints.join(',')],
    kill: async () => {
      for (const member of etcd.members) await etcd.kill(member);
    },
    restart: async () => {
      for (const member of etcd.members) etcd.run(member);
      await etcd.ready();
    },
    dispose: () => etcd.dispose(),
  };
}
