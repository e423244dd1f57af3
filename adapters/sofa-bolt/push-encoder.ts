import { type Push, parseDataInfoId, RegistryError, Scope, type ServiceView } from '../../core/index.ts';
import { BoltClass } from './codec/class-names.ts';
import { BoltCodec, BoltCommand, type BoltDialect, BoltType, requestParts } from './codec/frame.ts';
import type { DataBox } from './codec/message-fields.ts';
import { encodeMultiReceivedData, encodeReceivedDataHead, encodeReceivedDataTail, type ZoneData } from './codec/received-data.ts';
import { decodeBoxes } from './payload.ts';

/** The client drops a push that waited longer than this in its own queue. */
export const PUSH_TIMEOUT_MS = 2_000;

/**
 * The frame of a push in pieces: a head of this connection's own, and the data, which is encoded once per view and zone filter and shared
 * by all connections.
 */
export function encodePush(push: Push, segment: string, dialect: BoltDialect, requestId: number): readonly Uint8Array[] {
  const { view, subscribers } = push;
  const [first] = subscribers;
  if (first === undefined) throw RegistryError.from(new Error('a push without subscribers'));
  const { dataId, instanceId, group } = parseDataInfoId(view.dataInfoId);
  const names = { dataId, group, instanceId, scope: first.scope, localZone: first.zone };
  const subscriberRegistIds = subscribers.map((subscriber) => subscriber.registerId);
  const head = {
    ...dialect,
    type: BoltType.Request,
    command: BoltCommand.Request,
    requestId,
    codec: BoltCodec.Hessian,
    timeoutMs: PUSH_TIMEOUT_MS,
  };
  if (first.acceptsSeveralDataCenters && first.scope === Scope.Global) {
    const local = { segment, encoding: null, version: view.version, zipData: null, unzipData: zonesOf(view, undefined, first.zone) };
    const multi = { ...names, localSegment: segment, subscriberRegistIds, multiData: new Map([[segment, local]]) };
    return requestParts({ ...head, className: BoltClass.MultiReceivedData }, encodeMultiReceivedData(multi));
  }
  const zone = first.scope === Scope.Zone ? first.zone : undefined;
  // What is derived goes into each reader's own zone; without it all zones' readers of everything share one encoding.
  const key = view.derived.length === 0 ? `sofa-bolt ${zone ?? ''}` : `sofa-bolt ${zone ?? ''} ${first.zone}`;
  const tail = view.memo(key, () => encodeReceivedDataTail(zonesOf(view, zone, first.zone)));
  const own = encodeReceivedDataHead({ ...names, segment, version: view.version, subscriberRegistIds });
  return requestParts({ ...head, className: BoltClass.ReceivedData }, own, tail);
}

/**
 * Boxes by the zone of their publishers, in the order of the view, so that equal content is equal bytes. `zone`: only this one. Other
 * ecosystems' zones mean nothing to SOFA's routing: what is derived is offered in the zone of each reader, where every scope finds it.
 */
function zonesOf(view: ServiceView, zone: string | undefined, ownZone: string): ZoneData {
  const zones = new Map<string, DataBox[]>();
  const add = (name: string, boxes: readonly DataBox[]) => {
    if (boxes.length === 0 || (zone !== undefined && name !== zone)) return;
    const known = zones.get(name);
    if (known === undefined) zones.set(name, [...boxes]);
    else known.push(...boxes);
  };
  for (const publisher of view.publishers) add(publisher.zone, decodeBoxes(publisher.payload));
  for (const derived of view.derived) add(ownZone, decodeBoxes(derived.payload));
  return zones;
}
