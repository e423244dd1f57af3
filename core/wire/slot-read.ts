import type { ByteReader } from '../codec/byte-reader.ts';
import type { ByteWriter } from '../codec/byte-writer.ts';
import type { FoldedId } from '../model/data-info-id.ts';
import type { DatumGroup } from '../model/datum.ts';
import type { DatumVersion } from '../model/datum-version.ts';
import type { ProcessId } from '../model/node.ts';
import { beginFrame, MessageKind, openFrame } from './frame.ts';
import { readDatumGroup, writeDatumGroup } from './records.ts';
import { readSlotAddress, readSlotAnswer, type SlotAddress, type SlotAnswer, writeSlotAddress, writeSlotAnswer } from './slot-head.ts';

/**
 * Session -> slot leader: the groups of some names. Refused with `migrating` until the slot is complete; a name nobody
 * published comes back with no datums.
 *
 *     request := slotAddress foldedIds:list
 *     answer  := slotAnswer slotSequence:varint groups:list
 */
export interface SlotFetchRequest extends SlotAddress {
  readonly foldedIds: readonly FoldedId[];
}

export interface SlotFetchAnswer extends SlotAnswer {
  readonly slotSequence: number;
  readonly groups: readonly DatumGroup[];
}

/**
 * Session -> slot leader: which names of a slot this Session wants notices for. Answered while migrating, too, so that
 * a new leader learns the versions that clients hold before it issues its own.
 *
 *     request := slotAddress processId:text reset:bool whole:bool add:list(foldedId knownVersion:u64) remove:list
 *     answer  := slotAnswer slotSequence:varint noticeSequence:varint versions:list(foldedId version:u64)
 */
export interface SlotInterestRequest extends SlotAddress {
  readonly processId: ProcessId;
  /** Forget what this Session had announced for the slot: `add` is all there is. */
  readonly reset: boolean;
  /** Also send the slot's operation log (`SlotLog`), as to a follower: this Session reads everything. */
  readonly whole: boolean;
  /** With the greatest version this Session has sent to a client, 0 when none: a leader never issues one that is not above it. */
  readonly add: readonly VersionedName[];
  readonly remove: readonly FoldedId[];
}

export interface VersionedName {
  readonly foldedId: FoldedId;
  readonly version: DatumVersion;
}

export interface SlotInterestAnswer extends SlotAnswer {
  readonly slotSequence: number;
  /** Number of the last notice sent to this Session for this slot; the next one says `previous` = this. */
  readonly noticeSequence: number;
  /** The leader's version of every name added; 0 when unknown to it. Empty while migrating. */
  readonly versions: readonly VersionedName[];
}

/**
 * Slot leader -> interested Session, one way: names that changed. Lost notices are noticed by the numbers, or by the
 * pulse; then the Session announces its interest again with `reset`.
 *
 *     notice := slotAddress previous:varint sequence:varint changes:list(foldedId version:u64 changeId:varint acceptedAtMs:f64 committedAtMs:f64)
 */
export interface SlotNotice extends SlotAddress {
  readonly previous: number;
  readonly sequence: number;
  readonly changes: readonly NoticedChange[];
}

export interface NoticedChange extends VersionedName {
  /** The batch that caused it, 0 for the leader's own reasons (expiry, repair, migration). */
  readonly changeId: number;
  readonly acceptedAtMs: number;
  readonly committedAtMs: number;
}

export function encodeSlotFetch(request: SlotFetchRequest): Uint8Array {
  const writer = beginFrame(MessageKind.SlotFetch);
  writeSlotAddress(writer, request);
  return writer.list(request.foldedIds, writeName).finish();
}

export function decodeSlotFetch(frame: Uint8Array): SlotFetchRequest {
  const reader = openFrame(frame, MessageKind.SlotFetch);
  const request = { ...readSlotAddress(reader), foldedIds: reader.list(readName) };
  reader.end();
  return request;
}

export function encodeSlotFetchAnswer(answer: SlotFetchAnswer): Uint8Array {
  const writer = beginFrame(MessageKind.SlotFetch, 4_096);
  writeSlotAnswer(writer, answer);
  return writer
    .varint(answer.slotSequence)
    .list(answer.groups, (group) => writeDatumGroup(writer, group))
    .finish();
}

export function decodeSlotFetchAnswer(frame: Uint8Array): SlotFetchAnswer {
  const reader = openFrame(frame, MessageKind.SlotFetch);
  const answer = { ...readSlotAnswer(reader), slotSequence: reader.varint(), groups: reader.list(readDatumGroup) };
  reader.end();
  return answer;
}

export function encodeSlotInterest(request: SlotInterestRequest): Uint8Array {
  const writer = beginFrame(MessageKind.SlotInterest);
  writeSlotAddress(writer, request);
  writer.text(request.processId).bool(request.reset).bool(request.whole);
  return writer.list(request.add, writeVersionedName).list(request.remove, writeName).finish();
}

export function decodeSlotInterest(frame: Uint8Array): SlotInterestRequest {
  const reader = openFrame(frame, MessageKind.SlotInterest);
  const address = readSlotAddress(reader);
  const processId = reader.text() as ProcessId;
  const flags = { reset: reader.bool(), whole: reader.bool() };
  const request = { ...address, processId, ...flags, add: reader.list(readVersionedName), remove: reader.list(readName) };
  reader.end();
  return request;
}

export function encodeSlotInterestAnswer(answer: SlotInterestAnswer): Uint8Array {
  const writer = beginFrame(MessageKind.SlotInterest);
  writeSlotAnswer(writer, answer);
  return writer.varint(answer.slotSequence).varint(answer.noticeSequence).list(answer.versions, writeVersionedName).finish();
}

export function decodeSlotInterestAnswer(frame: Uint8Array): SlotInterestAnswer {
  const reader = openFrame(frame, MessageKind.SlotInterest);
  const head = { ...readSlotAnswer(reader), slotSequence: reader.varint(), noticeSequence: reader.varint() };
  const answer = { ...head, versions: reader.list(readVersionedName) };
  reader.end();
  return answer;
}

export function encodeSlotNotice(notice: SlotNotice): Uint8Array {
  const writer = beginFrame(MessageKind.SlotNotice);
  writeSlotAddress(writer, notice);
  writer.varint(notice.previous).varint(notice.sequence);
  writer.list(notice.changes, (change) => {
    writeVersionedName(change, writer);
    writer.varint(change.changeId).f64(change.acceptedAtMs).f64(change.committedAtMs);
  });
  return writer.finish();
}

export function decodeSlotNotice(frame: Uint8Array): SlotNotice {
  const reader = openFrame(frame, MessageKind.SlotNotice);
  const head = { ...readSlotAddress(reader), previous: reader.varint(), sequence: reader.varint() };
  const changes = reader.list((item) => ({
    ...readVersionedName(item),
    changeId: item.varint(),
    acceptedAtMs: item.f64(),
    committedAtMs: item.f64(),
  }));
  reader.end();
  return { ...head, changes };
}

function writeName(name: FoldedId, writer: ByteWriter): void {
  writer.text(name);
}

function readName(reader: ByteReader): FoldedId {
  return reader.text() as FoldedId;
}

function writeVersionedName(name: VersionedName, writer: ByteWriter): void {
  writer.text(name.foldedId).u64(name.version);
}

function readVersionedName(reader: ByteReader): VersionedName {
  return { foldedId: reader.text() as FoldedId, version: reader.u64() };
}
