import { RegistryError, RegistryErrorCode } from '../model/errors.ts';
import type { RoleHost } from '../seams/host.ts';
import type { DocumentChange, DocumentGateway, DocumentWatch, StoredDocument } from '../seams/session-gateway.ts';
import {
  type DocumentsChanged,
  decodeDocumentGetAnswer,
  decodeDocumentListAnswer,
  decodeDocumentWriteAnswer,
  encodeDocumentGet,
  encodeDocumentList,
  encodeDocumentWrite,
} from '../wire/documents.ts';
import type { MetaClient } from '../wire/meta-client.ts';

const TIMEOUT_MS = 3_000;
const RETRY_MS = 300;

interface Watch {
  readonly prefix: string;
  readonly changed: (change: DocumentChange) => void;
  readonly documents: Map<string, StoredDocument>;
  isReady: boolean;
  resolveReady: () => void;
}

/** Durable documents through Meta, with a local copy of every prefix that is watched. */
export class Documents implements DocumentGateway {
  readonly #host: RoleHost;
  readonly #meta: MetaClient;
  readonly #watches = new Set<Watch>();
  /** The store's revision up to which the copies are complete. */
  #revision = 0;
  #isReading = false;
  #readAgain = false;
  #stopped = false;

  constructor(host: RoleHost, meta: MetaClient) {
    this.#host = host;
    this.#meta = meta;
  }

  async put(key: string, value: Uint8Array, expectedRevision?: number): Promise<number> {
    const { revision } = await this.#write(key, value, expectedRevision);
    this.#learn({ kind: 'put', document: { key, value, revision } }, revision);
    return revision;
  }

  async delete(key: string): Promise<boolean> {
    const { existed, revision } = await this.#write(key, undefined, undefined);
    if (existed) this.#learn({ kind: 'delete', key }, revision);
    return existed;
  }

  watch(prefix: string, changed: (change: DocumentChange) => void): DocumentWatch {
    let resolveReady: () => void = () => undefined;
    const ready = new Promise<void>((resolve) => {
      resolveReady = resolve;
    });
    const watch: Watch = { prefix, changed, documents: new Map(), isReady: false, resolveReady };
    this.#watches.add(watch);
    void this.#readAll();
    return {
      ready,
      get: (key) => watch.documents.get(key),
      entries: () => watch.documents.values(),
      close: () => this.#watches.delete(watch),
    };
  }

  /** Meta says that some keys changed: those of interest are read. */
  async changed({ keys, revision }: DocumentsChanged): Promise<void> {
    for (const key of keys) {
      if (![...this.#watches].some((watch) => key.startsWith(watch.prefix))) continue;
      try {
        const frame = await this.#meta.request(encodeDocumentGet(key), { timeoutMs: TIMEOUT_MS });
        const document = decodeDocumentGetAnswer(frame);
        if (document === undefined) this.#learn({ kind: 'delete', key }, revision);
        else this.#learn({ kind: 'put', document: { ...document, value: document.value.slice() } }, document.revision);
      } catch (caught) {
        this.#host.log.debug('a changed document could not be read yet', { key, reason: RegistryError.from(caught).message });
        void this.#readAll();
      }
    }
    this.#revision = Math.max(this.#revision, revision);
  }

  /** A heartbeat told of a revision that no notice explained: everything watched is read again. */
  revisionSeen(revision: number): void {
    if (revision > this.#revision && this.#watches.size > 0) void this.#readAll();
  }

  stop(): void {
    this.#stopped = true;
    // Whoever waits for the documents waits in vain now.
    for (const watch of this.#watches) watch.resolveReady();
  }

  async #write(key: string, value: Uint8Array | undefined, expectedRevision: number | undefined) {
    const request = encodeDocumentWrite({ key, value, expectedRevision });
    const frame = await this.#meta.request(request, { timeoutMs: TIMEOUT_MS });
    return decodeDocumentWriteAnswer(frame);
  }

  #learn(change: DocumentChange, revision: number): void {
    const key = change.kind === 'put' ? change.document.key : change.key;
    for (const watch of this.#watches) {
      if (!key.startsWith(watch.prefix)) continue;
      const known = watch.documents.get(key);
      if (known !== undefined && known.revision >= revision) continue;
      if (change.kind === 'put') watch.documents.set(key, change.document);
      else if (!watch.documents.delete(key)) continue;
      watch.changed(change);
    }
  }

  async #readAll(): Promise<void> {
    if (this.#isReading) {
      this.#readAgain = true;
      return;
    }
    this.#isReading = true;
    do {
      this.#readAgain = false;
      for (const watch of [...this.#watches]) await this.#readWatch(watch);
    } while (this.#readAgain && !this.#stopped);
    this.#isReading = false;
  }

  async #readWatch(watch: Watch): Promise<void> {
    while (this.#watches.has(watch) && !this.#stopped) {
      try {
        const { documents, revision } = await this.#list(watch.prefix);
        const seen = new Set(documents.map((document) => document.key));
        for (const document of documents) this.#learn({ kind: 'put', document }, document.revision);
        for (const key of [...watch.documents.keys()]) if (!seen.has(key)) this.#learn({ kind: 'delete', key }, revision);
        this.#revision = Math.max(this.#revision, revision);
        watch.isReady = true;
        watch.resolveReady();
        return;
      } catch (caught) {
        const error = RegistryError.from(caught);
        if (error.code === RegistryErrorCode.Stopped) return;
        this.#host.log.debug('documents could not be read yet', { prefix: watch.prefix, reason: error.message });
        await new Promise<void>((resolve) => this.#host.clock.schedule(RETRY_MS, resolve));
      }
    }
  }

  async #list(prefix: string): Promise<{ readonly documents: readonly StoredDocument[]; readonly revision: number }> {
    const documents: StoredDocument[] = [];
    let after = '';
    let revision: number | undefined;
    do {
      const frame = await this.#meta.request(encodeDocumentList(prefix, after), { timeoutMs: TIMEOUT_MS });
      const page = decodeDocumentListAnswer(frame);
      revision ??= page.revision;
      for (const document of page.documents) documents.push({ ...document, value: document.value.slice() });
      after = page.next;
    } while (after !== '');
    return { documents, revision };
  }
}
