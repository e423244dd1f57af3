import type { Member, PeerId } from '../model/node.ts';

export interface Closeable {
  close(): void;
}

/**
 * Answers one message of a peer. A returned array is the answer of a `request`; for a `send` it is ignored.
 * A rejection becomes an error answer with its RegistryError code.
 */
export type PeerHandler = (from: PeerId, message: Uint8Array) => Promise<Uint8Array | undefined> | Uint8Array | undefined;

export interface RequestOptions {
  readonly timeoutMs: number;
}

/**
 * Role to role messages: encoded bytes, whoever carries them. Messages of one pair of peers arrive in the order sent while
 * a link lasts. Bytes handed over are not changed afterwards by either side.
 */
export interface PeerTransport {
  readonly self: PeerId;
  /**
   * Exactly one outcome: the answer, or a RegistryError (`timeout`, `unavailable`, or the code the other side answered with).
   * After a failure the request may or may not have happened.
   */
  request(to: PeerId, message: Uint8Array, options: RequestOptions): Promise<Uint8Array>;
  /** Best effort, no answer. Lost without a word when the link is down: the receiver must notice gaps by itself. */
  send(to: PeerId, message: Uint8Array): void;
  /** One handler per endpoint; a message that arrives before there is one is answered `unavailable`. */
  serve(handler: PeerHandler): Closeable;
  /** Told when a link to a peer breaks or cannot be made, once until it is restored, as evidence for Meta; never told for a slow peer. */
  onLinkBroken(listener: (peer: PeerId) => void): Closeable;
  /** Told when a peer whose link was broken is linked again. */
  onLinkRestored(listener: (peer: PeerId) => void): Closeable;
  /** Where peers can be reached, as Meta lists them. Without meaning where no address is needed. */
  learnAddresses(members: readonly Member[]): void;
}
