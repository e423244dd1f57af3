import { randomUUID } from 'node:crypto';
import { BoltClass } from '../../adapters/sofa-bolt/codec/class-names.ts';
import {
  BoltCodec,
  BoltCommand,
  BoltStatus,
  BoltType,
  encodeHeartbeat,
  encodeRequest,
  encodeResponse,
} from '../../adapters/sofa-bolt/codec/frame.ts';
import {
  type BaseRegister,
  encodePublisherRegister,
  encodeResult,
  encodeSubscriberRegister,
} from '../../adapters/sofa-bolt/codec/messages.ts';

const V1 = { protocol: 1, version: 1, switches: 0, codec: BoltCodec.Hessian } as const;
const REQUEST = { ...V1, type: BoltType.Request, command: BoltCommand.Request, timeoutMs: 1_000 } as const;

export interface Publication {
  readonly dataId: string;
  readonly registId: string;
  readonly version: number;
  readonly values: readonly string[];
}

/** The frame that a Java client sends to publish, in its field order. */
export function publisherFrame(publication: Publication, eventType: 'REGISTER' | 'UNREGISTER' = 'REGISTER'): Uint8Array {
  const dataList = eventType === 'REGISTER' ? publication.values.map((data) => ({ data })) : null;
  const content = encodePublisherRegister({
    ...baseOf(publication.dataId, publication.registId, publication.version, eventType),
    dataList,
  });
  return encodeRequest({ ...REQUEST, requestId: nextRequestId(), className: BoltClass.PublisherRegister }, content);
}

export function subscriberFrame(dataId: string, registId: string = randomUUID()): Uint8Array {
  const own = { scope: 'zone', acceptEncoding: null, acceptMulti: false };
  const content = encodeSubscriberRegister({ ...baseOf(dataId, registId, 1, 'REGISTER'), ...own });
  return encodeRequest({ ...REQUEST, requestId: nextRequestId(), className: BoltClass.SubscriberRegister }, content);
}

export function heartbeatFrame(requestId: number): Uint8Array {
  return encodeHeartbeat(V1, requestId);
}

/** The answer to a push; the request id goes to `ID_OFFSET`. */
export function ackFrame(): Buffer {
  const head = { ...V1, type: BoltType.Response, command: BoltCommand.Response, requestId: 0 } as const;
  const content = encodeResult({ success: true, message: null });
  return Buffer.from(encodeResponse({ ...head, status: BoltStatus.Success, className: BoltClass.Result }, content));
}

/** Where the request id stands in a v1 frame. */
export const ID_OFFSET = 5;

/** A value of about 190 bytes, as an RPC framework publishes an address. */
export function providerUrl(index: number): string {
  const host = `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`;
  return `${host}:12200?rpcVer=50803&serialization=hessian2&weight=100&timeout=3000&startTime=1764035000000&pid=2411&language=java&accepts=100000&appName=order-service&uniqueId=&version=1.0&v=4.0&t=${index}`;
}

function baseOf(dataId: string, registId: string, version: number, eventType: string): BaseRegister {
  return {
    instanceId: null,
    zone: 'DEFAULT_ZONE',
    appName: 'order-service',
    dataId,
    group: 'DEFAULT_GROUP',
    processId: null,
    registId,
    clientId: null,
    dataInfoId: null,
    ip: null,
    port: null,
    eventType,
    version: BigInt(version),
    timestamp: BigInt(Date.now()),
    attributes: new Map(),
  };
}

let lastRequestId = 0;

function nextRequestId(): number {
  lastRequestId += 1;
  return lastRequestId;
}
