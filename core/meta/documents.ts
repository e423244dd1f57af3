import { RegistryError, RegistryErrorCode } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { StoredDocument } from '../seams/session-gateway.ts';
import type { Fence, MetaStore, StoredValue } from '../seams/store.ts';
import type { DocumentListAnswer, DocumentWriteAnswer, DocumentWriteRequest } from '../wire/documents.ts';

export const DOCUMENTS_PREFIX = 'doc/';
const PREFIX = DOCUMENTS_PREFIX;
const PAGE_DOCUMENTS = 256;

/** Durable documents over the MetaStore, kept apart from Meta's own records by a prefix. */
export class DocumentStore {
  readonly #store: MetaStore;

  constructor(store: MetaStore) {
    this.#store = store;
  }

  async get(key: string): Promise<StoredDocument | undefined> {
    const stored = await this.#store.get(PREFIX + key);
    return stored === undefined ? undefined : toDocument(stored);
  }

  async list(prefix: string, after: string): Promise<DocumentListAnswer> {
    const revision = await this.#store.revision();
    const start = after === '' ? {} : { after: PREFIX + after };
    const found = await this.#store.list(PREFIX + prefix, { ...start, limit: PAGE_DOCUMENTS });
    const documents: StoredDocument[] = [];
    let bytes = 0;
    for (const stored of found) {
      if (bytes > LIMITS.documentPageBytes) break;
      documents.push(toDocument(stored));
      bytes += stored.value.length;
    }
    const isLast = documents.length === found.length && found.length < PAGE_DOCUMENTS;
    return { revision, next: isLast ? '' : (documents.at(-1)?.key ?? ''), documents };
  }

  /** @throws RegistryError `limit-exceeded`, `conflict`, `not-leader`, `store-unavailable`. */
  async write(request: DocumentWriteRequest, fence: Fence): Promise<DocumentWriteAnswer> {
    assertWritable(request);
    const key = PREFIX + request.key;
    const condition = request.expectedRevision === undefined ? {} : { expectedRevision: request.expectedRevision };
    const { value } = request;
    const existing = await this.#store.get(key);
    if (value === undefined && existing === undefined) return { existed: false, revision: await this.#store.revision() };
    const write = value === undefined ? { kind: 'delete' as const, key, ...condition } : { kind: 'put' as const, key, value, ...condition };
    const result = await this.#store.commit([write], fence);
    if (!result.committed) throw new RegistryError(RegistryErrorCode.Conflict, `document ${request.key} was changed by somebody else`);
    return { existed: existing !== undefined, revision: result.revision };
  }
}

function assertWritable(request: DocumentWriteRequest): void {
  if (request.key === '' || request.key.length > LIMITS.documentKeyLength) {
    throw new RegistryError(RegistryErrorCode.LimitExceeded, `a document key has 1 to ${LIMITS.documentKeyLength} characters`);
  }
  if ((request.value?.length ?? 0) > LIMITS.documentBytes) {
    throw new RegistryError(RegistryErrorCode.LimitExceeded, `a document has at most ${LIMITS.documentBytes} bytes`);
  }
}

function toDocument(stored: StoredValue): StoredDocument {
  return { key: stored.key.slice(PREFIX.length), value: stored.value, revision: stored.revision };
}
