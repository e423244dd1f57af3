import { type Push, parseDataInfoId, RegistryError, Scope, type ServiceView, type Subscriber } from '../../core/index.ts';
import { BoltClass } from './codec/class-names.ts';
import { BoltCodec, BoltCommand, type BoltDialect, type BoltRequestHead, BoltType, RequestTemplate, requestParts } from './codec/frame.ts';
import type { DataBox } from './codec/message-fields.ts';
import {
  encodeMultiReceivedData,
  encodeReceivedDataStart,
  encodeReceivedDataTail,
  encodeSubscriberRegistIds,
  type ZoneData,
} from './codec/received-data.ts';
import { decodeBoxes } from './payload.ts';

/** The client drops a push that waited longer than this in its own queue. */
export const PUSH_TIMEOUT_MS = 2_000;

/**
 * The frame of a push in pieces. What clients share is encoded once: the beginning of the frame per view, dialect and kind of reader, the
 * data per view and zone filter. A connection's own are the request id and the list of its subscribers.
 */
export function encodePush(push: Push, segment: string, dialect: BoltDialect, requestId: number): readonly Uint8Array[] {
  const { view, subscribers } = push;
  const [first] = subscribers;
  if (first === undefined) throw RegistryError.from(new Error('a push without subscribers'));
  const registIds = subscribers.map((subscriber) => subscriber.registerId);
  if (first.acceptsSeveralDataCenters && first.scope === Scope.Global)
    return encodeMultiPush(push, first, registIds, segment, dialect, requestId);
  const { protocol, version, switches } = dialect;
  const { template, data } = view.memo(`sofa-bolt ${protocol}${version}${switches} ${first.scope} ${first.zone}`, () => ({
    template: templateOf(view, first, segment, dialect),
    data: view.memo(`sofa-bolt ${zonesKey(view, first)}`, () => encodeReceivedDataTail(zonesOf(view, first))),
  }));
  return template.parts(requestId, encodeSubscriberRegistIds(registIds), data);
}

function templateOf(view: ServiceView, { scope, zone }: Subscriber, segment: string, dialect: BoltDialect): RequestTemplate {
  const { dataId, instanceId, group } = parseDataInfoId(view.dataInfoId);
  const start = encodeReceivedDataStart({ dataId, group, instanceId, scope, localZone: zone, segment, version: view.version });
  return new RequestTemplate(headOf(dialect, 0, BoltClass.ReceivedData), start);
}

function encodeMultiPush(
  { view }: Push,
  reader: Subscriber,
  subscriberRegistIds: readonly string[],
  segment: string,
  dialect: BoltDialect,
  requestId: number,
): readonly Uint8Array[] {
  const { dataId, instanceId, group } = parseDataInfoId(view.dataInfoId);
  const names = { dataId, group, instanceId, scope: reader.scope, localZone: reader.zone, localSegment: segment };
  const local = { segment, encoding: null, version: view.version, zipData: null, unzipData: zonesOf(view, reader) };
  const multi = { ...names, subscriberRegistIds, multiData: new Map([[segment, local]]) };
  return requestParts(headOf(dialect, requestId, BoltClass.MultiReceivedData), encodeMultiReceivedData(multi));
}

function headOf(dialect: BoltDialect, requestId: number, className: BoltClass): BoltRequestHead {
  const kind = { type: BoltType.Request, command: BoltCommand.Request, codec: BoltCodec.Hessian, timeoutMs: PUSH_TIMEOUT_MS } as const;
  return { ...dialect, ...kind, requestId, className };
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
    else for (const box of boxes) known.push(box);
  };
  for (const publisher of view.publishers) add(publisher.zone, decodeBoxes(publisher.payload));
  for (const derived of view.derived) add(reader.zone, decodeBoxes(derived.payload));
  return zones;
}
