import type { PeerId } from '../model/node.ts';
import { beginFrame, MessageKind, openFrame } from './frame.ts';

/**
 * Session -> Meta, only while somebody asks the Session for it: how many client connections each Session has. Refused with `not-leader` by
 * a Meta that does not lead.
 *
 *     request := (nothing)
 *     answer  := loads:list(peer:text connections:varint)
 */
export interface SessionLoad {
  readonly peer: PeerId;
  /** Client connections, as its last heartbeat told. */
  readonly connections: number;
}

export function encodeSessionLoads(): Uint8Array {
  return beginFrame(MessageKind.SessionLoads).finish();
}

export function decodeSessionLoads(frame: Uint8Array): void {
  openFrame(frame, MessageKind.SessionLoads).end();
}

export function encodeSessionLoadsAnswer(loads: readonly SessionLoad[]): Uint8Array {
  return beginFrame(MessageKind.SessionLoads)
    .list(loads, ({ peer, connections }, writer) => writer.text(peer).varint(connections))
    .finish();
}

export function decodeSessionLoadsAnswer(frame: Uint8Array): readonly SessionLoad[] {
  const reader = openFrame(frame, MessageKind.SessionLoads);
  const loads = reader.list((item) => ({ peer: item.text() as PeerId, connections: item.varint() }));
  reader.end();
  return loads;
}
