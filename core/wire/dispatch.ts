import { RegistryError, RegistryErrorCode } from '../model/errors.ts';
import type { PeerId } from '../model/node.ts';
import type { PeerHandler } from '../seams/transport.ts';
import { assertMaySend } from './directions.ts';
import { encodeError, frameKind, type MessageKind } from './frame.ts';

/** What one role does with one kind of message. Returns the encoded answer, or undefined for a one-way message. */
export type MessageHandler = (from: PeerId, frame: Uint8Array) => Promise<Uint8Array | undefined> | Uint8Array | undefined;

/** A role's messages by kind. Whatever a handler throws becomes an error answer; a message of an unknown kind harms nobody. */
export function dispatcher(handlers: ReadonlyMap<MessageKind, MessageHandler>): PeerHandler {
  return async (from, frame) => {
    try {
      const kind = frameKind(frame);
      assertMaySend(from, kind);
      const handler = handlers.get(kind);
      if (handler === undefined) throw new RegistryError(RegistryErrorCode.Malformed, 'this role does not take such a message');
      return await handler(from, frame);
    } catch (caught) {
      return encodeError(RegistryError.from(caught));
    }
  };
}
