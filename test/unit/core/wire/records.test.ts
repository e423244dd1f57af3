import { describe, expect, it } from 'vitest';
import { ByteReader, ByteWriter } from '../../../../core/codec/index.ts';
import { SlotStatus } from '../../../../core/model/slot-table.ts';
import { readSlotTable, writeSlotTable } from '../../../../core/wire/heartbeat.ts';
import {
  readDatum,
  readDatumGroup,
  readDigest,
  readPublisher,
  readRegisterVersion,
  writeDatum,
  writeDatumGroup,
  writeDigest,
  writePublisher,
  writeRegisterVersion,
} from '../../../../core/wire/records.ts';
import { readOperation } from '../../../../core/wire/slot-batch.ts';
import { readSlotAnswer, writeSlotAnswer } from '../../../../core/wire/slot-head.ts';
import { readSlotLogEntry } from '../../../../core/wire/slot-log.ts';
import * as sample from './samples.ts';

const MALFORMED = expect.objectContaining({ name: 'RegistryError', code: 'malformed' });

describe('a record inside a message', () => {
  it.each<[string, (writer: ByteWriter) => void, (reader: ByteReader) => unknown, unknown]>([
    [
      'register version',
      (w) => writeRegisterVersion(w, { version: 1, stamp: sample.MAX }),
      readRegisterVersion,
      { version: 1, stamp: sample.MAX },
    ],
    ['connection publisher', (w) => writePublisher(w, sample.PUBLISHER), readPublisher, sample.PUBLISHER],
    ['lease publisher', (w) => writePublisher(w, sample.LEASE), readPublisher, sample.LEASE],
    ['bare publisher', (w) => writePublisher(w, sample.BARE), readPublisher, sample.BARE],
    ['large publisher', (w) => writePublisher(w, sample.LARGE), readPublisher, sample.LARGE],
    ['datum', (w) => writeDatum(w, sample.DATUM), readDatum, sample.DATUM],
    ['emptied datum', (w) => writeDatum(w, sample.EMPTY_DATUM), readDatum, sample.EMPTY_DATUM],
    ['held group', (w) => writeDatumGroup(w, sample.GROUP), readDatumGroup, sample.GROUP],
    ['empty group', (w) => writeDatumGroup(w, sample.EMPTY_GROUP), readDatumGroup, sample.EMPTY_GROUP],
    ['digest', (w) => writeDigest(w, sample.DIGEST), readDigest, sample.DIGEST],
    ['slot table', (w) => writeSlotTable(w, sample.TABLE), readSlotTable, sample.TABLE],
  ])('comes back and leaves what follows it alone: %s', (_name, write, read, expected) => {
    const writer = new ByteWriter();
    write(writer);
    writer.u32(0xcafe);
    const reader = new ByteReader(writer.finish());
    expect(read(reader)).toEqual(expected);
    expect([reader.u32(), reader.remaining]).toEqual([0xcafe, 0]);
  });

  it('keeps a lease of one millisecond apart from a connection', () => {
    const liveness = { kind: 'lease', durationMs: 1 } as const;
    const writer = new ByteWriter();
    writePublisher(writer, { ...sample.PUBLISHER, liveness });
    expect(readPublisher(new ByteReader(writer.finish())).liveness).toEqual(liveness);
  });

  it('gives the payload of a publisher as a window on the message', () => {
    const writer = new ByteWriter();
    writePublisher(writer, sample.PUBLISHER);
    const bytes = writer.finish();
    expect(readPublisher(new ByteReader(bytes)).payload.buffer).toBe(bytes.buffer);
  });

  it('never gives a negative count for a digest that went below nothing', () => {
    expect(() => writeDigest(new ByteWriter(), { ...sample.DIGEST, count: -1 })).toThrow(RangeError);
  });

  it.each([
    [0, SlotStatus.Accept],
    [1, SlotStatus.Migrating],
    [2, SlotStatus.Moved],
    [3, SlotStatus.MisMatch],
  ])('status %d stands for %s', (byte, status) => {
    const writer = new ByteWriter();
    writeSlotAnswer(writer, { status, tableEpoch: 1, leaderEpoch: 2 });
    expect([...writer.finish()]).toEqual([byte, 1, 2]);
    expect(readSlotAnswer(new ByteReader(Uint8Array.of(byte, 1, 2)))).toEqual({ status, tableEpoch: 1, leaderEpoch: 2 });
  });

  it.each<[string, number[], (reader: ByteReader) => unknown]>([
    ['an unknown status', [4, 1, 1], readSlotAnswer],
    ['operation 0', [0, 0, 0, 0, 0], readOperation],
    ['operation 5', [5, 0, 0, 0, 0], readOperation],
    ['an operation that wants 2 records', [4, 0, 0, 2], readOperation],
    ['log entry 3', [1, 0, 0, 0, 0, 0, 0, 0, 1, 3, 0, 0, 0, 0, 0, 0], readSlotLogEntry],
    ['a removal for an unknown reason', [1, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 3], readSlotLogEntry],
  ])('is malformed with %s', (_name, bytes, read) => {
    expect(() => read(new ByteReader(Uint8Array.from(bytes)))).toThrow(MALFORMED);
  });
});
