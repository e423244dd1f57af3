import { type Push, parseDataInfoId, RegistryError, Scope, type ServiceView } from '../../core/index.ts';
import { BoltClass } from './codec/class-names.ts';
import { BoltCodec, BoltCommand, type BoltDialect, BoltType, requestParts } from './codec/frame.ts';
import type { DataBox } from './codec/message-fields.ts';
import { encodeMultiReceivedData, encodeReceivedDataHead, encodeReceivedDataTail, type ZoneData } from './codec/received-data.ts';
import { decodeBoxes } from './payload.ts';
import { DEFAULT_ZONE } from './registrations.ts';
import { composeAddress } from './translate.ts';

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
    const local = { segment, encoding: null, version: view.version, zipData: null, unzipData: zonesOf(view, undefined) };
    const multi = { ...names, localSegment: segment, subscriberRegistIds, multiData: new Map([[segment, local]]) };
    return requestParts({ ...head, className: BoltClass.MultiReceivedData }, encodeMultiReceivedData(multi));
  }
  const zone = first.scope === Scope.Zone ? first.zone : undefined;
  const tail = view.memo(`sofa-bolt ${zone ?? ''}`, () => encodeReceivedDataTail(zonesOf(view, zone)));
  const own = encodeReceivedDataHead({ ...names, segment, version: view.version, subscriberRegistIds });
  return requestParts({ ...head, className: BoltClass.ReceivedData }, own, tail);
}

/** Boxes by the zone of their publishers, in the order of the view, so that equal content is equal bytes. `zone`: only this one. */
function zonesOf(view: ServiceView, zone: string | undefined): ZoneData {
  const zones = new Map<string, DataBox[]>();
  const add = (name: string, boxes: readonly DataBox[]) => {
    if (boxes.length === 0 || (zone !== undefined && name !== zone)) return;
    const known = zones.get(name);
    if (known === undefined) zones.set(name, [...boxes]);
    else known.push(...boxes);
  };
  for (const publisher of view.publishers) add(publisher.zone, decodeBoxes(publisher.payload));
  for (const instance of view.foreign) {
    const data = composeAddress(instance);
    // Other ecosystems' zones mean nothing to SOFA's routing: their instances are everybody's.
    if (data !== undefined) add(zone ?? DEFAULT_ZONE, [{ data }]);
  }
  return zones;
}
