import {
  type DataInfoId,
  type DatumVersion,
  type DocumentWatch,
  type Host,
  nextDatumVersion,
  type SessionGateway,
} from '../../core/index.ts';
import { CONFIGURATIONS, configurationName, decodeConfiguration } from './operator-records.ts';

export type ConfigListener = (dataInfoId: DataInfoId) => void;

/** Configuration data that clients follow with configurators: durable documents, one per name, which operators write. */
export class Configurations {
  /** Resolves when every stored value is known; before, a client must not be told that there is none. */
  readonly ready: Promise<void>;
  readonly #watch: DocumentWatch;
  readonly #host: Host;
  readonly #listeners = new Set<ConfigListener>();
  #lastVersion: DatumVersion = 0n;

  constructor(gateway: SessionGateway, host: Host) {
    this.#host = host;
    this.#watch = gateway.documents.watch(CONFIGURATIONS, (change) => {
      const name = configurationName(change.kind === 'put' ? change.document.key : change.key);
      for (const listener of this.#listeners) listener(name);
    });
    this.ready = this.#watch.ready;
  }

  /** The text an operator has set for a name, or null. */
  value(dataInfoId: DataInfoId): string | null {
    const document = this.#watch.get(`${CONFIGURATIONS}${dataInfoId}`);
    if (document === undefined) return null;
    const configuration = decodeConfiguration(document.value);
    if (configuration === undefined) this.#host.log.warn('a stored configuration cannot be read and counts as none', { dataInfoId });
    return configuration?.data ?? null;
  }

  /**
   * A version for what is sent now. It is the moment's own in the numbering of a real SOFARegistry, so that a client which comes from one, or
   * from another gateway, takes what it is told: the newest word is the last one spoken.
   */
  nextVersion(): DatumVersion {
    this.#lastVersion = nextDatumVersion(this.#lastVersion, this.#host.clock.wallMs());
    return this.#lastVersion;
  }

  onChange(listener: ConfigListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#watch.close();
    this.#listeners.clear();
  }
}
