import type { DataInfoId, DocumentWatch, SessionGateway } from '../../core/index.ts';
import { ADDRESS_BLACKLIST, BLACKLISTS, decodeJson, isTexts, NAME_BLACKLIST, readAddressBlacklist } from './operator-records.ts';

/** Addresses and names whose publishers are acknowledged and not stored, as a real SOFARegistry treats them. Subscribers are served. */
export class Blacklists {
  readonly #watch: DocumentWatch;
  #addresses: ReadonlySet<string> = new Set();
  #names: ReadonlySet<string> = new Set();

  constructor(gateway: SessionGateway) {
    this.#watch = gateway.documents.watch(BLACKLISTS, () => this.#read());
  }

  /** Resolves when the stored lists are known. */
  get ready(): Promise<void> {
    return this.#watch.ready;
  }

  /** `address` is `ip:port`. */
  forbidsPublishing(address: string, dataInfoId: DataInfoId): boolean {
    return this.#addresses.has(address.slice(0, address.lastIndexOf(':'))) || this.#names.has(dataInfoId);
  }

  close(): void {
    this.#watch.close();
  }

  /** A list that cannot be read forbids nothing: the operator's door lets none in. */
  #read(): void {
    const names = this.#value(NAME_BLACKLIST);
    this.#names = new Set(isTexts(names) ? names : []);
    const addresses = this.#value(ADDRESS_BLACKLIST);
    this.#addresses = new Set(addresses === undefined ? [] : (readAddressBlacklist(addresses)['FORBIDDEN_PUB']?.['IP_FULL'] ?? []));
  }

  #value(key: string): unknown {
    const document = this.#watch.get(key);
    return document === undefined ? undefined : decodeJson(document.value);
  }
}
