import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type Closeable,
  createNodeClock,
  InProcessNetwork,
  LIMITS,
  type NodeId,
  nodeOf,
  type PeerHandler,
  type PeerId,
  type PeerTransport,
  peerId,
  processId,
  RegistryError,
  RegistryErrorCode,
  Role,
} from '../../core/index.ts';
import { SimNetwork } from '../sim/world/network.ts';
import { Trace } from '../sim/world/trace.ts';
import { World } from '../sim/world/world.ts';
import { eventually } from '../support/eventually.ts';
import { openNode, TEST_TLS } from '../support/tcp-nodes.ts';

/** Some endpoints that can reach each other. */
interface TransportWorld {
  endpoint(self: PeerId): Promise<PeerTransport>;
  dispose(): Promise<void>;
}

const id = (name: string) => peerId(name as NodeId, Role.Data);
const bytes = (text: string) => new TextEncoder().encode(text);
const text = (value: Uint8Array) => new TextDecoder().decode(value);
const PATIENT = { timeoutMs: 20_000 };

/** What every PeerTransport promises: `seams/transport.ts`. */
function peerTransportContract(name: string, create: () => Promise<TransportWorld>): void {
  describe(name, () => {
    let world: TransportWorld;
    let alice: PeerTransport;
    let bob: PeerTransport;
    let serving: Closeable[];
    beforeEach(async () => {
      world = await create();
      alice = await world.endpoint(id('alice'));
      bob = await world.endpoint(id('bob'));
      serving = [];
    });
    afterEach(async () => {
      for (const closeable of serving) closeable.close();
      await world.dispose();
    });

    const serve = (at: PeerTransport, handler: PeerHandler) => {
      const closeable = at.serve(handler);
      serving.push(closeable);
      return closeable;
    };
    const ask = async (from: PeerTransport, to: PeerTransport, message = 'question') =>
      text(await from.request(to.self, bytes(message), PATIENT));

    it('knows its own name', () => {
      expect([alice.self, bob.self]).toEqual([id('alice'), id('bob')]);
    });

    it('brings the answer of the peer, who is told who asks', async () => {
      serve(bob, (from, message) => bytes(`${text(message)} of ${from}`));
      expect(await ask(alice, bob)).toBe(`question of ${alice.self}`);
    });

    it('brings answers that come later, each to its own question', async () => {
      const answers: (() => void)[] = [];
      serve(bob, (_from, message) => new Promise((resolve) => answers.push(() => resolve(bytes(`answer ${text(message)}`)))));
      const asked = ['1', '2', '3'].map((question) => ask(alice, bob, question));
      await eventually(() => expect(answers).toHaveLength(3));
      for (const answer of answers.reverse()) answer();
      expect(await Promise.all(asked)).toEqual(['answer 1', 'answer 2', 'answer 3']);
    });

    it('carries any bytes, none and a megabyte', async () => {
      serve(bob, (_from, message) => message);
      for (const message of [new Uint8Array(0), Uint8Array.from({ length: 256 }, (_, at) => at), new Uint8Array(1024 * 1024).fill(5)]) {
        const answer = await alice.request(bob.self, message, PATIENT);
        expect(Buffer.compare(answer, message)).toBe(0);
      }
    });

    it('lets both ask each other at the same time', async () => {
      serve(alice, () => bytes('from alice'));
      serve(bob, async () => bytes(`bob heard "${await ask(bob, alice)}"`));
      expect(await Promise.all([ask(alice, bob), ask(bob, alice)])).toEqual(['bob heard "from alice"', 'from alice']);
    });

    it('lets a peer ask itself', async () => {
      serve(alice, (from) => bytes(from));
      expect(await ask(alice, alice)).toBe(alice.self);
    });

    it('delivers the messages of a pair in the order sent, requests and sends mixed', async () => {
      const heard: string[] = [];
      serve(bob, (_from, message) => {
        heard.push(text(message));
        return new Uint8Array(0);
      });
      const sent = Array.from({ length: 300 }, (_, at) => String(at));
      const answers: Promise<Uint8Array>[] = [];
      for (const [at, message] of sent.entries()) {
        if (at % 3 === 0) answers.push(alice.request(bob.self, bytes(message), PATIENT));
        else alice.send(bob.self, bytes(message));
        // Some in the same turn, some in later ones.
        if (at % 50 === 49) await new Promise((resolve) => setImmediate(resolve));
      }
      await Promise.all(answers);
      await eventually(() => expect(heard).toHaveLength(sent.length));
      expect(heard).toEqual(sent);
    });

    it('keeps the order of each pair when several talk to one', async () => {
      const carol = await world.endpoint(id('carol'));
      const heard = new Map<PeerId, string[]>([
        [alice.self, []],
        [carol.self, []],
      ]);
      serve(bob, (from, message) => {
        heard.get(from)?.push(text(message));
        return undefined;
      });
      const sent = Array.from({ length: 100 }, (_, at) => String(at));
      for (const message of sent) {
        alice.send(bob.self, bytes(message));
        carol.send(bob.self, bytes(message));
      }
      await eventually(() => expect([...heard.values()]).toEqual([sent, sent]));
    });

    it('goes on delivering while a handler is slow', async () => {
      let release: () => void = () => undefined;
      serve(bob, (_from, message) => {
        if (text(message) !== 'slow') return bytes('fast answer');
        return new Promise((resolve) => {
          release = () => resolve(bytes('slow answer'));
        });
      });
      const slow = ask(alice, bob, 'slow');
      expect(await ask(alice, bob, 'fast')).toBe('fast answer');
      release();
      expect(await slow).toBe('slow answer');
    });

    it('delivers nothing during the call that sends it', async () => {
      let isCalling = true;
      const heard: boolean[] = [];
      serve(bob, () => {
        heard.push(isCalling);
        return bytes('answer');
      });
      alice.send(bob.self, bytes('sent'));
      const asked = ask(alice, bob);
      expect(heard).toEqual([]);
      isCalling = false;
      await asked;
      expect(heard).toEqual([false, false]);
    });

    it('delivers nothing to a peer in the middle of its own turn', async () => {
      const turns: string[] = [];
      serve(bob, (_from, message) => {
        const name = text(message);
        turns.push(`${name} begins`);
        if (name === 'first') bob.send(bob.self, bytes('second'));
        turns.push(`${name} ends`);
        return undefined;
      });
      alice.send(bob.self, bytes('first'));
      await eventually(() => expect(turns).toHaveLength(4));
      expect(turns).toEqual(['first begins', 'first ends', 'second begins', 'second ends']);
    });

    it('ends a request that nobody answers as a timeout that names the peer', async () => {
      serve(bob, () => new Promise(() => undefined));
      const asked = alice.request(bob.self, bytes('question'), { timeoutMs: 30 });
      await expect(asked).rejects.toMatchObject({
        name: 'RegistryError',
        code: RegistryErrorCode.Timeout,
        message: expect.stringContaining(bob.self),
      });
    });

    it('does nothing with an answer that comes after the timeout', async () => {
      let answerLate: () => void = () => undefined;
      serve(bob, (_from, message) => {
        if (text(message) !== 'late') return bytes('in time');
        return new Promise((resolve) => {
          answerLate = () => resolve(bytes('too late'));
        });
      });
      await expect(alice.request(bob.self, bytes('late'), { timeoutMs: 30 })).rejects.toMatchObject({ code: RegistryErrorCode.Timeout });
      answerLate();
      expect(await ask(alice, bob, 'next')).toBe('in time');
    });

    it('answers "unavailable" for a peer without a handler and for one nobody knows', async () => {
      const unavailable = { name: 'RegistryError', code: RegistryErrorCode.Unavailable };
      await expect(ask(alice, bob)).rejects.toMatchObject(unavailable);
      await expect(alice.request(id('nobody'), bytes('question'), PATIENT)).rejects.toMatchObject(unavailable);
    });

    it('answers "unavailable" once a handler is closed, and serves the next one', async () => {
      const first = serve(bob, () => bytes('first'));
      expect(await ask(alice, bob)).toBe('first');
      first.close();
      await expect(ask(alice, bob)).rejects.toMatchObject({ code: RegistryErrorCode.Unavailable });
      serve(bob, () => bytes('second'));
      first.close();
      expect(await ask(alice, bob)).toBe('second');
    });

    it.each(Object.values(RegistryErrorCode))('brings the code "%s" with which a handler refuses', async (code) => {
      serve(bob, () => Promise.reject(new RegistryError(code, 'said by bob')));
      await expect(ask(alice, bob)).rejects.toMatchObject({ name: 'RegistryError', code, message: expect.stringContaining('said by bob') });
    });

    it('brings a code for a handler that throws at once, and for what is no RegistryError', async () => {
      serve(bob, (_from, message) => {
        if (text(message) === 'refuse') throw new RegistryError(RegistryErrorCode.NotFound, 'thrown');
        throw new TypeError('a mistake of bob');
      });
      await expect(ask(alice, bob, 'refuse')).rejects.toMatchObject({ name: 'RegistryError', code: RegistryErrorCode.NotFound });
      await expect(ask(alice, bob, 'break')).rejects.toBeInstanceOf(RegistryError);
    });

    it('ends a request that a handler has no answer to with an error, not with silence', async () => {
      serve(bob, () => undefined);
      await expect(ask(alice, bob)).rejects.toBeInstanceOf(RegistryError);
    });

    it('sends to nobody, and to a handler that fails, without harm', async () => {
      alice.send(id('nobody'), bytes('lost'));
      alice.send(bob.self, bytes('lost'));
      await expect(ask(alice, bob)).rejects.toMatchObject({ code: RegistryErrorCode.Unavailable });
      const heard: string[] = [];
      serve(bob, (_from, message) => {
        heard.push(text(message));
        if (text(message) === 'throw') throw new Error('thrown');
        if (text(message) === 'reject') return Promise.reject(new Error('rejected'));
        return bytes('answer');
      });
      alice.send(bob.self, bytes('throw'));
      alice.send(bob.self, bytes('reject'));
      expect(await ask(alice, bob)).toBe('answer');
      expect(heard).toEqual(['throw', 'reject', 'question']);
    });

    it('refuses the request above the limit in flight, still sends, and takes requests again when answers have come', async () => {
      const answers: (() => void)[] = [];
      const heard: string[] = [];
      serve(bob, (_from, message) => {
        heard.push(text(message));
        return new Promise((resolve) => answers.push(() => resolve(message)));
      });
      const asked = Array.from({ length: LIMITS.peerRequestsInFlight }, (_, at) => ask(alice, bob, String(at)));
      await expect(ask(alice, bob, 'one too many')).rejects.toMatchObject({
        code: RegistryErrorCode.Unavailable,
        message: expect.stringContaining(bob.self),
      });
      alice.send(bob.self, bytes('sent'));
      await eventually(() => expect(heard).toHaveLength(LIMITS.peerRequestsInFlight + 1));
      expect(heard.at(-1)).toBe('sent');

      // The same number the other way is counted apart.
      serve(alice, () => bytes('alice answers'));
      expect(await ask(bob, alice)).toBe('alice answers');

      for (const answer of answers) answer();
      expect(await Promise.all(asked)).toHaveLength(LIMITS.peerRequestsInFlight);
      const again = ask(alice, bob, 'again');
      await eventually(() => expect(heard.at(-1)).toBe('again'));
      answers.at(-1)?.();
      expect(await again).toBe('again');
    });

    it('takes requests again when the ones in flight have timed out', async () => {
      let isMute = true;
      serve(bob, (_from, message) => (isMute ? new Promise(() => undefined) : message));
      const asked = Array.from({ length: LIMITS.peerRequestsInFlight }, () =>
        alice.request(bob.self, bytes('question'), { timeoutMs: 30 }),
      );
      for (const outcome of await Promise.allSettled(asked)) {
        expect(outcome).toMatchObject({ status: 'rejected', reason: { code: RegistryErrorCode.Timeout } });
      }
      isMute = false;
      expect(await ask(alice, bob, 'again')).toBe('again');
    });

    it('tells nobody of a broken link because a peer is slow', async () => {
      const broken: PeerId[] = [];
      serving.push(alice.onLinkBroken((peer) => broken.push(peer)));
      serve(bob, () => new Promise(() => undefined));
      await expect(alice.request(bob.self, bytes('question'), { timeoutMs: 30 })).rejects.toMatchObject({
        code: RegistryErrorCode.Timeout,
      });
      expect(broken).toEqual([]);
    });
  });
}

peerTransportContract('endpoints of one process', async () => {
  const network = new InProcessNetwork(createNodeClock());
  return { endpoint: async (self) => network.endpoint(self), dispose: async () => undefined };
});

/** Each endpoint at a node of its own; every node knows where the others are. */
async function tcpWorld(options: Parameters<typeof openNode>[1]): Promise<TransportWorld> {
  const nodes: Awaited<ReturnType<typeof openNode>>[] = [];
  const transports: PeerTransport[] = [];
  return {
    endpoint: async (self) => {
      const node = await openNode(nodeOf(self), options);
      nodes.push(node);
      transports.push(node.endpoint(self));
      const members = transports.map((peer, at) => ({
        peer: peer.self,
        role: Role.Data,
        processId: processId(nodeOf(peer.self), 'p'),
        address: nodes[at]?.address ?? '',
        zone: '',
      }));
      for (const transport of transports) transport.learnAddresses(members);
      return node.endpoint(self);
    },
    dispose: async () => {
      for (const node of nodes) await node.close();
    },
  };
}

peerTransportContract('nodes over TCP', () => tcpWorld({}));
peerTransportContract('nodes over TCP with mutual TLS', () => tcpWorld({ tls: TEST_TLS }));

peerTransportContract('simulated nodes', async () => {
  const world = new World(1, new Trace());
  const network = new SimNetwork(world);
  const startedMs = performance.now();
  let isOver = false;
  const running = (async () => {
    while (!isOver) {
      // No faster than real time, in which the tests wait.
      await world.runUntil(performance.now() - startedMs);
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  return {
    endpoint: async (self) =>
      network.endpoint(
        world.startProcess(nodeOf(self), () => 0),
        self,
      ),
    dispose: async () => {
      isOver = true;
      await running;
    },
  };
});
