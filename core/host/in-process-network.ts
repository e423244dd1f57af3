import { RegistryError, RegistryErrorCode } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { PeerId } from '../model/node.ts';
import type { Clock } from '../seams/clock.ts';
import type { PeerHandler, PeerTransport } from '../seams/transport.ts';

/**
 * Roles of one process: the same encoded frames as between processes, handed over after the current turn, in order. What is
 * sent in one turn arrives in one, so a batch costs one wake-up.
 */
export class InProcessNetwork {
  readonly #clock: Clock;
  readonly #handlers = new Map<PeerId, PeerHandler>();
  #queue: (() => void)[] = [];
  #isScheduled = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  endpoint(self: PeerId): PeerTransport {
    const inFlight = new Map<PeerId, number>();
    return {
      self,
      request: (to, message, { timeoutMs }) => {
        const before = inFlight.get(to) ?? 0;
        if (before >= LIMITS.peerRequestsInFlight) {
          return Promise.reject(new RegistryError(RegistryErrorCode.Unavailable, `too many requests to ${to} in flight`));
        }
        inFlight.set(to, before + 1);
        return this.#request(self, to, message, timeoutMs).finally(() => {
          const left = (inFlight.get(to) ?? 1) - 1;
          if (left === 0) inFlight.delete(to);
          else inFlight.set(to, left);
        });
      },
      send: (to, message) => this.#enqueue(() => void this.#deliver(self, to, message).catch(() => undefined)),
      serve: (handler) => {
        this.#handlers.set(self, handler);
        return {
          close: () => {
            if (this.#handlers.get(self) === handler) this.#handlers.delete(self);
          },
        };
      },
      // Nothing can break between roles of one process.
      onLinkBroken: () => ({ close: () => undefined }),
      onLinkRestored: () => ({ close: () => undefined }),
      learnAddresses: () => undefined,
    };
  }

  #request(from: PeerId, to: PeerId, message: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const timer = this.#clock.schedule(timeoutMs, () =>
        reject(new RegistryError(RegistryErrorCode.Timeout, `${to} did not answer within ${timeoutMs} ms`)),
      );
      this.#enqueue(() => {
        this.#deliver(from, to, message).then(
          (answer) => {
            timer.cancel();
            if (answer === undefined) reject(new RegistryError(RegistryErrorCode.Malformed, `${to} has no answer to this message`));
            else resolve(answer);
          },
          (caught: unknown) => {
            timer.cancel();
            reject(RegistryError.from(caught));
          },
        );
      });
    });
  }

  async #deliver(from: PeerId, to: PeerId, message: Uint8Array): Promise<Uint8Array | undefined> {
    const handler = this.#handlers.get(to);
    if (handler === undefined) throw new RegistryError(RegistryErrorCode.Unavailable, `${to} is not running`);
    return handler(from, message);
  }

  #enqueue(deliver: () => void): void {
    this.#queue.push(deliver);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#clock.soon(() => {
      this.#isScheduled = false;
      const batch = this.#queue;
      this.#queue = [];
      for (const run of batch) run();
    });
  }
}
