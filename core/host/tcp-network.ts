import type { Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import { RegistryError, RegistryErrorCode } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import { type Member, type NodeId, nodeOf, type PeerId, type ProcessId, peerId, Role } from '../model/node.ts';
import type { Clock, Timer } from '../seams/clock.ts';
import type { Log } from '../seams/log.ts';
import type { Closeable, PeerHandler, PeerTransport } from '../seams/transport.ts';
import { OLDEST_PROTOCOL_VERSION, PROTOCOL_VERSION } from '../wire/frame.ts';
import { InProcessNetwork } from './in-process-network.ts';
import { listen as listenOn } from './listener.ts';
import { acceptLink, dialLink, HANDSHAKE_MS, type HandshakeParts, type LinkTls } from './tcp-dial.ts';
import type { NodeIdentity } from './tcp-handshake.ts';
import { AcceptedLink, type Call, type DialedLink, LINK_TICK_MS } from './tcp-link.ts';

const RETRY_LEAST_MS = 100;
const RETRY_MOST_MS = 2_000;

export interface TcpNetworkOptions {
  readonly nodeId: NodeId;
  readonly processId: ProcessId;
  /** Roles that run in this process. */
  readonly roles: readonly Role[];
  /** Nodes of another one are refused by name. */
  readonly cluster: string;
  /** Shared by all nodes; empty on loopback, and where mutual TLS decides. */
  readonly secret: string;
  readonly listen: { readonly host: string; readonly port: number };
  /** Host told to others; empty: where it listens. */
  readonly advertisedHost: string;
  readonly tls: LinkTls | undefined;
  readonly clock: Clock;
  readonly log: Log;
  /** Protocol versions spoken; by default this build's and the one before. */
  readonly versions?: { readonly oldest: number; readonly newest: number };
}

/** One node of the cluster as this process is linked with it. */
export interface LinkState {
  readonly node: NodeId;
  readonly address: string;
  readonly version: number | undefined;
  readonly state: 'linked' | 'dialing' | 'broken' | 'idle';
}

interface Peer {
  readonly nodeId: NodeId;
  address: string | undefined;
  /** As Meta lists them until the node has said so itself. */
  roles: readonly Role[];
  dialed: DialedLink | undefined;
  readonly accepted: Set<AcceptedLink>;
  /** What waits for the dial that is under way; undefined when none is. */
  waiting: ((link: DialedLink | RegistryError) => void)[] | undefined;
  waitingBytes: number;
  retryDelayMs: number;
  nextDialMs: number;
  lastError: string;
  isBroken: boolean;
}

/**
 * Messages between the roles of several processes over TCP. Each node dials the others for its own messages, so a pair of nodes has up to
 * two connections, and each carries one side's messages in order. Between roles of this process nothing touches a socket.
 *
 * Links are dialed when there is something to send, and again with a growing pause after a failure; meanwhile requests fail at once. Silence
 * of three seconds breaks a link, and so does its end: both are told to `onLinkBroken`, and so is a listed peer that cannot be reached.
 */
export class TcpNetwork {
  readonly #options: TcpNetworkOptions;
  readonly #parts: HandshakeParts;
  readonly #local: InProcessNetwork;
  readonly #handlers = new Map<PeerId, PeerHandler>();
  readonly #peers = new Map<NodeId, Peer>();
  readonly #listeners = new Set<{ broken?: (peer: PeerId) => void; restored?: (peer: PeerId) => void }>();
  /** Connections that have not proved who they are, oldest first. */
  readonly #strangers = new Set<Socket>();
  #server: Server | undefined;
  #address = '';
  #timer: Timer | undefined;
  #isClosed = false;

  private constructor(options: TcpNetworkOptions) {
    this.#options = options;
    this.#local = new InProcessNetwork(options.clock);
    const { oldest, newest } = options.versions ?? { oldest: OLDEST_PROTOCOL_VERSION, newest: PROTOCOL_VERSION };
    this.#parts = {
      clock: options.clock,
      terms: { cluster: options.cluster, secret: options.secret, oldestVersion: oldest, newestVersion: newest },
      identity: () => this.#identity(),
      tls: options.tls,
    };
  }

  /** Listens. @throws RegistryError `unavailable` when the port cannot be bound. */
  static async open(options: TcpNetworkOptions): Promise<TcpNetwork> {
    const network = new TcpNetwork(options);
    await network.#listen();
    network.#scheduleTick();
    return network;
  }

  /** `host:port` at which other nodes reach this one. */
  get address(): string {
    return this.#address;
  }

  endpoint(self: PeerId): PeerTransport {
    const inFlight = new Map<PeerId, number>();
    const local = this.#local.endpoint(self);
    const role = self.slice(self.indexOf('/') + 1) as Role;
    return {
      self,
      request: (to, message, options) => {
        if (nodeOf(to) === this.#options.nodeId) return local.request(to, message, options);
        const before = inFlight.get(to) ?? 0;
        if (before >= LIMITS.peerRequestsInFlight) {
          return Promise.reject(new RegistryError(RegistryErrorCode.Unavailable, `too many requests to ${to} in flight`));
        }
        inFlight.set(to, before + 1);
        return this.#request(role, to, message, options.timeoutMs).finally(() => {
          const left = (inFlight.get(to) ?? 1) - 1;
          if (left === 0) inFlight.delete(to);
          else inFlight.set(to, left);
        });
      },
      send: (to, message) => {
        if (nodeOf(to) === this.#options.nodeId) local.send(to, message);
        else this.#send(role, to, message);
      },
      serve: (handler) => this.#serve(self, local, handler),
      onLinkBroken: (listener) => this.#subscribe({ broken: listener }),
      onLinkRestored: (listener) => this.#subscribe({ restored: listener }),
      learnAddresses: (members) => this.#learn(members),
    };
  }

  /**
   * Who answers at an address; the link is kept for what follows.
   *
   * @throws RegistryError `unavailable`, or `wrong-cluster` and `conflict` with the sentence of the side that refused.
   */
  async discover(address: string): Promise<NodeIdentity> {
    const link = await this.#dial(address, undefined);
    return link.peer;
  }

  /** The nodes this process knows, sorted. */
  links(): readonly LinkState[] {
    const stateOf = (peer: Peer) => {
      if (peer.dialed !== undefined || peer.accepted.size > 0) return 'linked';
      if (peer.waiting !== undefined) return 'dialing';
      return peer.isBroken ? 'broken' : 'idle';
    };
    const states = [...this.#peers.values()].map((peer): LinkState => {
      const [accepted] = peer.accepted;
      return { node: peer.nodeId, address: peer.address ?? '', version: (peer.dialed ?? accepted)?.version, state: stateOf(peer) };
    });
    return states.sort((a, b) => (a.node < b.node ? -1 : 1));
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#timer?.cancel();
    for (const peer of this.#peers.values()) {
      peer.dialed?.close('this node stops');
      for (const link of [...peer.accepted]) link.close('this node stops');
    }
    for (const socket of [...this.#strangers]) socket.destroy();
    await new Promise<void>((resolve) => {
      if (this.#server === undefined) resolve();
      else this.#server.close(() => resolve());
    });
  }

  // Messages

  #request(from: Role, to: PeerId, message: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      let isSettled = false;
      let forget = () => undefined as unknown;
      const settle = (run: () => void) => {
        if (isSettled) return;
        isSettled = true;
        timer.cancel();
        run();
      };
      const timer = this.#options.clock.schedule(timeoutMs, () => {
        forget();
        settle(() => reject(new RegistryError(RegistryErrorCode.Timeout, `${to} did not answer within ${timeoutMs} ms`)));
      });
      const call: Call = {
        from,
        to: roleOf(to),
        message,
        resolve: (answer) => settle(() => resolve(answer)),
        reject: (error) => settle(() => reject(error)),
      };
      this.#whenLinked(to, message.length, (link) => {
        if (isSettled) return;
        if (link instanceof RegistryError) call.reject(link);
        else if (!link.hasRoomFor(message.length)) call.reject(fullLink(to));
        else forget = link.request(call);
      });
    });
  }

  #send(from: Role, to: PeerId, message: Uint8Array): void {
    this.#whenLinked(to, message.length, (link) => {
      // Best effort: the receiver notices gaps by itself.
      if (!(link instanceof RegistryError) && link.hasRoomFor(message.length)) link.send(from, roleOf(to), message);
    });
  }

  /** Calls `run` at once when there is a link or none can be had now, else when the dial has ended. */
  #whenLinked(to: PeerId, bytes: number, run: (link: DialedLink | RegistryError) => void): void {
    const peer = this.#peers.get(nodeOf(to));
    if (peer?.dialed?.isOpen === true) run(peer.dialed);
    else if (peer?.waiting !== undefined) {
      if (peer.waitingBytes + bytes > LIMITS.linkQueueBytes || peer.waiting.length >= LIMITS.linkRequestsInFlight) run(fullLink(to));
      else {
        peer.waiting.push(run);
        peer.waitingBytes += bytes;
      }
    } else if (peer?.address === undefined || this.#isClosed) {
      run(new RegistryError(RegistryErrorCode.Unavailable, `it is not known where ${to} is`));
    } else if (this.#options.clock.monotonicMs() < peer.nextDialMs) {
      run(new RegistryError(RegistryErrorCode.Unavailable, `${to} cannot be reached: ${peer.lastError}`));
    } else {
      peer.waiting = [run];
      peer.waitingBytes = bytes;
      void this.#dialPeer(peer, peer.address);
    }
  }

  async #deliver(from: PeerId, to: Role, message: Uint8Array): Promise<Uint8Array | undefined> {
    const self = peerId(this.#options.nodeId, to);
    const handler = this.#handlers.get(self);
    if (handler === undefined) throw new RegistryError(RegistryErrorCode.Unavailable, `${self} is not running`);
    return handler(from, message);
  }

  #serve(self: PeerId, local: PeerTransport, handler: PeerHandler): Closeable {
    const served = local.serve(handler);
    this.#handlers.set(self, handler);
    return {
      close: () => {
        served.close();
        if (this.#handlers.get(self) === handler) this.#handlers.delete(self);
      },
    };
  }

  // Links

  async #dialPeer(peer: Peer, address: string): Promise<void> {
    let outcome: DialedLink | RegistryError;
    try {
      outcome = await this.#dial(address, peer.nodeId);
    } catch (caught) {
      outcome = RegistryError.from(caught);
      peer.lastError = outcome.sentence;
      peer.nextDialMs = this.#options.clock.monotonicMs() + peer.retryDelayMs;
      peer.retryDelayMs = Math.min(RETRY_MOST_MS, peer.retryDelayMs * 2);
      // One that refuses is there. For one that is not, a node that came too late to be linked has as much to say as those that were.
      if (outcome.code === RegistryErrorCode.Unavailable) this.#broken(peer, peer.lastError);
    }
    const waiting = peer.waiting ?? [];
    peer.waiting = undefined;
    peer.waitingBytes = 0;
    for (const run of waiting) run(outcome);
  }

  async #dial(address: string, expected: NodeId | undefined): Promise<DialedLink> {
    const admit = (identity: NodeIdentity) => {
      if (expected !== undefined && identity.nodeId !== expected) {
        throw new RegistryError(RegistryErrorCode.Unavailable, `node ${identity.nodeId} is at ${address}, where ${expected} was`);
      }
      this.#assertOnlyOne(identity);
    };
    const link = await dialLink(address, this.#parts, admit, (closed, reason) => this.#dialedClosed(closed, reason));
    const peer = this.#peer(link.peer.nodeId);
    if (this.#isClosed || peer.dialed?.isOpen === true) {
      // Another dial of the same node was faster.
      link.close('not needed');
      if (peer.dialed !== undefined) return peer.dialed;
    }
    peer.address = address;
    peer.dialed = link;
    this.#linked(peer, link.peer);
    return link;
  }

  #linked(peer: Peer, identity: NodeIdentity): void {
    peer.roles = identity.roles;
    peer.retryDelayMs = RETRY_LEAST_MS;
    peer.nextDialMs = 0;
    if (!peer.isBroken) return;
    peer.isBroken = false;
    this.#options.log.info('linked again', { node: peer.nodeId });
    for (const role of peer.roles) for (const listener of [...this.#listeners]) listener.restored?.(peerId(peer.nodeId, role));
  }

  #dialedClosed(link: DialedLink, reason: string): void {
    link.fail(reason);
    const peer = this.#peers.get(link.peer.nodeId);
    if (peer?.dialed !== link) return;
    peer.dialed = undefined;
    this.#broken(peer, reason);
  }

  /** As long as one of the two connections lives, so does the node. */
  #broken(peer: Peer, reason: string): void {
    if (this.#isClosed || peer.isBroken || peer.dialed !== undefined || peer.accepted.size > 0) return;
    peer.isBroken = true;
    peer.lastError = reason;
    this.#options.log.info('link broken', { node: peer.nodeId, reason });
    for (const role of peer.roles) for (const listener of [...this.#listeners]) listener.broken?.(peerId(peer.nodeId, role));
  }

  /** Two processes with one node id are a mistake that would mix up their data. @throws RegistryError `conflict`. */
  #assertOnlyOne(identity: NodeIdentity): void {
    const { nodeId, processId, address } = this.#identity();
    if (identity.nodeId === nodeId) {
      const isSelf = identity.processId === processId;
      const reason = isSelf
        ? 'a node needs no link to itself'
        : `node ${nodeId} runs twice, at ${address} and at ${identity.address}: is its data folder used by two processes?`;
      throw new RegistryError(RegistryErrorCode.Conflict, reason);
    }
    const peer = this.#peers.get(identity.nodeId);
    const [accepted] = peer?.accepted ?? [];
    const known = (peer?.dialed ?? accepted)?.peer;
    if (known === undefined || known.processId === identity.processId) return;
    throw new RegistryError(
      RegistryErrorCode.Conflict,
      `node ${identity.nodeId} is already here as another process at ${known.address}: is its data folder used by two processes?`,
    );
  }

  #peer(nodeId: NodeId): Peer {
    let peer = this.#peers.get(nodeId);
    if (peer === undefined) {
      peer = {
        nodeId,
        address: undefined,
        roles: [],
        dialed: undefined,
        accepted: new Set(),
        waiting: undefined,
        waitingBytes: 0,
        retryDelayMs: RETRY_LEAST_MS,
        nextDialMs: 0,
        lastError: '',
        isBroken: false,
      };
      this.#peers.set(nodeId, peer);
    }
    return peer;
  }

  /** Addresses as Meta lists them; nodes that are neither listed nor linked are forgotten. */
  #learn(members: readonly Member[]): void {
    const listed = new Set(members.map((member) => nodeOf(member.peer)));
    for (const member of members) {
      const nodeId = nodeOf(member.peer);
      if (member.address === '' || nodeId === this.#options.nodeId) continue;
      const peer = this.#peer(nodeId);
      if (!peer.roles.includes(member.role)) peer.roles = [...peer.roles, member.role];
      if (peer.address === member.address) continue;
      peer.address = member.address;
      peer.nextDialMs = 0;
    }
    for (const peer of [...this.#peers.values()]) {
      const isUsed = listed.has(peer.nodeId) || peer.dialed !== undefined || peer.accepted.size > 0 || peer.waiting !== undefined;
      // Meta nodes are in no list: they stay as long as their address is known by the configuration.
      if (!isUsed && !peer.roles.includes(Role.Meta)) this.#peers.delete(peer.nodeId);
    }
  }

  // Listening

  async #listen(): Promise<void> {
    const { listen, tls, advertisedHost } = this.#options;
    const onSocket = (socket: Socket) => this.#accept(socket);
    this.#server =
      tls === undefined
        ? createServer({ noDelay: true }, onSocket)
        : (await import('node:tls')).createServer(
            {
              ca: tls.ca,
              cert: tls.cert,
              key: tls.key,
              requestCert: true,
              rejectUnauthorized: true,
              noDelay: true,
              handshakeTimeout: HANDSHAKE_MS,
            },
            onSocket,
          );
    const server = this.#server;
    server.on('connection', (socket: Socket) => this.#stranger(socket));
    await listenOn(server, { name: 'cluster', flag: '--cluster.listen', ...listen });
    const bound = server.address();
    const port = typeof bound === 'object' && bound !== null ? bound.port : listen.port;
    const host = advertisedHost === '' ? listen.host : advertisedHost;
    this.#address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  }

  /** Strangers are few and short-lived, whoever connects how often. */
  #stranger(socket: Socket): void {
    socket.on('error', () => undefined);
    this.#strangers.add(socket);
    socket.once('close', () => this.#strangers.delete(socket));
    if (this.#strangers.size <= LIMITS.handshakesAtOnce) return;
    const [oldest] = this.#strangers;
    if (oldest === undefined) return;
    this.#strangers.delete(oldest);
    oldest.destroy();
  }

  #accept(socket: Socket): void {
    const deliver = (from: PeerId, to: Role, message: Uint8Array) => this.#deliver(from, to, message);
    const remotePort = socket.remotePort;
    acceptLink(socket, this.#parts, {
      admit: (identity) => this.#assertOnlyOne(identity),
      opened: (framed, identity, version) => {
        const link = new AcceptedLink(framed, identity, version, deliver);
        // Under TLS the stranger is the connection below; both have the same remote port.
        for (const stranger of this.#strangers) if (stranger.remotePort === remotePort) this.#strangers.delete(stranger);
        const peer = this.#peer(link.peer.nodeId);
        peer.accepted.add(link);
        if (link.peer.address !== '') peer.address = link.peer.address;
        this.#linked(peer, link.peer);
        return link;
      },
      refused: (error, remote) => this.#options.log.warn('a node was refused', { remote, reason: error.message }),
      closed: (link, reason) => {
        const peer = link === undefined ? undefined : this.#peers.get(link.peer.nodeId);
        if (link === undefined || peer === undefined || !peer.accepted.delete(link)) return;
        this.#broken(peer, reason);
      },
    });
  }

  #identity(): NodeIdentity {
    const { nodeId, processId, roles } = this.#options;
    return { nodeId, processId, roles, address: this.#address };
  }

  #subscribe(listener: { broken?: (peer: PeerId) => void; restored?: (peer: PeerId) => void }): Closeable {
    this.#listeners.add(listener);
    return { close: () => this.#listeners.delete(listener) };
  }

  #scheduleTick(): void {
    if (this.#isClosed) return;
    this.#timer = this.#options.clock.schedule(LINK_TICK_MS, () => {
      for (const peer of [...this.#peers.values()]) {
        peer.dialed?.tick();
        for (const link of [...peer.accepted]) link.tick();
      }
      this.#scheduleTick();
    });
  }
}

function roleOf(peer: PeerId): Role {
  return peer.slice(peer.indexOf('/') + 1) as Role;
}

function fullLink(to: PeerId): RegistryError {
  return new RegistryError(RegistryErrorCode.Unavailable, `the link to ${to} is full: ${LIMITS.linkQueueBytes} bytes are under way`);
}
