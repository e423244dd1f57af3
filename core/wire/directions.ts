import { RegistryError, RegistryErrorCode } from '../model/errors.ts';
import { type PeerId, Role } from '../model/node.ts';
import { MessageKind } from './frame.ts';

/** Who sends a kind of message to whom, beyond the error answer, which is nobody's request. */
export interface Direction {
  readonly from: readonly Role[];
  readonly to: readonly Role[];
}

const { Meta, Data, Session } = Role;

/**
 * The whole traffic between roles. Sessions send nothing to each other, so that adding one burdens nobody; what is not in this table is
 * refused by the receiver.
 */
export const WIRE_DIRECTIONS: Readonly<Record<Exclude<MessageKind, typeof MessageKind.Error>, Direction>> = {
  [MessageKind.SlotBatch]: { from: [Session], to: [Data] },
  [MessageKind.SlotFetch]: { from: [Session], to: [Data] },
  [MessageKind.SlotInterest]: { from: [Session], to: [Data] },
  [MessageKind.SlotNotice]: { from: [Data], to: [Session] },
  [MessageKind.SlotLog]: { from: [Data], to: [Data, Session] },
  [MessageKind.SlotPage]: { from: [Session], to: [Data] },
  [MessageKind.CompareRoots]: { from: [Data], to: [Data, Session] },
  [MessageKind.CompareDatums]: { from: [Data], to: [Data, Session] },
  [MessageKind.SessionPulse]: { from: [Session], to: [Data] },
  [MessageKind.DatumInspect]: { from: [Meta, Data, Session], to: [Data] },
  [MessageKind.DatumHoldings]: { from: [Data], to: [Data, Session] },
  [MessageKind.Heartbeat]: { from: [Meta, Data, Session], to: [Meta] },
  [MessageKind.TableChanged]: { from: [Meta], to: [Data, Session] },
  [MessageKind.SessionLoads]: { from: [Session], to: [Meta] },
  [MessageKind.TableGet]: { from: [Data, Session], to: [Data] },
  [MessageKind.DocumentGet]: { from: [Data, Session], to: [Meta] },
  [MessageKind.DocumentList]: { from: [Data, Session], to: [Meta] },
  [MessageKind.DocumentWrite]: { from: [Data, Session], to: [Meta] },
  [MessageKind.DocumentsChanged]: { from: [Meta], to: [Data, Session] },
};

/** @throws RegistryError `malformed` for a message that the sender's role sends to nobody. */
export function assertMaySend(from: PeerId, kind: MessageKind): void {
  const role = from.slice(from.indexOf('/') + 1);
  const direction = kind === MessageKind.Error ? undefined : WIRE_DIRECTIONS[kind];
  if (direction?.from.some((sender) => sender === role) === true) return;
  throw new RegistryError(RegistryErrorCode.Malformed, `message kind ${kind} does not come from a ${role}`);
}
