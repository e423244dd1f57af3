import { afterEach, expect, it } from 'vitest';
import {
  createNodeClock,
  createNodeRandom,
  type DataInfoId,
  DEFAULT_CROSS_PROTOCOL,
  formatDataInfoId,
  type Host,
  mergeFormats,
  type NodeId,
  type PeerTransport,
  peerId,
  processId,
  Role,
  type SessionServer,
  startDataServer,
  startMetaServer,
  startSessionServer,
  type TcpNetwork,
} from '../../core/index.ts';
import { errorIn, frameKind, MessageKind, OLDEST_PROTOCOL_VERSION, PROTOCOL_VERSION } from '../../core/wire/frame.ts';
import { decodeCompareRoots, encodeCompareRoots } from '../../core/wire/slot-compare.ts';
import { eventually } from '../support/eventually.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { MemorySlotCache, NO_METRICS, SILENT_LOG } from '../support/standalone.ts';
import { openNode } from '../support/tcp-nodes.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** What the nodes of a cluster say and hear. */
interface Version {
  readonly numbers: { readonly oldest: number; readonly newest: number };
  speak(peers: PeerTransport): PeerTransport;
}

const PRESENT: Version = { numbers: { oldest: OLDEST_PROTOCOL_VERSION, newest: PROTOCOL_VERSION }, speak: (peers) => peers };
const NEXT: Version = { numbers: { oldest: PROTOCOL_VERSION, newest: PROTOCOL_VERSION + 1 }, speak: ofTheNextVersion };
const FIRST: Version = { numbers: { oldest: 1, newest: 1 }, speak: ofTheFirstVersion };

/** Fields that only the next version knows. */
const NEW_FIELDS = Uint8Array.of(1, 2, 3, 4, 5, 6, 7);

/**
 * A node as the next version will be: whatever it says has the next version's number and fields at the end that nobody here knows; what
 * others say it reads with the fields they have. It stands for the rule by which versions may differ: fields are added at the end.
 */
function ofTheNextVersion(peers: PeerTransport): PeerTransport {
  const say = (frame: Uint8Array) => {
    const said = new Uint8Array(frame.length + NEW_FIELDS.length);
    said.set(frame);
    said.set(NEW_FIELDS, frame.length);
    said[0] = PROTOCOL_VERSION + 1;
    return said;
  };
  const hear = (frame: Uint8Array) => {
    if (frame[0] !== PROTOCOL_VERSION + 1) return frame;
    const heard = frame.slice(0, frame.length - NEW_FIELDS.length);
    heard[0] = PROTOCOL_VERSION;
    return heard;
  };
  return {
    ...peers,
    request: async (to, message, options) => hear(await peers.request(to, say(message), options)),
    send: (to, message) => peers.send(to, say(message)),
    serve: (handler) =>
      peers.serve(async (from, message) => {
        const answer = await handler(from, hear(message));
        return answer === undefined ? undefined : say(answer);
      }),
  };
}

/** Outcomes of comparisons of roots that nodes of the first version asked for or answered. */
const comparisons: string[] = [];

/** A node of version 1, whose comparisons of roots name no sequences. */
function ofTheFirstVersion(peers: PeerTransport): PeerTransport {
  const numbered = (frame: Uint8Array, version: number) => {
    const copy = frame.slice();
    copy[0] = version;
    return copy;
  };
  const withoutSequences = (request: Uint8Array) => {
    if (frameKind(request) !== MessageKind.CompareRoots) return request;
    // The last byte says that there are none.
    return encodeCompareRoots({ ...decodeCompareRoots(request), applied: [] }).slice(0, -1);
  };
  const note = (request: Uint8Array, answer: Uint8Array) => {
    if (frameKind(request) === MessageKind.CompareRoots) comparisons.push(errorIn(answer)?.message ?? 'compared');
  };
  return {
    ...peers,
    request: async (to, message, options) => {
      const answer = await peers.request(to, numbered(withoutSequences(message), 1), options);
      note(message, answer);
      return answer;
    },
    send: (to, message) => peers.send(to, numbered(message, 1)),
    serve: (handler) =>
      peers.serve(async (from, message) => {
        const heard = numbered(withoutSequences(message), 1);
        const answer = await handler(from, heard);
        if (answer === undefined) return undefined;
        note(message, answer);
        return numbered(answer, 1);
      }),
  };
}

interface MixedNode {
  readonly network: TcpNetwork;
  readonly host: Host & { readonly peers: PeerTransport };
}

async function node(name: string, role: Role, version: Version): Promise<MixedNode> {
  const nodeId = name as NodeId;
  const network = await openNode(nodeId, { roles: [role], versions: version.numbers });
  cleanups.push(() => network.close());
  const peers = network.endpoint(peerId(nodeId, role));
  const random = createNodeRandom();
  const host = { nodeId, processId: processId(nodeId, 'p'), clock: createNodeClock(), random, log: SILENT_LOG, metrics: NO_METRICS };
  return { network, host: { ...host, peers: version.speak(peers) } };
}

const NAME: DataInfoId = formatDataInfoId({ dataId: 'orders', instanceId: 'DEFAULT_INSTANCE_ID', group: 'DEFAULT_GROUP' });

async function register(session: SessionServer, registerId: string): Promise<void> {
  const registration = {
    dataInfoId: NAME,
    registerId,
    format: 'test',
    payload: Uint8Array.of(1),
    zone: '',
    appName: '',
    clientAddress: '',
  };
  await session.gateway.leases.register(registration, 30_000);
}

async function read(session: SessionServer): Promise<readonly string[]> {
  return (await session.gateway.query(NAME, 'test')).publishers.map((publisher) => publisher.registerId);
}

it.each([
  ['this and the next, with an older Meta', PRESENT, NEXT, PRESENT],
  ['this and the next, with a newer Meta', PRESENT, NEXT, NEXT],
  ['the first and this, with an older Meta', FIRST, PRESENT, FIRST],
  ['the first and this, with a newer Meta', FIRST, PRESENT, PRESENT],
])('a cluster whose nodes are of two neighbouring versions is one registry: %s', async (_name, old, recent, ofMeta) => {
  comparisons.length = 0;
  const meta = await node('meta', Role.Meta, ofMeta);
  const common = { cluster: 'mixed', slotCount: 16, metas: [meta.host.peers.self], heartbeatMs: 200, heartbeatLeaseMs: 20_000 };
  const metaServer = await startMetaServer({ ...common, replicas: 2, address: meta.network.address }, meta.host, new MemoryStore());
  cleanups.push(() => metaServer.stop());

  for (const [name, version] of [
    ['data-old', old],
    ['data-new', recent],
  ] as const) {
    const { network, host } = await node(name, Role.Data, version);
    await network.discover(meta.network.address);
    const times = { sessionLeaseMs: 30_000, compareEveryMs: 500, restoreHoldMs: 0, restoreOldestMs: 0, snapshotEveryBytes: 1_000_000 };
    const data = await startDataServer({ ...common, ...times, address: network.address }, host, new MemorySlotCache());
    cleanups.push(() => data.stop());
  }
  const sessions: SessionServer[] = [];
  for (const [name, version] of [
    ['session-old', old],
    ['session-new', recent],
  ] as const) {
    const { network, host } = await node(name, Role.Session, version);
    await network.discover(meta.network.address);
    const times = { pulseMs: 200, requestTimeoutMs: 1_000, mergeWindowLeastMs: 10, mergeWindowMostMs: 100, globalReaderIdleMs: 60_000 };
    const closing = { massCloseShare: 0.3, massCloseGraceMs: 1_000, crossProtocol: DEFAULT_CROSS_PROTOCOL };
    const config = { ...common, ...times, ...closing, dataCenter: 'dc', address: network.address };
    const session = await startSessionServer(config, host, mergeFormats([]));
    cleanups.push(() => session.stop());
    sessions.push(session);
  }
  const [older, newer] = sessions as [SessionServer, SessionServer];
  await register(older, 'by the older');
  await register(newer, 'by the newer');
  for (const session of sessions)
    await eventually(async () => expect([...(await read(session))].sort()).toEqual(['by the newer', 'by the older']));
  expect(await newer.gateway.leases.renew(NAME, 'by the older')).toBe('renewed');
  expect(await older.gateway.leases.cancel(NAME, 'by the newer')).toBe(true);
  for (const session of sessions) await eventually(async () => expect(await read(session)).toEqual(['by the older']));

  // Leaders and followers of both versions: every slot is led by one and followed by the other, and no copy is behind.
  await eventually(() => {
    const { replicas, incompleteSlots } = metaServer.replication();
    expect({ replicas, incompleteSlots, slots: metaServer.table().slots.length }).toEqual({ replicas: 2, incompleteSlots: 0, slots: 16 });
    expect(new Set(metaServer.table().slots.flatMap((slot) => [slot.leader, ...slot.followers])).size).toBe(2);
  });
  if (old !== FIRST) return;
  await eventually(() => expect(comparisons.length).toBeGreaterThan(10));
  expect(new Set(comparisons)).toEqual(new Set(['compared']));
});
