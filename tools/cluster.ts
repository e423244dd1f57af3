// A local cluster to look at: npm run cluster. Ctrl-C ends it. With --folder its data is kept there, by one Meta without etcd.
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { Role } from '../core/index.ts';
import { LocalCluster } from '../test/support/cluster/local-cluster.ts';
import { Arguments } from './arguments.ts';
import { startMetaStore } from './local-etcd.ts';

const asked = new Arguments('npm run cluster -- [--data N] [--sessions N] [--replicas N] [--folder DIR]', {
  options: {
    data: { type: 'string', default: '3' },
    sessions: { type: 'string', default: '2' },
    replicas: { type: 'string', default: '2' },
    folder: { type: 'string' },
  },
});
const shape = { data: asked.number('data', 1), sessions: asked.number('sessions', 1), replicas: asked.number('replicas', 1) };
const folder = asked.values.folder === undefined ? undefined : resolve(asked.values.folder);
if (folder !== undefined) mkdirSync(folder, { recursive: true });
const store = folder === undefined ? await startMetaStore() : { metas: 1, args: [], dispose: async () => undefined };
const cluster = await LocalCluster.prepare({
  metas: store.metas,
  args: store.args,
  ...shape,
  ...(folder === undefined ? {} : { folder }),
});
const stop = async () => {
  await Promise.all(cluster.nodes.map((node) => node.stop()));
  await cluster.stop();
  await store.dispose();
  process.exit(0);
};
process.on('SIGINT', () => void stop());
process.on('SIGTERM', () => void stop());
await cluster.start();

console.log(`\ndata folders below ${cluster.folder}\n`);
for (const node of cluster.nodes) {
  console.log(`${node.name.padEnd(10)} process ${String(node.pid).padEnd(8)} http://127.0.0.1:${node.ports.admin}/readyz?verbose`);
}
console.log('\nput into your client (any of the Sessions will do):');
for (const session of cluster.withRole(Role.Session)) {
  console.log(`${session.name}  Eureka http://127.0.0.1:${session.ports.eureka}/eureka/   SOFA 127.0.0.1:${session.ports.sofaHttp}`);
}
console.log('\nlook inside with /members, /slots and /datum?dataId=NAME on any of the ports above; Ctrl-C ends the cluster');
