import type { ByteReader } from '../codec/byte-reader.ts';
import type { DataInfoId } from '../model/data-info-id.ts';
import type { Datum } from '../model/datum.ts';
import type { DatumVersion } from '../model/datum-version.ts';
import type { Digest } from '../model/digest.ts';
import { RegistryError, RegistryErrorCode } from '../model/errors.ts';
import type { ProcessId } from '../model/node.ts';
import type { RegisterVersion } from '../model/register-version.ts';
import { beginFrame, MessageKind, openFrame } from './frame.ts';
import { readDatum, readDigest, readRegisterVersion, writeDatum, writeDigest, writeRegisterVersion } from './records.ts';

/**
 * Repair by digest, asked by the side that wants to be corrected: a slot leader asks a Session about the records that
 * Session owns; a follower asks its leader about the whole slot. First the roots of many slots in one message; then, only
 * for slots that differ, the digests of their datums, answered with the records of those that differ.
 *
 *     roots request := scope:u8 owner:text slots:list(slotId leaderEpoch digest) applied:list(varint)
 *     roots answer  := processId:text differing:list(slotId)
 *
 * `applied` came with version 2.
 */
export interface CompareRootsRequest {
  /** `owned`: only records owned by the process asked (slot leader -> Session). `whole`: everything (follower -> leader). */
  readonly scope: CompareScope;
  /** For `owned`: the process the asker believes to talk to. Another incarnation answers that all slots differ. */
  readonly owner: ProcessId;
  readonly slots: readonly SlotRoot[];
  /**
   * For `whole`: the log sequence that each slot's digest is of, in the order of the slots, so that a busy slot is compared at one moment.
   * Empty for `owned`, and from a follower of version 1, whose digests are compared with what the leader has when it is asked.
   */
  readonly applied: readonly number[];
}
export type CompareScope = 'owned' | 'whole';

const APPLIED_SINCE_VERSION = 2;

export interface SlotRoot {
  readonly slotId: number;
  readonly leaderEpoch: number;
  readonly digest: Digest;
}

export interface CompareRootsAnswer {
  readonly processId: ProcessId;
  readonly differing: readonly number[];
}

/**
 *     datums request := scope:u8 withLeases:bool slotId leaderEpoch after:text digests:list(dataInfoId digest)
 *     datums answer  := processId:text highestVersion:u64 slotSequence:varint next:text datums:list absent:list(dataInfoId)
 *                       tombstones:list(dataInfoId registerId registerVersion)
 *
 * The asker sends all its datums of the slot with the first page (`after` = ''); with a later page it sends them again.
 */
export interface CompareDatumsRequest {
  readonly scope: CompareScope;
  /** A new leader asks a Session for its copies of lease publishers, too; one that serves knows better which of them live. */
  readonly withLeases: boolean;
  readonly slotId: number;
  readonly leaderEpoch: number;
  /** Cursor: the last DataInfoId of the page before. */
  readonly after: string;
  readonly digests: readonly DatumDigest[];
}

export interface DatumDigest {
  readonly dataInfoId: DataInfoId;
  readonly digest: Digest;
}

export interface CompareDatumsAnswer {
  readonly processId: ProcessId;
  /** Greatest datum version of this slot that the answering side knows to have been sent to a client, 0 when none. */
  readonly highestVersion: DatumVersion;
  /** From a leader: the log sequence at the moment of this page. From a Session 0. */
  readonly slotSequence: number;
  readonly next: string;
  /** What the answering side has for every DataInfoId whose digest differs, within the scope. `version` is 0 from a Session. */
  readonly datums: readonly Datum[];
  /** DataInfoIds of the request of which the answering side has nothing. Complete on the last page only. */
  readonly absent: readonly DataInfoId[];
  /**
   * From a leader, with the first page: what was withdrawn lately, so that a follower that leads later refuses it as well. From a Session, with the first page:
   * what was withdrawn through it lately, so that a leader which never heard of it does not undo it.
   */
  readonly tombstones: readonly WithdrawnRecord[];
}

export interface WithdrawnRecord {
  readonly dataInfoId: DataInfoId;
  readonly registerId: string;
  readonly registerVersion: RegisterVersion;
}

export function encodeCompareRoots(request: CompareRootsRequest): Uint8Array {
  const writer = beginFrame(MessageKind.CompareRoots)
    .bool(request.scope === 'whole')
    .text(request.owner);
  writer.list(request.slots, (slot) => {
    writer.varint(slot.slotId).varint(slot.leaderEpoch);
    writeDigest(writer, slot.digest);
  });
  return writer.list(request.applied, (sequence) => writer.varint(sequence)).finish();
}

export function decodeCompareRoots(frame: Uint8Array): CompareRootsRequest {
  const reader = openFrame(frame, MessageKind.CompareRoots);
  const scope = reader.bool() ? 'whole' : 'owned';
  const owner = reader.text() as ProcessId;
  const slots = reader.list((item) => ({ slotId: item.varint(), leaderEpoch: item.varint(), digest: readDigest(item) }));
  const applied = (frame[0] ?? 0) < APPLIED_SINCE_VERSION ? [] : reader.list((item) => item.varint());
  if (applied.length > 0 && applied.length !== slots.length)
    throw new RegistryError(RegistryErrorCode.Malformed, `${applied.length} sequences for ${slots.length} slots`);
  reader.end();
  return { scope, owner, slots, applied };
}

export function encodeCompareRootsAnswer(answer: CompareRootsAnswer): Uint8Array {
  const writer = beginFrame(MessageKind.CompareRoots).text(answer.processId);
  return writer.list(answer.differing, (slotId) => writer.varint(slotId)).finish();
}

export function decodeCompareRootsAnswer(frame: Uint8Array): CompareRootsAnswer {
  const reader = openFrame(frame, MessageKind.CompareRoots);
  const answer = { processId: reader.text() as ProcessId, differing: reader.list((item) => item.varint()) };
  reader.end();
  return answer;
}

export function encodeCompareDatums(request: CompareDatumsRequest): Uint8Array {
  const writer = beginFrame(MessageKind.CompareDatums, 1_024).bool(request.scope === 'whole');
  writer.bool(request.withLeases).varint(request.slotId).varint(request.leaderEpoch).text(request.after);
  writer.list(request.digests, (item) => writeDigest(writer.text(item.dataInfoId), item.digest));
  return writer.finish();
}

export function decodeCompareDatums(frame: Uint8Array): CompareDatumsRequest {
  const reader = openFrame(frame, MessageKind.CompareDatums);
  const scope = reader.bool() ? 'whole' : 'owned';
  const head = { withLeases: reader.bool(), slotId: reader.varint(), leaderEpoch: reader.varint(), after: reader.text() };
  const digests = reader.list((item) => ({ dataInfoId: item.text() as DataInfoId, digest: readDigest(item) }));
  reader.end();
  return { scope, ...head, digests };
}

export function encodeCompareDatumsAnswer(answer: CompareDatumsAnswer): Uint8Array {
  const writer = beginFrame(MessageKind.CompareDatums, 4_096).text(answer.processId).u64(answer.highestVersion);
  writer.varint(answer.slotSequence).text(answer.next);
  writer.list(answer.datums, (datum) => writeDatum(writer, datum));
  writer.list(answer.absent, (id) => writer.text(id));
  writer.list(answer.tombstones, ({ dataInfoId, registerId, registerVersion }) => {
    writer.text(dataInfoId).text(registerId);
    writeRegisterVersion(writer, registerVersion);
  });
  return writer.finish();
}

export function decodeCompareDatumsAnswer(frame: Uint8Array): CompareDatumsAnswer {
  const reader = openFrame(frame, MessageKind.CompareDatums);
  const head = { processId: reader.text() as ProcessId, highestVersion: reader.u64(), slotSequence: reader.varint(), next: reader.text() };
  const datums = reader.list(readDatum);
  const absent = reader.list((item) => item.text() as DataInfoId);
  const tombstones = reader.list(readWithdrawn);
  const answer = { ...head, datums, absent, tombstones };
  reader.end();
  return answer;
}

function readWithdrawn(reader: ByteReader): WithdrawnRecord {
  return { dataInfoId: reader.text() as DataInfoId, registerId: reader.text(), registerVersion: readRegisterVersion(reader) };
}
