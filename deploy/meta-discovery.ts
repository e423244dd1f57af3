import {
  type Clock,
  type Log,
  nodeOf,
  type PeerId,
  peerId,
  RegistryError,
  RegistryErrorCode,
  Role,
  type TcpNetwork,
} from '../core/index.ts';

const RETRY_MS = 500;
/** Addresses whose node is gone are asked again this often: a Meta may have been replaced by one of another id. */
const RECHECK_MS = 5_000;
const SAY_AGAIN_MS = 10_000;
/** A process that died leaves its links for a moment; a node id that is still taken after this is used twice. */
const TAKEN_MOST_MS = 10_000;

/** The network as far as it tells who is where. */
export type Surroundings = Pick<TcpNetwork, 'address' | 'links' | 'discover'>;

/**
 * Finds the Meta nodes at the addresses of `--join`: who is there shows at the handshake. `metas` grows as they are found, in the order of
 * the addresses, and begins with the Meta of this process when it has one.
 */
export class MetaDiscovery {
  readonly metas: PeerId[];
  readonly #network: Surroundings;
  readonly #addresses: readonly string[];
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #found = new Map<string, PeerId>();
  /** By address, why no Meta was found there when it was asked last. */
  readonly #reasons = new Map<string, string>();
  readonly #startedAtMs: number;
  #saidAtMs = Number.NEGATIVE_INFINITY;
  #isStarted = false;
  #stopped = false;

  constructor(network: Surroundings, own: PeerId | undefined, addresses: readonly string[], clock: Clock, log: Log) {
    this.#network = network;
    this.metas = own === undefined ? [] : [own];
    this.#addresses = addresses.filter((address) => address !== network.address);
    this.#clock = clock;
    this.#log = log;
    this.#startedAtMs = clock.monotonicMs();
  }

  /** Addresses at which no Meta has been found yet, and why, for the readiness page. */
  get missing(): readonly { readonly address: string; readonly reason: string }[] {
    return this.#addresses
      .filter((address) => !this.#found.has(address))
      .map((address) => ({ address, reason: this.#reasons.get(address) ?? 'not asked yet' }));
  }

  /**
   * Resolves when at least one Meta is known; goes on looking for the others.
   *
   * @throws RegistryError `wrong-cluster` when a Meta refuses this node, `conflict` when its node id is in use.
   */
  async start(): Promise<void> {
    for (;;) {
      await this.#look();
      if (this.metas.length > 0 || this.#stopped) break;
      this.#sayWaiting();
      await this.#pause(RETRY_MS);
    }
    this.#isStarted = true;
    if (!this.#stopped) void this.#goOn();
  }

  stop(): void {
    this.#stopped = true;
  }

  async #goOn(): Promise<void> {
    while (!this.#stopped) {
      await this.#pause(this.missing.length > 0 ? RETRY_MS * 2 : RECHECK_MS);
      if (!this.#stopped) await this.#look();
    }
  }

  async #look(): Promise<void> {
    const linked = new Set(this.#network.links().flatMap((link) => (link.state === 'linked' ? [link.node] : [])));
    const wanted = this.#addresses.filter((address) => {
      const known = this.#found.get(address);
      return known === undefined || !linked.has(nodeOf(known));
    });
    await Promise.all(wanted.map((address) => this.#ask(address)));
  }

  async #ask(address: string): Promise<void> {
    try {
      const { nodeId, roles } = await this.#network.discover(address);
      if (!roles.includes(Role.Meta)) {
        this.#missed(address, `node ${nodeId} at ${address} has no Meta role`);
        return;
      }
      const meta = peerId(nodeId, Role.Meta);
      this.#reasons.delete(address);
      this.#found.set(address, meta);
      if (!this.metas.includes(meta)) this.metas.push(meta);
    } catch (caught) {
      const error = RegistryError.from(caught);
      if (!this.#isStarted && this.#isFinal(error)) throw error;
      this.#missed(address, error.sentence);
    }
  }

  #isFinal({ code }: RegistryError): boolean {
    const isTaken = code === RegistryErrorCode.Conflict && this.metas.length === 0;
    return code === RegistryErrorCode.WrongCluster || (isTaken && this.#clock.monotonicMs() - this.#startedAtMs > TAKEN_MOST_MS);
  }

  /** An address that is asked again and again gives the same reason: it is worth a line when it is new. */
  #missed(address: string, reason: string): void {
    if (this.#reasons.get(address) === reason) return;
    this.#reasons.set(address, reason);
    this.#saidAtMs = Number.NEGATIVE_INFINITY;
    // Of one that was there before, the network has told that its link is broken.
    if (this.metas.length > 0 && !this.#found.has(address)) this.#log.warn('a Meta of --join is missing', { address, reason });
  }

  #sayWaiting(): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#saidAtMs < SAY_AGAIN_MS) return;
    this.#saidAtMs = nowMs;
    const reason = [...this.#reasons.values()].join('; ');
    this.#log.info('waiting for Meta', { join: this.#addresses.join(','), reason });
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.#clock.schedule(delayMs, resolve));
  }
}
