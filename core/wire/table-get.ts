import type { SlotTable } from '../model/slot-table.ts';
import { beginFrame, MessageKind, openFrame } from './frame.ts';
import { readSlotTable, writeSlotTable } from './heartbeat.ts';

/**
 * Data or Session -> Data: the slot table that the receiver holds, for one who has heard of a newer table and cannot reach Meta.
 *
 *     request := (nothing)
 *     answer  := table
 */
export function encodeTableGet(): Uint8Array {
  return beginFrame(MessageKind.TableGet).finish();
}

export function decodeTableGet(frame: Uint8Array): void {
  openFrame(frame, MessageKind.TableGet).end();
}

export function encodeTableGetAnswer(table: SlotTable): Uint8Array {
  const writer = beginFrame(MessageKind.TableGet, 1_024);
  writeSlotTable(writer, table);
  return writer.finish();
}

export function decodeTableGetAnswer(frame: Uint8Array): SlotTable {
  const reader = openFrame(frame, MessageKind.TableGet);
  const table = readSlotTable(reader);
  reader.end();
  return table;
}
