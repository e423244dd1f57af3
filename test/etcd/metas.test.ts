import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createNodeClock,
  createNodeRandom,
  type DataServer,
  DEFAULT_CROSS_PROTOCOL,
  DEFAULT_GROUP,
  DEFAULT_INSTANCE_ID,
  formatDataInfoId,
  InProcessNetwork,
  type MetaServer,
  type NodeId,
  peerId,
  processId,
  Role,
  type RoleHost,
  type SessionServer,
  startDataServer,
  startMetaServer,
  startSessionServer,
} from '../../core/index.ts';
import { EtcdCluster } from '../support/etcd-process.ts';
import { etcdStore, freshCluster } from '../support/etcd-stores.ts';
import { eventually } from '../support/eventually.ts';
import { MemorySlotCache, NO_METRICS, SILENT_LOG } from '../support/standalone.ts';

const METAS = ['m1', 'm2', 'm3'].map((name) => name as NodeId);
const REGISTRATION = {
  dataInfoId: formatDataInfoId({ dataId: 'orders', instanceId: DEFAULT_INSTANCE_ID, group: DEFAULT_GROUP }),
  format: 'test',
  payload: new Uint8Array(8),
  zone: '',
  appName: 'app',
  clientAddress: '10.0.0.1:1',
} as const;

/** Three Metas over a real etcd, a Data node and a Session, in this process. */
class Nodes {
  readonly metas = new Map<NodeId, MetaServer>();
  readonly #clock = createNodeClock();
  readonly #random = createNodeRandom();
  readonly #network = new InProcessNetwork(this.#clock);
  readonly #etcd: EtcdCluster;
  readonly #cluster = freshCluster();
  readonly #disposals: (() => Promise<void>)[] = [];
  data: DataServer | undefined;
  session: SessionServer | undefined;

  constructor(etcd: EtcdCluster) {
    this.#etcd = etcd;
  }

  async start(): Promise<void> {
    for (const name of METAS) await this.startMeta(name);
    const common = { ...this.#common(), metas: METAS.map((name) => peerId(name, Role.Meta)), address: '', heartbeatLeaseMs: 20_000 };
    const restart = { restoreHoldMs: 60_000, restoreOldestMs: 600_000, snapshotEveryBytes: 1_000_000 };
    const data = { ...common, ...restart, sessionLeaseMs: 30_000, compareEveryMs: 6_000 };
    this.data = await startDataServer(data, this.#hostOf('d1' as NodeId, Role.Data), new MemorySlotCache());
    const crossProtocol = DEFAULT_CROSS_PROTOCOL;
    const push = { mergeWindowLeastMs: 10, mergeWindowMostMs: 1_000, massCloseShare: 0.3, massCloseGraceMs: 3_000 };
    const session = {
      ...common,
      ...push,
      dataCenter: 'dc',
      pulseMs: 1_000,
      requestTimeoutMs: 1_000,
      globalReaderIdleMs: 600_000,
      crossProtocol,
    };
    this.session = await startSessionServer(session, this.#hostOf('s1' as NodeId, Role.Session), { readers: [], composers: [] });
  }

  async startMeta(name: NodeId): Promise<void> {
    const store = etcdStore({ endpoints: this.#etcd.endpoints, cluster: this.#cluster, client: name });
    this.#disposals.push(() => store.close());
    this.metas.set(name, await startMetaServer({ ...this.#common(), replicas: 2 }, this.#hostOf(name, Role.Meta), store));
  }

  leader(): NodeId {
    const leading = [...this.metas].filter(([, meta]) => meta.leadership().isLeader).map(([name]) => name);
    expect(leading).toHaveLength(1);
    return leading[0] as NodeId;
  }

  async dispose(): Promise<void> {
    await this.session?.stop();
    await this.data?.stop();
    for (const meta of this.metas.values()) await meta.stop();
    for (const dispose of this.#disposals) await dispose();
  }

  #common() {
    return { cluster: this.#cluster, slotCount: 256, heartbeatMs: 1_000 };
  }

  #hostOf(nodeId: NodeId, role: Role): RoleHost {
    const parts = { clock: this.#clock, random: this.#random, log: SILENT_LOG, metrics: NO_METRICS };
    return { nodeId, processId: processId(nodeId, this.#random.uuid()), ...parts, peers: this.#network.endpoint(peerId(nodeId, role)) };
  }
}

describe('three Metas over a real etcd', () => {
  let etcd: EtcdCluster;
  let nodes: Nodes;
  beforeEach(async () => {
    etcd = await EtcdCluster.start();
    nodes = new Nodes(etcd);
    await nodes.start();
  });
  afterEach(async () => {
    await nodes.dispose();
    await etcd.dispose();
  });

  it('the one that leads stops, another one takes over with its table, members and documents, and it comes back as a standby', async () => {
    const first = nodes.leader();
    const epoch = nodes.metas.get(first)?.table().epoch;
    const documents = nodes.session?.gateway.documents;
    const watch = documents?.watch('conf/', () => undefined);
    await documents?.put('conf/large', new Uint8Array(1_200_000).fill(7));
    await eventually(() => expect(watch?.get('conf/large')?.value.length).toBe(1_200_000));
    await nodes.metas.get(first)?.stop();
    nodes.metas.delete(first);
    const second = await eventually(() => nodes.leader());
    await eventually(() => expect(nodes.data?.cluster().meta).toBe(peerId(second, Role.Meta)));
    expect(nodes.metas.get(second)?.table().epoch).toBe(epoch);
    await eventually(() => documents?.put('conf/small', new Uint8Array(1)));
    await eventually(() => expect(watch?.get('conf/small')?.value.length).toBe(1));
    await nodes.startMeta(first);
    expect(nodes.metas.get(first)?.leadership()).toMatchObject({ isLeader: false, leader: peerId(second, Role.Meta) });
    const peers = () =>
      nodes.metas
        .get(second)
        ?.members()
        .map((member) => member.peer);
    await eventually(() => expect(peers()).toEqual(expect.arrayContaining(METAS.map((name) => peerId(name, Role.Meta)))));
  });

  it('etcd is gone for longer than the lease: registrations go on, and a Meta leads again when it is back', async () => {
    const [member] = etcd.members;
    if (member === undefined) throw new Error('etcd has a member');
    await etcd.kill(member);
    await eventually(() => expect([...nodes.metas.values()].some((meta) => meta.leadership().isLeader)).toBe(false), 20_000);
    const leases = nodes.session?.gateway.leases;
    await leases?.register({ ...REGISTRATION, registerId: 'r' }, 30_000);
    expect(await leases?.renew(REGISTRATION.dataInfoId, 'r')).toBe('renewed');
    await expect(nodes.session?.gateway.documents.put('conf/a', new Uint8Array(1))).rejects.toMatchObject({ code: 'unavailable' });
    etcd.run(member);
    const leader = await eventually(() => nodes.leader(), 20_000);
    await eventually(() => expect(nodes.session?.cluster().meta).toBe(peerId(leader, Role.Meta)));
    await eventually(() => nodes.session?.gateway.documents.put('conf/a', new Uint8Array(1)));
    expect(nodes.data?.slots().filter((slot) => slot.phase === 'serving')).toHaveLength(256);
  });
});
