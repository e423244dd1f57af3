import type { ProcessId } from '../model/node.ts';
import { beginFrame, MessageKind, openFrame } from './frame.ts';

/**
 * Session -> each Data node, once a second: a sign of life, and the number of the last notice received per slot in which the
 * Session has an interest there. One small message per pair of nodes whatever the number of services.
 *
 *     request := processId:text tableEpoch:varint cursors:list(slotId leaderEpoch notice:varint)
 *     answer  := tableEpoch:varint highestStamp:varint behind:list(slotId)
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
}

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
  return writer.list(answer.behind, (slotId) => writer.varint(slotId)).finish();
}

export function decodeSessionPulseAnswer(frame: Uint8Array): SessionPulseAnswer {
  const reader = openFrame(frame, MessageKind.SessionPulse);
  const answer = { tableEpoch: reader.varint(), highestStamp: reader.varint(), behind: reader.list((item) => item.varint()) };
  reader.end();
  return answer;
}
