import { RegistryError, RegistryErrorCode } from '../model/errors.ts';
import type { PeerId } from '../model/node.ts';
import type { Log } from '../seams/log.ts';
import type { PeerHandler } from '../seams/transport.ts';
import { assertMaySend } from './directions.ts';
import { encodeError, frameKind, type MessageKind } from './frame.ts';

/** What one role does with one kind of message. Returns the encoded answer, or undefined for a one-way message. */
export type MessageHandler = (from: PeerId, frame: Uint8Array) => Promise<Uint8Array | undefined> | Uint8Array | undefined;

/**
 * A role's messages by kind. Whatever a handler throws becomes an error answer; a message of an unknown kind harms nobody. What is no
 * RegistryError is a fault of this program, and a one-way message has nobody who would read of it: it is logged.
 */
export function dispatcher(handlers: ReadonlyMap<MessageKind, MessageHandler>, log: Log): PeerHandler {
  return async (from, frame) => {
    try {
      const kind = frameKind(frame);
      assertMaySend(from, kind);
      const handler = handlers.get(kind);
      if (handler === undefined) throw new RegistryError(RegistryErrorCode.Malformed, 'this role does not take such a message');
      return await handler(from, frame);
    } catch (caught) {
      if (!(caught instanceof RegistryError)) {
        const reason = caught instanceof Error ? (caught.stack ?? caught.message) : String(caught);
        log.error('a message of another node could not be handled', { from, kind: frame[1], reason });
      }
      return encodeError(RegistryError.from(caught));
    }
  };
}
