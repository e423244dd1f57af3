import { type Push, parseDataInfoId, RegistryError, Scope, type ServiceView, type Subscriber } from '../../core/index.ts';
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
    const local = { segment, encoding: null, version: view.version, zipData: null, unzipData: zonesOf(view, first) };
    const multi = { ...names, localSegment: segment, subscriberRegistIds, multiData: new Map([[segment, local]]) };
    return requestParts({ ...head, className: BoltClass.MultiReceivedData }, encodeMultiReceivedData(multi));
  }
  const tail = view.memo(`sofa-bolt ${zonesKey(view, first)}`, () => encodeReceivedDataTail(zonesOf(view, first)));
  const own = encodeReceivedDataHead({ ...names, segment, version: view.version, subscriberRegistIds });
  return requestParts({ ...head, className: BoltClass.ReceivedData }, own, tail);
}

/** Readers with one key see the same zones of a view. */
export function zonesKey({ derived }: ServiceView, { scope, zone }: Subscriber): string {
  if (scope === Scope.Zone) return `in ${zone}`;
  return derived.length === 0 ? 'all' : `all from ${zone}`;
}

/**
 * Boxes by the zone of their publishers, in the order of the view, so that equal content is equal bytes; for the scope zone only the
 * reader's. Other ecosystems' zones mean nothing to SOFA's routing: what is derived is offered in the zone of each reader, where every
 * scope finds it.
 */
export function zonesOf(view: ServiceView, reader: Subscriber): ZoneData {
  const zones = new Map<string, DataBox[]>();
  const add = (name: string, boxes: readonly DataBox[]) => {
    if (boxes.length === 0 || (reader.scope === Scope.Zone && name !== reader.zone)) return;
    const known = zones.get(name);
    if (known === undefined) zones.set(name, [...boxes]);
    else known.push(...boxes);
  };
  for (const publisher of view.publishers) add(publisher.zone, decodeBoxes(publisher.payload));
  for (const derived of view.derived) add(reader.zone, decodeBoxes(derived.payload));
  return zones;
}
