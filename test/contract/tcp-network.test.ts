import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { frameHead, LinkFrame } from '../../core/host/tcp-frames.ts';
import { encodeHello } from '../../core/host/tcp-handshake.ts';
import {
  LIMITS,
  type NodeId,
  type PeerId,
  type PeerTransport,
  peerId,
  processId,
  RegistryErrorCode,
  Role,
  type TcpNetwork,
} from '../../core/index.ts';
import { eventually } from '../support/eventually.ts';
import { residentBytes } from '../support/process-memory.ts';
import { openNode, STRANGER_TLS, type TcpNodeOptions, TEST_TLS } from '../support/tcp-nodes.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (value: Uint8Array) => new TextDecoder().decode(value);
const PATIENT = { timeoutMs: 20_000 };
const MEGABYTE = 1024 * 1024;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface TestNode {
  readonly network: TcpNetwork;
  readonly transport: PeerTransport;
}

async function node(name: string, options: TcpNodeOptions = {}): Promise<TestNode> {
  const network = await openNode(name as NodeId, options);
  cleanups.push(() => network.close());
  return { network, transport: network.endpoint(peerId(name as NodeId, Role.Data)) };
}

function tell(who: TestNode, of: TestNode, address = of.network.address): void {
  const peer = of.transport.self;
  const member = { peer, role: Role.Data, processId: processId(peer.split('/')[0] as NodeId, 'p'), address, zone: '' };
  who.transport.learnAddresses([member]);
}

const portOf = (address: string) => Number(address.split(':')[1]);

/** Stands between a node and its peers and can stop carrying without ending anything, as a machine that lost its power does. */
async function proxyTo(target: string): Promise<{ address: string; stop(): void; bytesSeen(): Buffer; cut(): void }> {
  const sockets: Socket[] = [];
  const seen: Buffer[] = [];
  let isStopped = false;
  const server: Server = createServer((near) => {
    const far = connect(portOf(target), '127.0.0.1');
    sockets.push(near, far);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on('data', (chunk: Buffer) => {
        seen.push(chunk);
        if (!isStopped) to.write(chunk);
      });
      from.on('error', () => undefined);
      from.on('close', () => to.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const bound = server.address();
  cleanups.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return {
    address: `127.0.0.1:${typeof bound === 'object' ? bound?.port : 0}`,
    stop: () => {
      isStopped = true;
    },
    cut: () => {
      for (const socket of sockets) socket.destroy();
    },
    bytesSeen: () => Buffer.concat(seen),
  };
}

async function rawSocket(target: TestNode): Promise<Socket> {
  const socket = connect(portOf(target.network.address), '127.0.0.1');
  socket.on('error', () => undefined);
  cleanups.push(() => socket.destroy());
  await new Promise((resolve) => socket.once('connect', resolve));
  return socket;
}

const closed = (socket: Socket) => new Promise<void>((resolve) => (socket.destroyed ? resolve() : socket.once('close', () => resolve())));

describe('a node', () => {
  it('says who it is to whoever dials it with the right words', async () => {
    const alice = await node('alice', { roles: [Role.Session] });
    const meta = await node('meta-1', { roles: [Role.Meta, Role.Data] });
    expect(await alice.network.discover(meta.network.address)).toMatchObject({ nodeId: 'meta-1', roles: [Role.Meta, Role.Data] });
    expect(meta.network.links()).toEqual([{ node: 'alice', address: alice.network.address, version: expect.any(Number), state: 'linked' }]);
  });

  it.each<[string, TcpNodeOptions, string]>([
    ['of another cluster', { cluster: 'other' }, 'this is cluster "test", not "other"'],
    ['with another secret', { secret: 'guessed' }, 'node mallory (127.0.0.1:'],
    ['without a secret', { secret: '' }, 'has another cluster secret'],
    ['of a later version', { versions: { oldest: 90, newest: 91 } }, '90 to 91 by mallory'],
  ])('%s is refused by name', async (_name, options, sentence) => {
    const alice = await node('alice');
    const mallory = await node('mallory', options);
    const refused = { code: RegistryErrorCode.WrongCluster, message: expect.stringContaining(sentence) };
    await expect(mallory.network.discover(alice.network.address)).rejects.toMatchObject(refused);
    expect(alice.network.links()).toEqual([]);
  });

  it('that speaks the version before is welcome, and both speak that', async () => {
    const alice = await node('alice', { versions: { oldest: 1, newest: 2 } });
    const old = await node('old', { versions: { oldest: 1, newest: 1 } });
    await old.network.discover(alice.network.address);
    expect(alice.network.links()).toMatchObject([{ node: 'old', version: 1 }]);
  });

  it('does not show its proof to a listener of another secret, and takes none from it', async () => {
    const alice = await node('alice', { secret: 'one' });
    const mallory = await node('mallory', { secret: 'two' });
    await expect(alice.network.discover(mallory.network.address)).rejects.toMatchObject({ code: RegistryErrorCode.WrongCluster });
  });

  it('that runs twice is refused by name, and welcome when the first is gone', async () => {
    const alice = await node('alice');
    const first = await node('bob', { incarnation: 'first' });
    await first.network.discover(alice.network.address);
    const second = await node('bob', { incarnation: 'second' });
    await expect(second.network.discover(alice.network.address)).rejects.toMatchObject({
      code: RegistryErrorCode.Conflict,
      message: expect.stringContaining(`node bob is already here as another process at ${first.network.address}`),
    });
    await expect(second.network.discover(first.network.address)).rejects.toMatchObject({ code: RegistryErrorCode.Conflict });
    await first.network.close();
    await eventually(() => second.network.discover(alice.network.address));
  });

  it('finds out when somebody else sits at an address', async () => {
    const alice = await node('alice');
    const bob = await node('bob');
    const carol = await node('carol');
    tell(alice, bob, carol.network.address);
    await expect(alice.transport.request(bob.transport.self, bytes('?'), PATIENT)).rejects.toMatchObject({
      code: RegistryErrorCode.Unavailable,
      message: expect.stringContaining('node carol is at'),
    });
  });

  it('never sends the secret, and what was recorded opens nothing', async () => {
    const secret = 'never to be seen on any wire';
    const alice = await node('alice', { secret });
    const bob = await node('bob', { secret });
    const proxy = await proxyTo(bob.network.address);
    await alice.network.discover(proxy.address);
    const seen = proxy.bytesSeen();
    expect(seen.includes('alice')).toBe(true);
    expect(seen.includes(secret)).toBe(false);
    await alice.network.close();
    await eventually(() => expect(bob.network.links()).toMatchObject([{ state: 'broken' }]));

    const replay = await rawSocket(bob);
    replay.write(seen);
    await closed(replay);
    expect(bob.network.links()).toMatchObject([{ state: 'broken' }]);
  });

  it('of another authority is refused under mutual TLS, and so is one without TLS', async () => {
    const alice = await node('alice', { tls: TEST_TLS });
    const stranger = await node('stranger', { tls: STRANGER_TLS });
    const plain = await node('plain');
    await expect(stranger.network.discover(alice.network.address)).rejects.toMatchObject({ code: RegistryErrorCode.Unavailable });
    await expect(plain.network.discover(alice.network.address)).rejects.toMatchObject({ code: RegistryErrorCode.Unavailable });
    await expect(alice.network.discover(stranger.network.address)).rejects.toMatchObject({ code: RegistryErrorCode.Unavailable });
    expect(alice.network.links()).toEqual([]);
  });
});

describe('a link', () => {
  async function pair() {
    const alice = await node('alice');
    const bob = await node('bob');
    const proxy = await proxyTo(bob.network.address);
    tell(alice, bob, proxy.address);
    bob.transport.serve((_from, message) => message);
    const broken: PeerId[] = [];
    const restored: PeerId[] = [];
    alice.transport.onLinkBroken((peer) => broken.push(peer));
    alice.transport.onLinkRestored((peer) => restored.push(peer));
    const ask = async (timeoutMs = 1_000) => text(await alice.transport.request(bob.transport.self, bytes('hello'), { timeoutMs }));
    expect(await ask()).toBe('hello');
    return { alice, bob, proxy, broken, restored, ask };
  }

  it('that ends is told at once, fails what was under way, and comes back with the next message', async () => {
    const { bob, proxy, broken, restored, ask, alice } = await pair();
    bob.transport.serve(() => new Promise(() => undefined));
    const asked = alice.transport.request(bob.transport.self, bytes('?'), PATIENT);
    await new Promise((resolve) => setTimeout(resolve, 20));
    proxy.cut();
    await expect(asked).rejects.toMatchObject({ code: RegistryErrorCode.Unavailable, message: expect.stringContaining('bob') });
    expect(broken).toEqual([bob.transport.self]);
    bob.transport.serve((_from, message) => message);
    await eventually(async () => expect(await ask()).toBe('hello'));
    expect(restored).toEqual([bob.transport.self]);
    expect(broken).toHaveLength(1);
  });

  it('that is silent for three seconds is broken, both sides know it', async () => {
    const { bob, proxy, broken } = await pair();
    const atBob: PeerId[] = [];
    bob.transport.onLinkBroken((peer) => atBob.push(peer));
    proxy.stop();
    const stoppedMs = performance.now();
    await eventually(() => expect(broken).toEqual([bob.transport.self]));
    const afterMs = performance.now() - stoppedMs;
    expect(afterMs).toBeGreaterThan(2_400);
    expect(afterMs).toBeLessThan(4_500);
    await eventually(() => expect(atBob).toHaveLength(1));
  });

  it('without traffic stays open: both sides show that they live', async () => {
    const { alice, broken } = await pair();
    await new Promise((resolve) => setTimeout(resolve, 4_500));
    expect(broken).toEqual([]);
    expect(alice.network.links()).toMatchObject([{ node: 'bob', state: 'linked' }]);
  });

  it('to a node that is not there fails at once between tries, is told as broken, and finds the node when it comes', async () => {
    const alice = await node('alice');
    const away = await node('bob');
    const address = away.network.address;
    await away.network.close();
    tell(alice, away, address);
    const broken: PeerId[] = [];
    const restored: PeerId[] = [];
    alice.transport.onLinkBroken((peer) => broken.push(peer));
    alice.transport.onLinkRestored((peer) => restored.push(peer));
    const ask = () => alice.transport.request(away.transport.self, bytes('?'), { timeoutMs: 1_000 });
    await expect(ask()).rejects.toMatchObject({ code: RegistryErrorCode.Unavailable, message: expect.stringContaining('ECONNREFUSED') });
    const startedMs = performance.now();
    await expect(ask()).rejects.toMatchObject({ code: RegistryErrorCode.Unavailable });
    expect(performance.now() - startedMs).toBeLessThan(50);
    expect(broken).toEqual([away.transport.self]);
    const bob = await node('bob', { port: portOf(address), incarnation: 'second' });
    bob.transport.serve(() => bytes('here'));
    await eventually(async () => expect(text(await ask())).toBe('here'));
    expect([broken, restored]).toEqual([[away.transport.self], [away.transport.self]]);
  });

  it('that the other side refuses is not told as broken: who refuses is there', async () => {
    const alice = await node('alice');
    const bob = await node('bob', { secret: 'another secret' });
    tell(alice, bob);
    const broken: PeerId[] = [];
    alice.transport.onLinkBroken((peer) => broken.push(peer));
    const asked = alice.transport.request(bob.transport.self, bytes('?'), PATIENT);
    await expect(asked).rejects.toMatchObject({ code: RegistryErrorCode.WrongCluster });
    expect(broken).toEqual([]);
  });

  it('to a peer that reads nothing takes a bounded number of bytes, and says so', async () => {
    const { alice, bob, proxy } = await pair();
    proxy.stop();
    const before = residentBytes(process.pid);
    const message = new Uint8Array(8 * MEGABYTE);
    const outcomes = Array.from({ length: 40 }, () =>
      alice.transport.request(bob.transport.self, message, { timeoutMs: 1_000 }).catch((caught: unknown) => String(caught)),
    );
    const said = await Promise.all(outcomes);
    const full = said.filter((outcome) => String(outcome).includes(`the link to bob/data is full`));
    expect(full.length).toBeGreaterThan(25);
    expect(residentBytes(process.pid) - before).toBeLessThan(6 * LIMITS.linkQueueBytes);
  });
});

describe('hostile bytes', () => {
  async function withNeighbours() {
    const target = await node('target');
    const friend = await node('friend');
    tell(friend, target);
    target.transport.serve((_from, message) => message);
    const ask = async () => text(await friend.transport.request(target.transport.self, bytes('still there'), PATIENT));
    expect(await ask()).toBe('still there');
    return { target, ask };
  }

  const terms = { cluster: 'test', secret: '', oldestVersion: 1, newestVersion: 9 };
  const identity = { nodeId: 'mallory' as NodeId, processId: processId('mallory' as NodeId, 'p'), roles: [Role.Data], address: '' };
  const hello = () => {
    const body = encodeHello(terms, identity);
    return Buffer.concat([frameHead(LinkFrame.Hello, undefined, body.length), body]);
  };

  it('of every wrong length, of every kind, and plain garbage end their own connection only', async () => {
    const { target, ask } = await withNeighbours();
    const attacks: Buffer[] = [];
    for (const length of [0, LIMITS.handshakeFrameBytes + 1, 0x7fffffff, 0xffffffff]) {
      const head = Buffer.alloc(5);
      head.writeUInt32BE(length);
      head[4] = LinkFrame.Hello;
      attacks.push(head);
    }
    for (let kind = 0; kind < 256; kind += 1) attacks.push(Buffer.from(frameHead(kind as LinkFrame, Uint8Array.of(1, 2, 3))));
    attacks.push(Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), Buffer.from([0x16, 3, 1, 0, 200, 1]));
    for (const kind of [LinkFrame.Request, LinkFrame.Proof, LinkFrame.Accepted]) attacks.push(Buffer.concat([hello(), frameHead(kind)]));
    await Promise.all(
      attacks.map(async (attack) => {
        const socket = await rawSocket(target);
        socket.write(attack);
        // Whoever sent too little is cut off when the handshake has taken too long.
        socket.resume();
        await closed(socket);
      }),
    );
    expect(await ask()).toBe('still there');
    expect(target.network.links()).toMatchObject([{ node: 'friend' }]);
  });

  it('cut anywhere end with the handshake’s deadline, and cost nobody else anything', async () => {
    const { target, ask } = await withNeighbours();
    const whole = hello();
    const startedMs = performance.now();
    const sockets = await Promise.all(
      Array.from({ length: whole.length }, async (_, end) => {
        const socket = await rawSocket(target);
        socket.write(whole.subarray(0, end));
        socket.resume();
        return socket;
      }),
    );
    expect(await ask()).toBe('still there');
    await Promise.all(sockets.map(closed));
    expect(performance.now() - startedMs).toBeLessThan(10_000);
    expect(await ask()).toBe('still there');
  });

  it('of 10,000 connections that never say who they are: memory is bounded, others are served, newcomers get in', async () => {
    const { target, ask } = await withNeighbours();
    const before = residentBytes(process.pid);
    let open = 0;
    let most = 0;
    for (let round = 0; round < 100; round += 1) {
      await Promise.all(
        Array.from({ length: 100 }, async () => {
          const socket = await rawSocket(target);
          open += 1;
          most = Math.max(most, open);
          socket.write(hello().subarray(0, 20));
          socket.resume();
          void closed(socket).then(() => {
            open -= 1;
          });
        }),
      );
    }
    expect(await ask()).toBe('still there');
    // The oldest are dropped for the next ones; others wait in the system's own queue, which is as long as the listener's backlog.
    expect(most).toBeLessThan(LIMITS.handshakesAtOnce + 4_096 + 200);
    const newcomer = await node('newcomer');
    await newcomer.network.discover(target.network.address);
    expect(residentBytes(process.pid) - before).toBeLessThan(150 * MEGABYTE);
    await eventually(() => expect(open).toBe(0));
  });

  it('of a peer that proved who it is end its link only', async () => {
    const { target, ask } = await withNeighbours();
    const mallory = await node('mallory', { roles: [Role.Session] });
    tell(mallory, target);
    // A node must not speak for a role it has not: `endpoint` of Data at a node that only has Session.
    await expect(mallory.transport.request(target.transport.self, bytes('?'), PATIENT)).rejects.toMatchObject({
      code: RegistryErrorCode.Unavailable,
    });
    expect(await ask()).toBe('still there');
  });
});
