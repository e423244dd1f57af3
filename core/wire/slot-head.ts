import type { ByteReader } from '../codec/byte-reader.ts';
import type { ByteWriter } from '../codec/byte-writer.ts';
import { RegistryError, RegistryErrorCode } from '../model/errors.ts';
import { SlotStatus } from '../model/slot-table.ts';

/** What every slot-addressed request carries: `slotId:varint tableEpoch:varint leaderEpoch:varint`. */
export interface SlotAddress {
  readonly slotId: number;
  /** The sender's slot table. A receiver with an older one fetches a newer. */
  readonly tableEpoch: number;
  readonly leaderEpoch: number;
}

/** What every answer to one begins with: `status:u8 tableEpoch:varint leaderEpoch:varint`. */
export interface SlotAnswer {
  readonly status: SlotStatus;
  readonly tableEpoch: number;
  readonly leaderEpoch: number;
}

const STATUSES = [SlotStatus.Accept, SlotStatus.Migrating, SlotStatus.Moved, SlotStatus.MisMatch] as const;

export function writeSlotAddress(writer: ByteWriter, address: SlotAddress): void {
  writer.varint(address.slotId).varint(address.tableEpoch).varint(address.leaderEpoch);
}

export function readSlotAddress(reader: ByteReader): SlotAddress {
  return { slotId: reader.varint(), tableEpoch: reader.varint(), leaderEpoch: reader.varint() };
}

export function writeSlotAnswer(writer: ByteWriter, answer: SlotAnswer): void {
  writer.u8(STATUSES.indexOf(answer.status)).varint(answer.tableEpoch).varint(answer.leaderEpoch);
}

export function readSlotAnswer(reader: ByteReader): SlotAnswer {
  const status = STATUSES[reader.u8()];
  if (status === undefined) throw new RegistryError(RegistryErrorCode.Malformed, 'unknown slot status');
  return { status, tableEpoch: reader.varint(), leaderEpoch: reader.varint() };
}
