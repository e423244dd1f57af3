import { RegistryError } from '../model/errors.ts';
import type { PeerId } from '../model/node.ts';
import type { RoleHost } from '../seams/host.ts';
import type { MetaClient } from '../wire/meta-client.ts';
import { decodeSessionLoadsAnswer, encodeSessionLoads } from '../wire/session-loads.ts';

/** Meta itself hears each Session once a second. */
const FRESH_MS = 1_000;
/** A Meta that is gone, or of a version before this message, is not asked for each client. */
const RETRY_MS = 5_000;
/** Clients wait 3 s for the list. */
const TIMEOUT_MS = 500;
const NOTHING: ReadonlyMap<PeerId, number> = new Map();

/** The client connections of all Sessions, asked of Meta when somebody reads them: at most once a second, and never at rest. */
export class SessionLoads {
  readonly #host: RoleHost;
  readonly #meta: MetaClient;
  #known: ReadonlyMap<PeerId, number> = NOTHING;
  #validUntilMs = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | undefined;

  constructor(host: RoleHost, meta: MetaClient) {
    this.#host = host;
    this.#meta = meta;
  }

  /** By Session; one that Meta has not heard yet is missing, and all are when Meta does not answer within 500 ms. */
  async read(): Promise<ReadonlyMap<PeerId, number>> {
    if (this.#host.clock.monotonicMs() >= this.#validUntilMs) {
      this.#asking ??= this.#ask().finally(() => {
        this.#asking = undefined;
      });
      await this.#asking;
    }
    return this.#known;
  }

  async #ask(): Promise<void> {
    let validMs = FRESH_MS;
    try {
      const loads = decodeSessionLoadsAnswer(await this.#meta.request(encodeSessionLoads(), { timeoutMs: TIMEOUT_MS }));
      this.#known = new Map(loads.map(({ peer, connections }) => [peer, connections]));
    } catch (caught) {
      this.#host.log.debug('Meta did not tell how many clients the other Sessions have', { reason: RegistryError.from(caught).message });
      this.#known = NOTHING;
      validMs = RETRY_MS;
    }
    this.#validUntilMs = this.#host.clock.monotonicMs() + validMs;
  }
}
