import type { ByteReader } from '../codec/byte-reader.ts';
import type { ByteWriter } from '../codec/byte-writer.ts';
import type { DataInfoId, FoldedId } from '../model/data-info-id.ts';
import type { Datum } from '../model/datum.ts';
import type { DatumVersion } from '../model/datum-version.ts';
import { RegistryError, RegistryErrorCode } from '../model/errors.ts';
import type { ProcessId } from '../model/node.ts';
import type { Publisher } from '../model/publisher.ts';
import type { RegisterVersion } from '../model/register-version.ts';
import type { RemoveReason } from '../seams/session-gateway.ts';
import { beginFrame, MessageKind, openFrame } from './frame.ts';
import { readDatum, readPublisher, readRegisterVersion, writeDatum, writePublisher, writeRegisterVersion } from './records.ts';
import { readSlotAddress, readSlotAnswer, type SlotAddress, type SlotAnswer, writeSlotAddress, writeSlotAnswer } from './slot-head.ts';

/**
 * One change of a slot as its leader decided it. Followers and global readers apply entries in sequence; applying one
 * twice, or after a page that already contains it, changes nothing, because register versions decide.
 *
 *     entry := sequence:varint datumVersion:u64 (1 publisher | 2 dataInfoId registerId format registerVersion reason:u8)
 */
export type SlotLogEntry = { readonly sequence: number; readonly datumVersion: DatumVersion } & (
  | { readonly kind: 'put'; readonly publisher: Publisher }
  | {
      readonly kind: 'remove';
      readonly dataInfoId: DataInfoId;
      readonly registerId: string;
      readonly format: string;
      /** Of the tombstone: not below the version removed. */
      readonly registerVersion: RegisterVersion;
      readonly reason: RemoveReason;
    }
);

/**
 * Slot leader -> follower or global reader. At most one in flight per slot and receiver; what happens meanwhile goes into the next.
 *
 *     request := slotAddress processId:text after:varint entries:list
 *     answer  := slotAnswer applied:varint
 */
export interface SlotLogRequest extends SlotAddress {
  /** The leader's incarnation: another one under the same epoch counts its log from the beginning. */
  readonly processId: ProcessId;
  /** Sequence before the first entry: the receiver must be there, or it answers with where it is and is sent the rest, or reads pages. */
  readonly after: number;
  readonly entries: readonly SlotLogEntry[];
}

export interface SlotLogAnswer extends SlotAnswer {
  /** The sequence up to which the receiver has applied; below `after` it has a gap. */
  readonly applied: number;
}

/**
 * Follower or global reader -> slot leader: the slot's content, page by page in the order of (folded, exact) DataInfoId, while the
 * log goes on. `after` is the last DataInfoId of the page before, '' for the first.
 *
 *     request := slotAddress after:text
 *     answer  := slotAnswer slotSequence:varint next:text held:list datums:list
 */
export interface SlotPageRequest extends SlotAddress {
  readonly after: string;
}

/** A cursor behind all names: the answer has no datums, and says which names are held. */
export const BEHIND_ALL_NAMES = '\uffff';

export interface SlotPageAnswer extends SlotAnswer {
  /** The sequence at the moment of this page. */
  readonly slotSequence: number;
  /** Cursor for the next page, '' when this was the last. */
  readonly next: string;
  /** Names of the slot that are held after a restart; told with the last page. */
  readonly held: readonly FoldedId[];
  readonly datums: readonly Datum[];
}

const REASONS: readonly RemoveReason[] = ['withdrawn', 'expired', 'repaired'];

export function encodeSlotLog(request: SlotLogRequest): Uint8Array {
  const writer = beginFrame(MessageKind.SlotLog, 1_024);
  writeSlotAddress(writer, request);
  return writer.text(request.processId).varint(request.after).list(request.entries, writeSlotLogEntry).finish();
}

export function decodeSlotLog(frame: Uint8Array): SlotLogRequest {
  const reader = openFrame(frame, MessageKind.SlotLog);
  const head = { ...readSlotAddress(reader), processId: reader.text() as ProcessId, after: reader.varint() };
  const request = { ...head, entries: reader.list(readSlotLogEntry) };
  reader.end();
  return request;
}

export function encodeSlotLogAnswer(answer: SlotLogAnswer): Uint8Array {
  const writer = beginFrame(MessageKind.SlotLog);
  writeSlotAnswer(writer, answer);
  return writer.varint(answer.applied).finish();
}

export function decodeSlotLogAnswer(frame: Uint8Array): SlotLogAnswer {
  const reader = openFrame(frame, MessageKind.SlotLog);
  const answer = { ...readSlotAnswer(reader), applied: reader.varint() };
  reader.end();
  return answer;
}

export function encodeSlotPage(request: SlotPageRequest): Uint8Array {
  const writer = beginFrame(MessageKind.SlotPage);
  writeSlotAddress(writer, request);
  return writer.text(request.after).finish();
}

export function decodeSlotPage(frame: Uint8Array): SlotPageRequest {
  const reader = openFrame(frame, MessageKind.SlotPage);
  const request = { ...readSlotAddress(reader), after: reader.text() };
  reader.end();
  return request;
}

export function encodeSlotPageAnswer(answer: SlotPageAnswer): Uint8Array {
  const writer = beginFrame(MessageKind.SlotPage, 4_096);
  writeSlotAnswer(writer, answer);
  return writer
    .varint(answer.slotSequence)
    .text(answer.next)
    .list(answer.held, (foldedId) => writer.text(foldedId))
    .list(answer.datums, (datum) => writeDatum(writer, datum))
    .finish();
}

export function decodeSlotPageAnswer(frame: Uint8Array): SlotPageAnswer {
  const reader = openFrame(frame, MessageKind.SlotPage);
  const head = { ...readSlotAnswer(reader), slotSequence: reader.varint(), next: reader.text() };
  const answer = { ...head, held: reader.list(() => reader.text() as FoldedId), datums: reader.list(readDatum) };
  reader.end();
  return answer;
}

/** Also the form of a journal record. */
export function writeSlotLogEntry(entry: SlotLogEntry, writer: ByteWriter): void {
  writer.varint(entry.sequence).u64(entry.datumVersion);
  if (entry.kind === 'put') {
    writePublisher(writer.u8(1), entry.publisher);
    return;
  }
  writer.u8(2).text(entry.dataInfoId).text(entry.registerId).text(entry.format);
  writeRegisterVersion(writer, entry.registerVersion);
  writer.u8(REASONS.indexOf(entry.reason));
}

export function readSlotLogEntry(reader: ByteReader): SlotLogEntry {
  const head = { sequence: reader.varint(), datumVersion: reader.u64() };
  const kind = reader.u8();
  if (kind === 1) return { ...head, kind: 'put', publisher: readPublisher(reader) };
  if (kind !== 2) throw new RegistryError(RegistryErrorCode.Malformed, `unknown slot log entry ${kind}`);
  const names = { dataInfoId: reader.text() as DataInfoId, registerId: reader.text(), format: reader.text() };
  const registerVersion = readRegisterVersion(reader);
  const reason = REASONS[reader.u8()];
  if (reason === undefined) throw new RegistryError(RegistryErrorCode.Malformed, 'unknown reason of removal');
  return { ...head, kind: 'remove', ...names, registerVersion, reason };
}
