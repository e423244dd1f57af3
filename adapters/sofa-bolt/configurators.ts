import {
  type DataInfoId,
  type DatumVersion,
  type DocumentWatch,
  type Host,
  nextDatumVersion,
  type SessionGateway,
} from '../../core/index.ts';

const PREFIX = 'sofa/config/';

/** What a configurator is told: the text an operator has set for a name, or null, and a version that grows with each change. */
export interface ConfigValue {
  readonly data: string | null;
  readonly version: DatumVersion;
}

export type ConfigListener = (dataInfoId: DataInfoId, value: ConfigValue) => void;

/**
 * Configuration data that clients follow with configurators: durable documents, one per name. Nothing set is a value too, with a version
 * of this process's start, above what a client may bring from a real SOFARegistry.
 */
export class Configurations {
  readonly #watch: DocumentWatch;
  readonly #host: Host;
  readonly #listeners = new Set<ConfigListener>();
  readonly #versions = new Map<DataInfoId, DatumVersion>();
  readonly #startVersion: DatumVersion;

  constructor(gateway: SessionGateway, host: Host) {
    this.#host = host;
    this.#startVersion = nextDatumVersion(0n, host.clock.wallMs());
    this.#watch = gateway.documents.watch(PREFIX, (change) => {
      const key = change.kind === 'put' ? change.document.key : change.key;
      this.#changed(key.slice(PREFIX.length) as DataInfoId);
    });
  }

  value(dataInfoId: DataInfoId): ConfigValue {
    const document = this.#watch.get(`${PREFIX}${dataInfoId}`);
    const data = document === undefined ? null : new TextDecoder().decode(document.value);
    return { data, version: this.#versions.get(dataInfoId) ?? this.#startVersion };
  }

  onChange(listener: ConfigListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#watch.close();
    this.#listeners.clear();
  }

  #changed(dataInfoId: DataInfoId): void {
    this.#versions.set(dataInfoId, nextDatumVersion(this.value(dataInfoId).version, this.#host.clock.wallMs()));
    const value = this.value(dataInfoId);
    for (const listener of this.#listeners) listener(dataInfoId, value);
  }
}
