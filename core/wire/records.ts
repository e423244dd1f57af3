import type { ByteReader } from '../codec/byte-reader.ts';
import type { ByteWriter } from '../codec/byte-writer.ts';
import type { DataInfoId, FoldedId } from '../model/data-info-id.ts';
import type { Datum, DatumGroup } from '../model/datum.ts';
import type { Digest } from '../model/digest.ts';
import type { ProcessId } from '../model/node.ts';
import { CONNECTION, type Liveness, type Publisher } from '../model/publisher.ts';
import type { RegisterVersion } from '../model/register-version.ts';
import { compactPayload } from '../model/stored-publisher.ts';

/**
 * The model's values as they stand inside messages, snapshot and journal.
 *
 *     registerVersion := version:varint stamp:varint
 *     liveness        := 0:varint | durationMs:varint (at least 1)
 *     publisher       := dataInfoId registerId registerVersion owner liveness format zone appName clientAddress payload:blob
 *     datum           := dataInfoId version:u64 publishers:list
 *     group           := foldedId floor:u64 held:bool datums:list
 *     digest          := count:varint xorHigh:u32 xorLow:u32 sumHigh:u32 sumLow:u32
 *
 * Texts without a type are `text`. A publisher's payload is read as a window on the message: whoever keeps it copies it.
 */
export function writeRegisterVersion(writer: ByteWriter, version: RegisterVersion): void {
  writer.varint(version.version).varint(version.stamp);
}

export function readRegisterVersion(reader: ByteReader): RegisterVersion {
  return { version: reader.varint(), stamp: reader.varint() };
}

export function writePublisher(writer: ByteWriter, publisher: Publisher): void {
  writer.text(publisher.dataInfoId).text(publisher.registerId);
  writeRegisterVersion(writer, publisher.registerVersion);
  writer.text(publisher.owner);
  writer.varint(publisher.liveness.kind === 'lease' ? publisher.liveness.durationMs : 0);
  writer.text(publisher.format).text(publisher.zone).text(publisher.appName).text(publisher.clientAddress);
  const payload = compactPayload(publisher);
  if (typeof payload === 'string') writer.byteText(payload);
  else writer.blob(payload);
}

export function readPublisher(reader: ByteReader): Publisher {
  const dataInfoId = reader.text() as DataInfoId;
  const registerId = reader.text();
  const registerVersion = readRegisterVersion(reader);
  const owner = reader.text() as ProcessId;
  const durationMs = reader.varint();
  const liveness: Liveness = durationMs === 0 ? CONNECTION : { kind: 'lease', durationMs };
  return {
    dataInfoId,
    registerId,
    registerVersion,
    owner,
    liveness,
    format: reader.text(),
    zone: reader.text(),
    appName: reader.text(),
    clientAddress: reader.text(),
    payload: reader.blob(),
  };
}

export function writeDatum(writer: ByteWriter, datum: Datum): void {
  writer.text(datum.dataInfoId).u64(datum.version);
  writer.list(datum.publishers, (publisher) => writePublisher(writer, publisher));
}

export function readDatum(reader: ByteReader): Datum {
  return { dataInfoId: reader.text() as DataInfoId, version: reader.u64(), publishers: reader.list(readPublisher) };
}

export function writeDatumGroup(writer: ByteWriter, group: DatumGroup): void {
  writer.text(group.foldedId).u64(group.floor).bool(group.held);
  writer.list(group.datums, (datum) => writeDatum(writer, datum));
}

export function readDatumGroup(reader: ByteReader): DatumGroup {
  return { foldedId: reader.text() as FoldedId, floor: reader.u64(), held: reader.bool(), datums: reader.list(readDatum) };
}

export function writeDigest(writer: ByteWriter, digest: Digest): void {
  writer.varint(digest.count).u32(digest.xorHigh).u32(digest.xorLow).u32(digest.sumHigh).u32(digest.sumLow);
}

export function readDigest(reader: ByteReader): Digest {
  return { count: reader.varint(), xorHigh: reader.u32(), xorLow: reader.u32(), sumHigh: reader.u32(), sumLow: reader.u32() };
}
