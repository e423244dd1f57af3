import type { ByteReader } from '../codec/index.ts';
import { RegistryError, RegistryErrorCode } from '../model/errors.ts';
import type { LeaseHold } from '../model/lease-hold.ts';
import type { ProcessId } from '../model/node.ts';
import { beginFrame, MessageKind, openFrame } from './frame.ts';

/**
 * Session -> each Data node, once a second: a sign of life, and the number of the last notice received per slot in which the
 * Session has an interest there. One small message per pair of nodes whatever the number of services.
 *
 *     request := processId:text tableEpoch:varint cursors:list(slotId leaderEpoch notice:varint)
 *     answer  := tableEpoch:varint highestStamp:varint behind:list(slotId)
 *                holds:list(kind:u8 name:text held:varint total:varint heldForMs:varint endsInMs:varint)
 */
export interface SessionPulseRequest {
  readonly processId: ProcessId;
  readonly tableEpoch: number;
  readonly cursors: readonly NoticeCursor[];
}

export interface NoticeCursor {
  readonly slotId: number;
  readonly leaderEpoch: number;
  /** `sequence` of the last notice received, or `noticeSequence` of the interest answer. */
  readonly notice: number;
}

export interface SessionPulseAnswer {
  readonly tableEpoch: number;
  /** Greatest register stamp this node has seen, or its own wall clock's: a Session with a slow clock catches up by it. */
  readonly highestStamp: number;
  /** Slots whose notices were missed, or whose interest this node does not know (any more): announce again with `reset`. */
  readonly behind: readonly number[];
  /** Why this node keeps overdue leases; Sessions show it. */
  readonly holds: readonly LeaseHold[];
}

const KINDS = ['service', 'session', 'zone', 'segment'] as const;

export function encodeSessionPulse(request: SessionPulseRequest): Uint8Array {
  const writer = beginFrame(MessageKind.SessionPulse).text(request.processId).varint(request.tableEpoch);
  writer.list(request.cursors, (cursor) => writer.varint(cursor.slotId).varint(cursor.leaderEpoch).varint(cursor.notice));
  return writer.finish();
}

export function decodeSessionPulse(frame: Uint8Array): SessionPulseRequest {
  const reader = openFrame(frame, MessageKind.SessionPulse);
  const head = { processId: reader.text() as ProcessId, tableEpoch: reader.varint() };
  const cursors = reader.list((item) => ({ slotId: item.varint(), leaderEpoch: item.varint(), notice: item.varint() }));
  reader.end();
  return { ...head, cursors };
}

export function encodeSessionPulseAnswer(answer: SessionPulseAnswer): Uint8Array {
  const writer = beginFrame(MessageKind.SessionPulse).varint(answer.tableEpoch).varint(answer.highestStamp);
  writer.list(answer.behind, (slotId) => writer.varint(slotId));
  writer.list(answer.holds, (hold) => {
    writer.u8(KINDS.indexOf(hold.kind)).text(hold.name).varint(hold.held).varint(hold.total);
    writer.varint(Math.round(hold.heldForMs)).varint(Math.round(hold.endsInMs));
  });
  return writer.finish();
}

export function decodeSessionPulseAnswer(frame: Uint8Array): SessionPulseAnswer {
  const reader = openFrame(frame, MessageKind.SessionPulse);
  const head = { tableEpoch: reader.varint(), highestStamp: reader.varint(), behind: reader.list((item) => item.varint()) };
  const holds = reader.list((item) => ({ kind: readKind(item.u8()), name: item.text(), held: item.varint(), ...readTimes(item) }));
  reader.end();
  return { ...head, holds };
}

function readTimes(reader: ByteReader) {
  return { total: reader.varint(), heldForMs: reader.varint(), endsInMs: reader.varint() };
}

function readKind(code: number): LeaseHold['kind'] {
  const kind = KINDS[code];
  if (kind === undefined) throw new RegistryError(RegistryErrorCode.Malformed, `there is no kind of lease domain ${code}`);
  return kind;
}
