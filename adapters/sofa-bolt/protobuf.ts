import { type Push, parseDataInfoId, RegistryError, Scope } from '../../core/index.ts';
import { BoltCodec, BoltCommand, type BoltDialect, BoltType, requestParts } from './codec/frame.ts';
import type { MessageCodec } from './codec/message-codec.ts';
import {
  encodeMultiReceivedDataPb,
  encodeReceivedDataPbHead,
  encodeReceivedDataPbTail,
  ProtobufClass,
  protobufMessages,
} from './codec/protobuf-messages.ts';
import { PUSH_TIMEOUT_MS, zonesKey, zonesOf } from './push-encoder.ts';

/** What a connection needs to speak protobuf. Loaded with the first frame that does. */
export interface Protobuf {
  readonly messages: MessageCodec;
  /** As `encodePush`, with the codec byte of the content; upstream says Hessian here, which a Java protobuf client could not read. */
  encodePush(push: Push, segment: string, dialect: BoltDialect, requestId: number): readonly Uint8Array[];
}

export const protobuf: Protobuf = { messages: protobufMessages, encodePush };

function encodePush(push: Push, segment: string, dialect: BoltDialect, requestId: number): readonly Uint8Array[] {
  const { view, subscribers } = push;
  const [first] = subscribers;
  if (first === undefined) throw RegistryError.from(new Error('a push without subscribers'));
  const { dataId, instanceId, group } = parseDataInfoId(view.dataInfoId);
  const names = { dataId, group, instanceId, scope: first.scope, localZone: first.zone };
  const subscriberRegistIds = subscribers.map((subscriber) => subscriber.registerId);
  const request = { type: BoltType.Request, command: BoltCommand.Request, codec: BoltCodec.Protobuf, timeoutMs: PUSH_TIMEOUT_MS } as const;
  const head = { ...dialect, ...request, requestId };
  if (first.acceptsSeveralDataCenters && first.scope === Scope.Global) {
    const local = { segment, encoding: null, version: view.version, zipData: null, unzipData: zonesOf(view, first) };
    const multi = { ...names, localSegment: segment, subscriberRegistIds, multiData: new Map([[segment, local]]) };
    return requestParts({ ...head, className: ProtobufClass.MultiReceivedData }, encodeMultiReceivedDataPb(multi));
  }
  const tail = view.memo(`sofa-bolt protobuf ${zonesKey(view, first)}`, () => encodeReceivedDataPbTail(zonesOf(view, first)));
  const own = encodeReceivedDataPbHead({ ...names, segment, version: view.version, subscriberRegistIds });
  return requestParts({ ...head, className: ProtobufClass.ReceivedData }, own, tail);
}
