import { BoltClass } from './class-names.ts';
import { HessianClass, HessianWriter } from './hessian-writer.ts';
import { type DataBox, MessageFields, writeBox, writeText } from './message-fields.ts';

/*
 * What the server pushes (SOFA bolt protocol, messages). Decoders throw as those of the requests do.
 *
 * Everything of a ReceivedData from `data` on is the same bytes for all subscribers of one view, because no references are written and the numbers
 * of the classes are constant. It is encoded once, as the tail, and sent behind the small head of each connection.
 */

/** Boxes by the zone of their publishers. A zone without boxes is better left out. */
export type ZoneData = ReadonlyMap<string, readonly DataBox[]>;

export interface ReceivedDataHead {
  readonly dataId: string | null;
  readonly group: string | null;
  readonly instanceId: string | null;
  /** The data centre. Never null in a push: the client answers with a failure and ignores it. */
  readonly segment: string | null;
  readonly scope: string | null;
  /** The client takes data only if this is greater than what it holds for the segment, whichever server that came from. */
  readonly version: bigint;
  /** The zone of the client itself. */
  readonly localZone: string | null;
  /** The subscribers of this connection that are addressed. */
  readonly subscriberRegistIds: readonly string[];
}

export interface ReceivedData extends ReceivedDataHead {
  /** Empty means no providers. Null in a push is acknowledged and ignored by the client. */
  readonly data: ZoneData | null;
}

export interface ReceivedConfigData {
  readonly dataId: string | null;
  readonly group: string | null;
  readonly instanceId: string | null;
  readonly version: bigint;
  readonly configuratorRegistIds: readonly string[];
  /** Null means no configuration. */
  readonly dataBox: DataBox | null;
}

export interface MultiSegmentData {
  readonly segment: string | null;
  readonly encoding: string | null;
  readonly version: bigint;
  /** Compressed data in `encoding`, instead of `unzipData`. */
  readonly zipData: Uint8Array | null;
  readonly unzipData: ZoneData | null;
}

/** Only for subscribers with `acceptMulti` and scope global. */
export interface MultiReceivedData {
  readonly dataId: string | null;
  readonly group: string | null;
  readonly instanceId: string | null;
  readonly scope: string | null;
  readonly localSegment: string | null;
  readonly localZone: string | null;
  readonly subscriberRegistIds: readonly string[];
  readonly multiData: ReadonlyMap<string, MultiSegmentData>;
}

const DATA = new HessianClass(BoltClass.ReceivedData, [
  'dataId',
  'group',
  'instanceId',
  'segment',
  'scope',
  'version',
  'localZone',
  'subscriberRegistIds',
  'data',
  'dataCount',
]);
const CONFIG = new HessianClass(BoltClass.ReceivedConfigData, [
  'dataId',
  'group',
  'instanceId',
  'version',
  'configuratorRegistIds',
  'dataBox',
]);
const MULTI = new HessianClass(BoltClass.MultiReceivedData, [
  'dataId',
  'group',
  'instanceId',
  'scope',
  'localSegment',
  'localZone',
  'subscriberRegistIds',
  'multiData',
]);
const SEGMENT = new HessianClass(BoltClass.MultiSegmentData, ['segment', 'encoding', 'version', 'zipData', 'unzipData', 'dataCount']);

/** The beginning of a ReceivedData, up to the list of subscribers: the same for all clients of a view, scope and zone. */
export function encodeReceivedDataStart(message: Omit<ReceivedDataHead, 'subscriberRegistIds'>): Uint8Array {
  const writer = new HessianWriter([], 512).object(DATA);
  writer.text(message.dataId).text(message.group).text(message.instanceId).text(message.segment).text(message.scope);
  return writer.long(message.version).text(message.localZone).finish();
}

/** What follows the beginning: the subscribers of one connection. */
export function encodeSubscriberRegistIds(registIds: readonly string[]): Uint8Array {
  return new HessianWriter([], 64).list(registIds, writeText).finish();
}

/** The part of a ReceivedData that is one connection's: all before `data`. */
export function encodeReceivedDataHead(message: ReceivedDataHead): Uint8Array {
  return Buffer.concat([encodeReceivedDataStart(message), encodeSubscriberRegistIds(message.subscriberRegistIds)]);
}

/** The part of a ReceivedData that all subscribers of a view share: `data` and, counted from it, `dataCount`. It is worth keeping: no byte is unused. */
export function encodeReceivedDataTail(data: ZoneData | null): Uint8Array {
  const writer = new HessianWriter([BoltClass.ReceivedData]);
  writeZones(data, writer);
  return Buffer.from(writer.finish());
}

/** The head and the tail in one piece. */
export function encodeReceivedData(message: ReceivedData): Uint8Array {
  return Buffer.concat([encodeReceivedDataHead(message), encodeReceivedDataTail(message.data)]);
}

/** `dataCount` says nothing that `data` does not, and is not read. */
export function decodeReceivedData(content: Uint8Array): ReceivedData {
  const fields = MessageFields.decode(content, BoltClass.ReceivedData, BoltClass.DataBox);
  return {
    dataId: fields.text('dataId'),
    group: fields.text('group'),
    instanceId: fields.text('instanceId'),
    segment: fields.text('segment'),
    scope: fields.text('scope'),
    version: fields.long('version'),
    localZone: fields.text('localZone'),
    subscriberRegistIds: fields.texts('subscriberRegistIds'),
    data: fields.zones('data'),
  };
}

export function encodeReceivedConfigData(message: ReceivedConfigData): Uint8Array {
  const writer = new HessianWriter().object(CONFIG);
  writer.text(message.dataId).text(message.group).text(message.instanceId).long(message.version);
  writer.list(message.configuratorRegistIds, writeText);
  if (message.dataBox === null) writer.null();
  else writeBox(message.dataBox, writer);
  return writer.finish();
}

export function decodeReceivedConfigData(content: Uint8Array): ReceivedConfigData {
  const fields = MessageFields.decode(content, BoltClass.ReceivedConfigData, BoltClass.DataBox);
  return {
    dataId: fields.text('dataId'),
    group: fields.text('group'),
    instanceId: fields.text('instanceId'),
    version: fields.long('version'),
    configuratorRegistIds: fields.texts('configuratorRegistIds'),
    dataBox: fields.box('dataBox'),
  };
}

export function encodeMultiReceivedData(message: MultiReceivedData): Uint8Array {
  const writer = new HessianWriter().object(MULTI);
  writer.text(message.dataId).text(message.group).text(message.instanceId).text(message.scope);
  writer.text(message.localSegment).text(message.localZone).list(message.subscriberRegistIds, writeText);
  return writer.map(message.multiData, writeSegment).finish();
}

export function decodeMultiReceivedData(content: Uint8Array): MultiReceivedData {
  const fields = MessageFields.decode(content, BoltClass.MultiReceivedData, BoltClass.MultiSegmentData, BoltClass.DataBox);
  return {
    dataId: fields.text('dataId'),
    group: fields.text('group'),
    instanceId: fields.text('instanceId'),
    scope: fields.text('scope'),
    localSegment: fields.text('localSegment'),
    localZone: fields.text('localZone'),
    subscriberRegistIds: fields.texts('subscriberRegistIds'),
    multiData: fields.objects('multiData', BoltClass.MultiSegmentData, readSegment),
  };
}

function writeSegment(segment: MultiSegmentData, writer: HessianWriter): void {
  writer.object(SEGMENT);
  writer.text(segment.segment).text(segment.encoding).long(segment.version).bytes(segment.zipData);
  writeZones(segment.unzipData, writer);
}

function readSegment(fields: MessageFields): MultiSegmentData {
  return {
    segment: fields.text('segment'),
    encoding: fields.text('encoding'),
    version: fields.long('version'),
    zipData: fields.bytes('zipData'),
    unzipData: fields.zones('unzipData'),
  };
}

/** The data by zone, then the number of boxes by zone. */
function writeZones(data: ZoneData | null, writer: HessianWriter): void {
  writer.map(data, writeBoxes).map(data, writeCount);
}

function writeBoxes(boxes: readonly DataBox[], writer: HessianWriter): void {
  writer.list(boxes, writeBox);
}

function writeCount(boxes: readonly DataBox[], writer: HessianWriter): void {
  writer.int(boxes.length);
}
