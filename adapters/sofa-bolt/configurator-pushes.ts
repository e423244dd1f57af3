import {
  type Clock,
  type DataInfoId,
  LIMITS,
  type PushOutcome,
  parseDataInfoId,
  RegistryError,
  RegistryErrorCode,
  type Timer,
} from '../../core/index.ts';
import { encodeReceivedConfigData } from './codec/received-data.ts';
import type { Configurations } from './configurators.ts';
import { PUSH_TIMEOUT_MS } from './push-encoder.ts';

/** Waits before the next try of a push that failed or was not answered; the last one again and again, as long as the client is there. */
const RETRIES_MS = [500, 1_000, 1_500, 5_000] as const;

/** Sends one ReceivedConfigData; `done` is called at most once, and not at all when the client never answers. */
export type ConfigSender = (content: Uint8Array, done: (outcome: PushOutcome) => void) => void;

interface Followed {
  readonly registIds: Set<string>;
  /** Which of its pushes was the last. */
  generation: number;
  attempt: number;
  timer: Timer | undefined;
}

/**
 * The configurators of one client. Each push says what is true when it is sent, to all configurators of its name, so that at most one of them is
 * waited for and nothing is queued for a client that does not read.
 */
export class ConfiguratorPushes {
  readonly #configurations: Configurations;
  readonly #clock: Clock;
  readonly #send: ConfigSender;
  readonly #names = new Map<DataInfoId, Followed>();
  readonly #stopListening: () => void;
  #count = 0;

  constructor(configurations: Configurations, clock: Clock, send: ConfigSender) {
    this.#configurations = configurations;
    this.#clock = clock;
    this.#send = send;
    this.#stopListening = configurations.onChange((dataInfoId) => {
      const followed = this.#names.get(dataInfoId);
      if (followed !== undefined) this.#begin(dataInfoId, followed);
    });
  }

  /** A push follows, with null when there is no configuration. @throws RegistryError `limit-exceeded`. */
  register(dataInfoId: DataInfoId, registId: string): void {
    const followed = this.#names.get(dataInfoId) ?? { registIds: new Set(), generation: 0, attempt: 0, timer: undefined };
    if (!followed.registIds.has(registId)) {
      if (this.#count >= LIMITS.subscribersPerConnection)
        throw new RegistryError(
          RegistryErrorCode.LimitExceeded,
          `one connection has at most ${LIMITS.subscribersPerConnection} configurators`,
        );
      this.#count += 1;
      followed.registIds.add(registId);
      this.#names.set(dataInfoId, followed);
    }
    this.#begin(dataInfoId, followed);
  }

  unregister(dataInfoId: DataInfoId, registId: string): void {
    const followed = this.#names.get(dataInfoId);
    if (followed === undefined || !followed.registIds.delete(registId)) return;
    this.#count -= 1;
    if (followed.registIds.size > 0) return;
    followed.timer?.cancel();
    this.#names.delete(dataInfoId);
  }

  close(): void {
    this.#stopListening();
    for (const { timer } of this.#names.values()) timer?.cancel();
    this.#names.clear();
  }

  #begin(dataInfoId: DataInfoId, followed: Followed): void {
    followed.attempt = 0;
    this.#push(dataInfoId, followed);
  }

  #push(dataInfoId: DataInfoId, followed: Followed): void {
    followed.generation += 1;
    const { generation } = followed;
    const retryMs = RETRIES_MS[Math.min(followed.attempt, RETRIES_MS.length - 1)] ?? 0;
    const retryIn = (delayMs: number) => {
      followed.timer?.cancel();
      followed.timer = this.#clock.schedule(delayMs, () => {
        followed.attempt += 1;
        this.#push(dataInfoId, followed);
      });
    };
    retryIn(PUSH_TIMEOUT_MS + retryMs);
    this.#send(this.#content(dataInfoId, [...followed.registIds]), (outcome) => {
      if (followed.generation !== generation || this.#names.get(dataInfoId) !== followed) return;
      if (outcome === 'failed') retryIn(retryMs);
      else followed.timer?.cancel();
    });
  }

  #content(dataInfoId: DataInfoId, configuratorRegistIds: readonly string[]): Uint8Array {
    const { dataId, instanceId, group } = parseDataInfoId(dataInfoId);
    const data = this.#configurations.value(dataInfoId);
    const version = this.#configurations.nextVersion();
    const dataBox = data === null ? null : { data };
    return encodeReceivedConfigData({ dataId, group, instanceId, version, configuratorRegistIds, dataBox });
  }
}
