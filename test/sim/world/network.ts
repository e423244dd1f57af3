import { LIMITS, type PeerHandler, type PeerId, type PeerTransport, RegistryError, RegistryErrorCode } from '../../../core/index.ts';
import type { Chance } from './chance.ts';
import type { SimProcess, World } from './world.ts';

interface Endpoint {
  readonly process: SimProcess;
  handler: PeerHandler | undefined;
  readonly brokenListeners: Set<(peer: PeerId) => void>;
  readonly inFlight: Map<PeerId, number>;
}

interface Link {
  /** Grows when the link breaks: what was under way before is lost. */
  generation: number;
  lastArrivalMs: number;
}

/**
 * Messages between roles with latency, in order per link while it lasts; links break, directions go dead, answers get lost.
 * Within one process nothing is ever lost.
 */
export class SimNetwork {
  readonly #world: World;
  readonly #chance: Chance;
  readonly #faultChance: Chance;
  readonly #endpoints = new Map<PeerId, Endpoint>();
  readonly #links = new Map<string, Link>();
  readonly #dead = new Set<string>();
  readonly #waiting = new Set<{ readonly from: SimProcess; readonly toNode: string; fail: () => void }>();
  /** Share of answers that never arrive. */
  answerLoss = 0;
  /** Share of one-way messages that vanish. */
  sendLoss = 0;
  /** Share of messages that arrive twice. */
  duplicates = 0;
  /** Greatest extra latency, ms. */
  jitterMs = 3;
  /** Extra latency of all that reaches or leaves a node, ms. */
  readonly #slow = new Map<string, number>();
  messages = 0;
  /** Bytes of all messages and answers from one node to another so far, by `from>to`. */
  readonly #bytes = new Map<string, number>();

  constructor(world: World) {
    this.#world = world;
    this.#chance = world.stream('network');
    this.#faultChance = world.stream('network faults');
  }

  endpoint(process: SimProcess, self: PeerId): PeerTransport {
    const endpoint: Endpoint = { process, handler: undefined, brokenListeners: new Set(), inFlight: new Map() };
    this.#endpoints.set(self, endpoint);
    return {
      self,
      request: (to, message, { timeoutMs }) => {
        const before = endpoint.inFlight.get(to) ?? 0;
        if (before >= LIMITS.peerRequestsInFlight) {
          return Promise.reject(new RegistryError(RegistryErrorCode.Unavailable, `too many requests to ${to} in flight`));
        }
        endpoint.inFlight.set(to, before + 1);
        return this.#request(endpoint, self, to, message, timeoutMs).finally(() =>
          endpoint.inFlight.set(to, (endpoint.inFlight.get(to) ?? 1) - 1),
        );
      },
      send: (to, message) => {
        this.#weigh(endpoint.process.node, nodeOf(to), message);
        if (nodeOf(to) !== endpoint.process.node && this.#happens(this.sendLoss)) return;
        this.carry(endpoint.process.node, nodeOf(to), () => {
          const target = this.#endpoints.get(to);
          if (target?.handler === undefined || !target.process.isAlive) return;
          for (let copies = this.#happens(this.duplicates) ? 2 : 1; copies > 0; copies -= 1) {
            this.#world.at(target.process, 0, () => void this.#handle(target, self, message).catch(() => undefined));
          }
        });
      },
      serve: (handler) => {
        endpoint.handler = handler;
        return {
          close: () => {
            if (endpoint.handler === handler) endpoint.handler = undefined;
          },
        };
      },
      onLinkBroken: (listener) => {
        endpoint.brokenListeners.add(listener);
        return { close: () => endpoint.brokenListeners.delete(listener) };
      },
      // A simulated link carries again at once: that it works is told by the next pulse.
      onLinkRestored: () => ({ close: () => undefined }),
      learnAddresses: () => undefined,
    };
  }

  bytesBetween(from: string, to: string): number {
    return this.#bytes.get(`${from}>${to}`) ?? 0;
  }

  #weigh(from: string, to: string, message: Uint8Array): void {
    const key = `${from}>${to}`;
    this.#bytes.set(key, (this.#bytes.get(key) ?? 0) + message.length);
  }

  /** Everything from one node to another vanishes; the senders are not told. */
  cut(from: string, to: string): void {
    this.#dead.add(`${from}>${to}`);
  }

  healAll(): void {
    this.#dead.clear();
    this.#slow.clear();
    this.answerLoss = 0;
    this.sendLoss = 0;
    this.duplicates = 0;
    this.jitterMs = 3;
  }

  slowDown(node: string, extraMs: number): void {
    this.#slow.set(node, extraMs);
  }

  /** The connections between two nodes end: what is under way is lost, both sides know at once. */
  breakLinks(a: string, b: string): void {
    this.#link(a, b).generation += 1;
    this.#link(b, a).generation += 1;
    for (const waiting of [...this.#waiting]) {
      const pair = `${waiting.from.node}>${waiting.toNode}`;
      if (pair === `${a}>${b}` || pair === `${b}>${a}`) waiting.fail();
    }
    this.#tellBroken(a, b);
    this.#tellBroken(b, a);
  }

  #tellBroken(at: string, peerNode: string): void {
    for (const [peer] of this.#endpoints) {
      if (nodeOf(peer) !== peerNode) continue;
      for (const endpoint of this.#endpoints.values()) {
        if (endpoint.process.node !== at || !endpoint.process.isAlive) continue;
        this.#world.at(endpoint.process, 0, () => {
          for (const listener of endpoint.brokenListeners) listener(peer);
        });
      }
    }
  }

  #request(endpoint: Endpoint, self: PeerId, to: PeerId, message: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const { process } = endpoint;
      const waiting = {
        from: process,
        toNode: nodeOf(to),
        fail: () => settle(() => reject(new RegistryError(RegistryErrorCode.Unavailable, `the link to ${to} broke`))),
      };
      const settle = (run: () => void) => {
        if (!this.#waiting.delete(waiting)) return;
        timer.cancel();
        run();
      };
      this.#waiting.add(waiting);
      this.#weigh(process.node, nodeOf(to), message);
      const timer = this.#world.at(process, timeoutMs, () =>
        settle(() => reject(new RegistryError(RegistryErrorCode.Timeout, `${to} did not answer within ${timeoutMs} ms`))),
      );
      const answer = (run: () => void) => {
        if (nodeOf(to) !== process.node && this.#chance.isLucky(this.answerLoss)) return;
        this.carry(nodeOf(to), process.node, () => this.#world.at(process, 0, () => settle(run)));
      };
      this.carry(process.node, nodeOf(to), () => {
        const target = this.#endpoints.get(to);
        if (target?.handler === undefined || !target.process.isAlive) {
          answer(() => reject(new RegistryError(RegistryErrorCode.Unavailable, `${to} is not running`)));
          return;
        }
        if (nodeOf(to) !== process.node && this.#happens(this.duplicates)) {
          // The same request twice, as when a link breaks behind it and it is sent again: the first answer goes nowhere.
          this.#world.at(target.process, 0, () => void this.#handle(target, self, message).catch(() => undefined));
        }
        this.#world.at(target.process, 0, () => {
          this.#handle(target, self, message).then(
            (bytes) => {
              if (!target.process.isAlive) return;
              if (bytes === undefined) answer(() => reject(new RegistryError(RegistryErrorCode.Malformed, `${to} has no answer`)));
              else {
                this.#weigh(nodeOf(to), process.node, bytes);
                answer(() => resolve(bytes));
              }
            },
            (caught: unknown) => answer(() => reject(RegistryError.from(caught))),
          );
        });
      });
    });
  }

  async #handle(target: Endpoint, from: PeerId, message: Uint8Array): Promise<Uint8Array | undefined> {
    if (target.handler === undefined) throw new RegistryError(RegistryErrorCode.Unavailable, 'the role is not running');
    return target.handler(from, message);
  }

  #happens(share: number): boolean {
    return share > 0 && this.#faultChance.isLucky(share);
  }

  /** `arrive` runs outside of all processes, or never. */
  carry(fromNode: string, toNode: string, arrive: () => void): void {
    this.messages += 1;
    this.#world.trace.fold(`${fromNode}>${toNode};`);
    if (fromNode === toNode) {
      this.#world.at(undefined, 0, arrive);
      return;
    }
    if (this.#dead.has(`${fromNode}>${toNode}`)) return;
    const link = this.#link(fromNode, toNode);
    const { generation } = link;
    const slowMs = (this.#slow.get(fromNode) ?? 0) + (this.#slow.get(toNode) ?? 0);
    const latencyMs = 0.3 + slowMs + this.#chance.next() * this.jitterMs;
    link.lastArrivalMs = Math.max(link.lastArrivalMs, this.#world.nowMs + latencyMs);
    this.#world.at(undefined, link.lastArrivalMs - this.#world.nowMs, () => {
      if (link.generation === generation && !this.#dead.has(`${fromNode}>${toNode}`)) arrive();
    });
  }

  #link(from: string, to: string): Link {
    const key = `${from}>${to}`;
    let link = this.#links.get(key);
    if (link === undefined) {
      link = { generation: 0, lastArrivalMs: 0 };
      this.#links.set(key, link);
    }
    return link;
  }
}

function nodeOf(peer: PeerId): string {
  return peer.slice(0, peer.indexOf('/'));
}
