// A local cluster to look at: npm run cluster. Ctrl-C ends it. Its data is kept in ./isthmus-cluster between runs, or where --folder says.
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Role } from '../core/index.ts';
import { LocalCluster } from '../test/support/cluster/local-cluster.ts';

const { values } = parseArgs({
  options: {
    metas: { type: 'string', default: '1' },
    data: { type: 'string', default: '3' },
    sessions: { type: 'string', default: '2' },
    replicas: { type: 'string', default: '2' },
    folder: { type: 'string', default: 'isthmus-cluster' },
  },
});
const folder = resolve(values.folder);
mkdirSync(folder, { recursive: true });
const cluster = await LocalCluster.prepare({
  metas: Number(values.metas),
  data: Number(values.data),
  sessions: Number(values.sessions),
  replicas: Number(values.replicas),
  folder,
});
const stop = async () => {
  await Promise.all(cluster.nodes.map((node) => node.stop()));
  process.exit(0);
};
process.on('SIGINT', () => void stop());
process.on('SIGTERM', () => void stop());
await cluster.start();

console.log(`\ndata folders below ${folder}\n`);
for (const node of cluster.nodes) {
  console.log(`${node.name.padEnd(10)} process ${String(node.pid).padEnd(8)} http://127.0.0.1:${node.ports.admin}/readyz?verbose`);
}
console.log('\nput into your client (any of the Sessions will do):');
for (const session of cluster.withRole(Role.Session)) {
  console.log(`${session.name}  Eureka http://127.0.0.1:${session.ports.eureka}/eureka/   SOFA 127.0.0.1:${session.ports.sofaHttp}`);
}
console.log('\nlook inside with /members, /slots and /datum?dataId=NAME on any of the ports above; Ctrl-C ends the cluster');
