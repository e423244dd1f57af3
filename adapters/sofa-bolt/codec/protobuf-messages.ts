import type { Writer } from 'protobufjs';
import { BoltCodec } from './frame.ts';
import type { MessageCodec, RequestKind } from './message-codec.ts';
import type { DataBox } from './message-fields.ts';
import type {
  BaseRegister,
  PublisherRegister,
  RegisterResponse,
  Result,
  SubscriberRegister,
  SyncConfigRequest,
  SyncConfigResponse,
} from './messages.ts';
import {
  boolField,
  type FieldReaders,
  intField,
  longField,
  messageField,
  newWriter,
  readFields,
  textField,
  ValueBudget,
  writeBool,
  writeInt,
  writeLong,
  writeMessage,
  writeText,
  writeTexts,
} from './protobuf-fields.ts';
import type { MultiReceivedData, ReceivedDataHead, ZoneData } from './received-data.ts';

/*
 * The protobuf form of the messages, which sidecars in Go and other languages speak (SOFA bolt protocol, protobuf messages). The numbers behind the
 * names are those of the upstream .proto files. Protobuf has no null: a text that is not set is empty, and means the same.
 */

const PACKAGE = 'com.alipay.sofa.registry.common.model.client.pb';

export const ProtobufClass = {
  PublisherRegister: `${PACKAGE}.PublisherRegisterPb`,
  SubscriberRegister: `${PACKAGE}.SubscriberRegisterPb`,
  RegisterResponse: `${PACKAGE}.RegisterResponsePb`,
  SyncConfigRequest: `${PACKAGE}.SyncConfigRequestPb`,
  SyncConfigResponse: `${PACKAGE}.SyncConfigResponsePb`,
  ReceivedData: `${PACKAGE}.ReceivedDataPb`,
  MultiReceivedData: `${PACKAGE}.MultiReceivedDataPb`,
} as const;

/** BaseRegisterPb: 1 instanceId .. 14 timestamp in the order of the Java class, 15 attributes. */
interface MutableBase {
  texts: Map<number, string>;
  port: number | null;
  version: bigint;
  timestamp: bigint;
  attributes: Map<string, string>;
}

/** PublisherRegisterPb: 1 dataList repeated DataBoxPb, 2 baseRegister. */
function decodePublisherRegister(content: Uint8Array): PublisherRegister {
  const base = newBase();
  const budget = new ValueBudget();
  const dataList: DataBox[] = [];
  readFields(content, {
    1: messageField((bytes) => {
      budget.take();
      dataList.push(readBox(bytes));
    }),
    2: messageField((bytes) => readBase(bytes, base, budget)),
  });
  return { ...finishBase(base), dataList };
}

/** SubscriberRegisterPb: 1 scope, 2 baseRegister, 3 acceptEncoding, 4 acceptMulti. */
function decodeSubscriberRegister(content: Uint8Array): SubscriberRegister {
  const base = newBase();
  const budget = new ValueBudget();
  const own = { scope: '', acceptEncoding: '', acceptMulti: false };
  readFields(content, {
    1: textField((text) => {
      own.scope = text;
    }),
    2: messageField((bytes) => readBase(bytes, base, budget)),
    3: textField((text) => {
      own.acceptEncoding = text;
    }),
    4: boolField((value) => {
      own.acceptMulti = value;
    }),
  });
  return { ...finishBase(base), ...own };
}

/** SyncConfigRequestPb: 1 dataCenter, 2 zone. */
function decodeSyncConfigRequest(content: Uint8Array): SyncConfigRequest {
  const message = { dataCenter: '', zone: '' };
  readFields(content, {
    1: textField((text) => {
      message.dataCenter = text;
    }),
    2: textField((text) => {
      message.zone = text;
    }),
  });
  return message;
}

/** ResultPb: 1 success, 2 message. */
function decodeResult(content: Uint8Array): Result {
  const result = { success: false, message: '' };
  readFields(content, {
    1: boolField((value) => {
      result.success = value;
    }),
    2: textField((text) => {
      result.message = text;
    }),
  });
  return result;
}

/** RegisterResponsePb: 1 success, 2 registId, 3 version, 4 refused, 5 message. */
function encodeRegisterResponse(message: RegisterResponse): Uint8Array {
  const writer = newWriter();
  writeBool(writer, 1, message.success);
  writeText(writer, 2, message.registId);
  writeLong(writer, 3, message.version);
  writeBool(writer, 4, message.refused);
  writeText(writer, 5, message.message);
  return writer.finish();
}

/** SyncConfigResponsePb: 1 result ResultPb, 2 availableSegments, 3 retryInterval. */
function encodeSyncConfigResponse(message: SyncConfigResponse): Uint8Array {
  const result = newWriter();
  writeBool(result, 1, message.success);
  writeText(result, 2, message.message);
  const writer = newWriter();
  writeMessage(writer, 1, result.finish());
  writeTexts(writer, 2, message.availableSegments);
  writeInt(writer, 3, message.retryInterval);
  return writer.finish();
}

export const protobufMessages: MessageCodec = {
  codec: BoltCodec.Protobuf,
  requests: new Map<string, RequestKind>([
    [ProtobufClass.PublisherRegister, 'publisher'],
    [ProtobufClass.SubscriberRegister, 'subscriber'],
    [ProtobufClass.SyncConfigRequest, 'sync-config'],
  ]),
  registerResponseClass: ProtobufClass.RegisterResponse,
  syncConfigResponseClass: ProtobufClass.SyncConfigResponse,
  decodePublisherRegister,
  decodeSubscriberRegister,
  decodeSyncConfigRequest,
  decodeResult,
  encodeRegisterResponse,
  encodeSyncConfigResponse,
};

/**
 * The part of a ReceivedDataPb that is one connection's: 1 dataId, 2 group, 3 instanceId, 4 segment, 5 scope, 6 subscriberRegistIds, 8 version,
 * 9 localZone. Fields may come in any order, so the part that all share follows it.
 */
export function encodeReceivedDataPbHead(message: ReceivedDataHead): Uint8Array {
  const writer = newWriter();
  for (const [index, text] of [message.dataId, message.group, message.instanceId, message.segment, message.scope].entries())
    writeText(writer, index + 1, text);
  writeTexts(writer, 6, message.subscriberRegistIds);
  writeLong(writer, 8, message.version);
  writeText(writer, 9, message.localZone);
  return writer.finish();
}

/** The part of a ReceivedDataPb that all subscribers of a view share: 7 data map<string, DataBoxesPb>, 13 pushDataCount map<string, int32>. */
export function encodeReceivedDataPbTail(data: ZoneData): Uint8Array {
  const writer = newWriter();
  writeZones(writer, data, 7, 13);
  return writer.finish();
}

/** MultiReceivedDataPb: 1 dataId .. 4 scope, 5 subscriberRegistIds, 6 localSegment, 7 localZone, 8 multiData map<string, MultiSegmentDataPb>. */
export function encodeMultiReceivedDataPb(message: MultiReceivedData): Uint8Array {
  const writer = newWriter();
  for (const [index, text] of [message.dataId, message.group, message.instanceId, message.scope].entries())
    writeText(writer, index + 1, text);
  writeTexts(writer, 5, message.subscriberRegistIds);
  writeText(writer, 6, message.localSegment);
  writeText(writer, 7, message.localZone);
  for (const [name, segment] of message.multiData) {
    // MultiSegmentDataPb: 1 segment, 2 zipData, 3 unzipData, 4 encoding, 5 version, 6 pushDataCount.
    const inner = newWriter();
    writeText(inner, 1, segment.segment);
    if (segment.zipData !== null) writeMessage(inner, 2, segment.zipData);
    writeText(inner, 4, segment.encoding);
    writeLong(inner, 5, segment.version);
    writeZones(inner, segment.unzipData ?? new Map(), 3, 6);
    writeEntry(writer, 8, name, (entry) => writeMessage(entry, 2, inner.finish()));
  }
  return writer.finish();
}

/** The boxes by zone in one field, DataBoxesPb being 1 data repeated DataBoxPb and DataBoxPb 1 data, and their numbers in another. */
function writeZones(writer: Writer, data: ZoneData, dataField: number, countField: number): void {
  for (const [zone, boxes] of data) {
    const list = newWriter();
    for (const { data: text } of boxes) {
      const box = newWriter();
      writeText(box, 1, text);
      writeMessage(list, 1, box.finish());
    }
    writeEntry(writer, dataField, zone, (entry) => writeMessage(entry, 2, list.finish()));
  }
  for (const [zone, boxes] of data) writeEntry(writer, countField, zone, (entry) => writeInt(entry, 2, boxes.length));
}

/** One entry of a map: a message of 1 key and 2 value. */
function writeEntry(writer: Writer, field: number, key: string, writeValue: (entry: Writer) => void): void {
  const entry = newWriter();
  writeText(entry, 1, key);
  writeValue(entry);
  writeMessage(writer, field, entry.finish());
}

function readBox(bytes: Uint8Array): DataBox {
  let data = '';
  readFields(bytes, {
    1: textField((text) => {
      data = text;
    }),
  });
  return { data };
}

function newBase(): MutableBase {
  return { texts: new Map(), port: null, version: 0n, timestamp: 0n, attributes: new Map() };
}

const TEXT_FIELDS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12];

function readBase(bytes: Uint8Array, base: MutableBase, budget: ValueBudget): void {
  const fields: Record<number, FieldReaders[number]> = {
    11: intField((value) => {
      base.port = value;
    }),
    13: longField((value) => {
      base.version = value;
    }),
    14: longField((value) => {
      base.timestamp = value;
    }),
    15: messageField((entry) => {
      budget.take();
      let [key, value] = ['', ''];
      readFields(entry, {
        1: textField((text) => {
          key = text;
        }),
        2: textField((text) => {
          value = text;
        }),
      });
      base.attributes.set(key, value);
    }),
  };
  for (const field of TEXT_FIELDS) fields[field] = textField((text) => void base.texts.set(field, text));
  readFields(bytes, fields);
}

function finishBase({ texts, port, version, timestamp, attributes }: MutableBase): BaseRegister {
  const text = (field: number) => texts.get(field) ?? '';
  return {
    instanceId: text(1),
    zone: text(2),
    appName: text(3),
    dataId: text(4),
    group: text(5),
    processId: text(6),
    registId: text(7),
    clientId: text(8),
    dataInfoId: text(9),
    ip: text(10),
    port,
    eventType: text(12),
    version,
    timestamp,
    attributes,
  };
}
