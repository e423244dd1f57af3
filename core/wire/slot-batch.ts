import type { ByteReader } from '../codec/byte-reader.ts';
import type { ByteWriter } from '../codec/byte-writer.ts';
import type { DataInfoId } from '../model/data-info-id.ts';
import { RegistryError, RegistryErrorCode } from '../model/errors.ts';
import type { ProcessId } from '../model/node.ts';
import type { Publisher } from '../model/publisher.ts';
import { compareRegisterVersion, type RegisterVersion } from '../model/register-version.ts';
import { beginFrame, MessageKind, openFrame } from './frame.ts';
import { readPublisher, readRegisterVersion, writePublisher, writeRegisterVersion } from './records.ts';
import { readSlotAddress, readSlotAnswer, type SlotAddress, type SlotAnswer, writeSlotAddress, writeSlotAnswer } from './slot-head.ts';

/**
 * Session -> slot leader: everything one Session changed in one slot since the last batch, in order.
 *
 *     request := slotAddress processId:text changeId:varint acceptedAtMs:f64 operations:list
 *     answer  := slotAnswer slotSequence:varint results:list      (results empty unless accept or migrating)
 *
 * A batch is idempotent: repeating it changes nothing, because every operation is ordered by register version.
 */
export interface SlotBatchRequest extends SlotAddress {
  readonly processId: ProcessId;
  /** Grows per Session; names the batch in traces. */
  readonly changeId: number;
  /** Session's wall clock when the oldest operation was accepted; only for measuring delay. */
  readonly acceptedAtMs: number;
  readonly operations: readonly SlotOperation[];
}

export type SlotOperation =
  /** Stores or replaces; for a lease it also grants a full period. `publisher.owner` is the sending process. */
  | { readonly kind: 'publish'; readonly publisher: Publisher }
  /** By its client: wins over every registration with a version not greater, whoever owns it, and leaves a tombstone. */
  | { readonly kind: 'unpublish'; readonly dataInfoId: DataInfoId; readonly registerId: string; readonly registerVersion: RegisterVersion }
  /** The connection ended: removes only what the sending process still owns at this version or below. Leaves a tombstone. */
  | { readonly kind: 'disconnect'; readonly dataInfoId: DataInfoId; readonly registerId: string; readonly registerVersion: RegisterVersion }
  /** A heartbeat for a lease. With `wantsRecord` the sender has no copy: the answer carries the record and the sender becomes its owner. */
  | { readonly kind: 'renew'; readonly dataInfoId: DataInfoId; readonly registerId: string; readonly wantsRecord: boolean };

export type SlotOperationResult =
  /** Done, or already so. */
  | { readonly kind: 'applied' }
  /**
   * A newer registration, or a tombstone, stands: `stored` is its version. Nothing changed. A tombstone with the version of the registration
   * itself: see `isWithdrawnSince`.
   */
  | { readonly kind: 'stale'; readonly stored: RegisterVersion; readonly tombstone: boolean }
  /** `renew`, `unpublish`: there is no such record. */
  | { readonly kind: 'unknown' }
  /** `renew` with `wantsRecord`: renewed, and this is the record. */
  | { readonly kind: 'record'; readonly publisher: Publisher };

/** Of a registration: it was taken when it came before, its answer was lost, and it has been withdrawn since. */
export function isWithdrawnSince(result: SlotOperationResult, registered: RegisterVersion): boolean {
  return result.kind === 'stale' && result.tombstone && compareRegisterVersion(result.stored, registered) === 0;
}

export interface SlotBatchAnswer extends SlotAnswer {
  /** The slot's sequence after the batch: a reader that has applied up to it sees the batch. */
  readonly slotSequence: number;
  /** One per operation, in order. */
  readonly results: readonly SlotOperationResult[];
}

export function encodeSlotBatch(request: SlotBatchRequest): Uint8Array {
  const writer = beginFrame(MessageKind.SlotBatch, 1_024);
  writeSlotAddress(writer, request);
  writer.text(request.processId).varint(request.changeId).f64(request.acceptedAtMs);
  return writer.list(request.operations, writeOperation).finish();
}

export function decodeSlotBatch(frame: Uint8Array): SlotBatchRequest {
  const reader = openFrame(frame, MessageKind.SlotBatch);
  const address = readSlotAddress(reader);
  const processId = reader.text() as ProcessId;
  const request = { ...address, processId, changeId: reader.varint(), acceptedAtMs: reader.f64(), operations: reader.list(readOperation) };
  reader.end();
  return request;
}

export function encodeSlotBatchAnswer(answer: SlotBatchAnswer): Uint8Array {
  const writer = beginFrame(MessageKind.SlotBatch);
  writeSlotAnswer(writer, answer);
  return writer.varint(answer.slotSequence).list(answer.results, writeResult).finish();
}

export function decodeSlotBatchAnswer(frame: Uint8Array): SlotBatchAnswer {
  const reader = openFrame(frame, MessageKind.SlotBatch);
  const answer = { ...readSlotAnswer(reader), slotSequence: reader.varint(), results: reader.list(readResult) };
  reader.end();
  return answer;
}

export function writeOperation(operation: SlotOperation, writer: ByteWriter): void {
  switch (operation.kind) {
    case 'publish':
      writePublisher(writer.u8(1), operation.publisher);
      return;
    case 'unpublish':
    case 'disconnect':
      writer
        .u8(operation.kind === 'unpublish' ? 2 : 3)
        .text(operation.dataInfoId)
        .text(operation.registerId);
      writeRegisterVersion(writer, operation.registerVersion);
      return;
    case 'renew':
      writer.u8(4).text(operation.dataInfoId).text(operation.registerId).bool(operation.wantsRecord);
  }
}

export function readOperation(reader: ByteReader): SlotOperation {
  const kind = reader.u8();
  if (kind === 1) return { kind: 'publish', publisher: readPublisher(reader) };
  const dataInfoId = reader.text() as DataInfoId;
  const registerId = reader.text();
  if (kind === 2) return { kind: 'unpublish', dataInfoId, registerId, registerVersion: readRegisterVersion(reader) };
  if (kind === 3) return { kind: 'disconnect', dataInfoId, registerId, registerVersion: readRegisterVersion(reader) };
  if (kind === 4) return { kind: 'renew', dataInfoId, registerId, wantsRecord: reader.bool() };
  throw new RegistryError(RegistryErrorCode.Malformed, `unknown slot operation ${kind}`);
}

function writeResult(result: SlotOperationResult, writer: ByteWriter): void {
  switch (result.kind) {
    case 'applied':
      writer.u8(1);
      return;
    case 'stale':
      writeRegisterVersion(writer.u8(2), result.stored);
      writer.bool(result.tombstone);
      return;
    case 'unknown':
      writer.u8(3);
      return;
    case 'record':
      writePublisher(writer.u8(4), result.publisher);
  }
}

function readResult(reader: ByteReader): SlotOperationResult {
  const kind = reader.u8();
  if (kind === 1) return { kind: 'applied' };
  if (kind === 2) return { kind: 'stale', stored: readRegisterVersion(reader), tombstone: reader.bool() };
  if (kind === 3) return { kind: 'unknown' };
  if (kind === 4) return { kind: 'record', publisher: readPublisher(reader) };
  throw new RegistryError(RegistryErrorCode.Malformed, `unknown operation result ${kind}`);
}
