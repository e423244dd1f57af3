import protobuf from 'protobufjs';

/** The protobuf messages of the bolt port, from their description and by protobufjs's own reflection: nothing is shared with the adapter's codec. */
const ROOT = protobuf.parse(`
syntax = "proto3";
message BaseRegisterPb {
  string instanceId = 1; string zone = 2; string appName = 3; string dataId = 4; string group = 5; string processId = 6; string registId = 7;
  string clientId = 8; string dataInfoId = 9; string ip = 10; int32 port = 11; string eventType = 12; int64 version = 13; int64 timestamp = 14;
  map<string, string> attributes = 15;
}
message DataBoxPb { string data = 1; }
message DataBoxesPb { repeated DataBoxPb data = 1; }
message PublisherRegisterPb { repeated DataBoxPb dataList = 1; BaseRegisterPb baseRegister = 2; }
message SubscriberRegisterPb { string scope = 1; BaseRegisterPb baseRegister = 2; string acceptEncoding = 3; bool acceptMulti = 4; }
message RegisterResponsePb { bool success = 1; string registId = 2; int64 version = 3; bool refused = 4; string message = 5; }
message ResultPb { bool success = 1; string message = 2; }
message SyncConfigRequestPb { string dataCenter = 1; string zone = 2; }
message SyncConfigResponsePb { ResultPb result = 1; repeated string availableSegments = 2; int32 retryInterval = 3; }
message ReceivedDataPb {
  string dataId = 1; string group = 2; string instanceId = 3; string segment = 4; string scope = 5; repeated string subscriberRegistIds = 6;
  map<string, DataBoxesPb> data = 7; int64 version = 8; string localZone = 9; string encoding = 10; bytes body = 11; int32 originBodySize = 12;
  map<string, int32> pushDataCount = 13;
}
message MultiSegmentDataPb {
  string segment = 1; bytes zipData = 2; map<string, DataBoxesPb> unzipData = 3; string encoding = 4; int64 version = 5;
  map<string, int32> pushDataCount = 6;
}
message MultiReceivedDataPb {
  string dataId = 1; string group = 2; string instanceId = 3; string scope = 4; repeated string subscriberRegistIds = 5;
  string localSegment = 6; string localZone = 7; map<string, MultiSegmentDataPb> multiData = 8;
}
`).root;

export const PROTOBUF_PACKAGE = 'com.alipay.sofa.registry.common.model.client.pb';

export function encodeProtobuf(message: string, fields: Readonly<Record<string, unknown>>): Uint8Array {
  const type = ROOT.lookupType(message);
  return type.encode(type.fromObject({ ...fields })).finish();
}

/** As a plain object: longs as texts, unset fields left out. */
export function decodeProtobuf(message: string, content: Uint8Array): Readonly<Record<string, unknown>> {
  const type = ROOT.lookupType(message);
  return type.toObject(type.decode(content), { longs: String, bytes: String });
}
