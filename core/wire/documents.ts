import type { ByteReader } from '../codec/byte-reader.ts';
import type { ByteWriter } from '../codec/byte-writer.ts';
import type { StoredDocument } from '../seams/session-gateway.ts';
import { beginFrame, MessageKind, openFrame } from './frame.ts';

/**
 * Session -> Meta: durable documents. A write is answered when the MetaStore has committed, or with a RegistryError
 * (`store-unavailable`, `conflict`, `limit-exceeded`).
 *
 *     get request   := key:text                      answer := documents:list (0 or 1)
 *     list request  := prefix:text after:text        answer := revision:varint next:text documents:list
 *     write request := key:text put:bool value:blob conditional:bool expectedRevision:varint
 *     write answer  := existed:bool revision:varint
 *     changed       := revision:varint keys:list     (Meta -> every Session, one way)
 *     document      := key:text revision:varint value:blob
 */
export interface DocumentListAnswer {
  /** Revision of the store when the page was read. */
  readonly revision: number;
  readonly next: string;
  readonly documents: readonly StoredDocument[];
}

export interface DocumentWriteRequest {
  readonly key: string;
  /** undefined deletes. */
  readonly value: Uint8Array | undefined;
  readonly expectedRevision: number | undefined;
}

export interface DocumentWriteAnswer {
  readonly existed: boolean;
  readonly revision: number;
}

export interface DocumentsChanged {
  readonly revision: number;
  readonly keys: readonly string[];
}

export function encodeDocumentGet(key: string): Uint8Array {
  return beginFrame(MessageKind.DocumentGet).text(key).finish();
}

export function decodeDocumentGet(frame: Uint8Array): string {
  const reader = openFrame(frame, MessageKind.DocumentGet);
  const key = reader.text();
  reader.end();
  return key;
}

export function encodeDocumentGetAnswer(document: StoredDocument | undefined): Uint8Array {
  return beginFrame(MessageKind.DocumentGet)
    .list(document === undefined ? [] : [document], writeDocument)
    .finish();
}

export function decodeDocumentGetAnswer(frame: Uint8Array): StoredDocument | undefined {
  const reader = openFrame(frame, MessageKind.DocumentGet);
  const [document] = reader.list(readDocument);
  reader.end();
  return document;
}

export function encodeDocumentList(prefix: string, after: string): Uint8Array {
  return beginFrame(MessageKind.DocumentList).text(prefix).text(after).finish();
}

export function decodeDocumentList(frame: Uint8Array): { readonly prefix: string; readonly after: string } {
  const reader = openFrame(frame, MessageKind.DocumentList);
  const request = { prefix: reader.text(), after: reader.text() };
  reader.end();
  return request;
}

export function encodeDocumentListAnswer(answer: DocumentListAnswer): Uint8Array {
  const writer = beginFrame(MessageKind.DocumentList, 1_024).varint(answer.revision).text(answer.next);
  return writer.list(answer.documents, writeDocument).finish();
}

export function decodeDocumentListAnswer(frame: Uint8Array): DocumentListAnswer {
  const reader = openFrame(frame, MessageKind.DocumentList);
  const answer = { revision: reader.varint(), next: reader.text(), documents: reader.list(readDocument) };
  reader.end();
  return answer;
}

export function encodeDocumentWrite(request: DocumentWriteRequest): Uint8Array {
  const writer = beginFrame(MessageKind.DocumentWrite)
    .text(request.key)
    .bool(request.value !== undefined);
  writer.blob(request.value ?? new Uint8Array(0));
  return writer
    .bool(request.expectedRevision !== undefined)
    .varint(request.expectedRevision ?? 0)
    .finish();
}

export function decodeDocumentWrite(frame: Uint8Array): DocumentWriteRequest {
  const reader = openFrame(frame, MessageKind.DocumentWrite);
  const key = reader.text();
  const isPut = reader.bool();
  const value = reader.blob();
  const isConditional = reader.bool();
  const expectedRevision = reader.varint();
  reader.end();
  return { key, value: isPut ? value : undefined, expectedRevision: isConditional ? expectedRevision : undefined };
}

export function encodeDocumentWriteAnswer(answer: DocumentWriteAnswer): Uint8Array {
  return beginFrame(MessageKind.DocumentWrite).bool(answer.existed).varint(answer.revision).finish();
}

export function decodeDocumentWriteAnswer(frame: Uint8Array): DocumentWriteAnswer {
  const reader = openFrame(frame, MessageKind.DocumentWrite);
  const answer = { existed: reader.bool(), revision: reader.varint() };
  reader.end();
  return answer;
}

export function encodeDocumentsChanged(change: DocumentsChanged): Uint8Array {
  const writer = beginFrame(MessageKind.DocumentsChanged).varint(change.revision);
  return writer.list(change.keys, (key) => writer.text(key)).finish();
}

export function decodeDocumentsChanged(frame: Uint8Array): DocumentsChanged {
  const reader = openFrame(frame, MessageKind.DocumentsChanged);
  const change = { revision: reader.varint(), keys: reader.list((item) => item.text()) };
  reader.end();
  return change;
}

function writeDocument(document: StoredDocument, writer: ByteWriter): void {
  writer.text(document.key).varint(document.revision).blob(document.value);
}

function readDocument(reader: ByteReader): StoredDocument {
  return { key: reader.text(), revision: reader.varint(), value: reader.blob() };
}
