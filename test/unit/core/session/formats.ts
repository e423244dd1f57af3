import { type DataInfoId, DEFAULT_GROUP, DEFAULT_INSTANCE_ID, formatDataInfoId } from '../../../../core/model/data-info-id.ts';
import type { ProcessId } from '../../../../core/model/node.ts';
import type { Publisher } from '../../../../core/model/publisher.ts';
import type { ServiceInstance } from '../../../../core/model/service-instance.ts';
import type { Formats } from '../../../../core/seams/protocol-adapter.ts';

/** An application's name. */
export function nameOf(dataId: string): DataInfoId {
  return formatDataInfoId({ dataId, instanceId: DEFAULT_INSTANCE_ID, group: DEFAULT_GROUP });
}

export function instanceAt(host: string, ports: Readonly<Record<string, number>>, changes: Partial<ServiceInstance> = {}): ServiceInstance {
  return {
    instanceId: host,
    host,
    ports: new Map(Object.entries(ports)),
    weight: 1,
    healthy: true,
    enabled: true,
    metadata: new Map(),
    zone: '',
    origin: 'red',
    ...changes,
  };
}

/** A publisher of a made-up format whose payload is a list of `host:port`, with blanks between. */
export function publisherOf(format: string, registerId: string, payload: string, changes: Partial<Publisher> = {}): Publisher {
  return {
    dataInfoId: nameOf('orders'),
    registerId,
    registerVersion: { version: 0, stamp: 1 },
    owner: 'n1#1' as ProcessId,
    liveness: { kind: 'connection' },
    format,
    payload: new TextEncoder().encode(payload),
    zone: '',
    appName: '',
    clientAddress: '',
    ...changes,
  };
}

export function textOf({ payload }: { readonly payload: Uint8Array }): string {
  return new TextDecoder().decode(payload);
}

/** Formats that read and write `host:port`; `composed` is called for each instance that is composed. */
export function formatsOf(names: readonly string[], composed: () => void = () => undefined): Formats {
  return {
    readers: names.map((format) => ({
      format,
      readInstances: (publisher) =>
        textOf(publisher)
          .split(' ')
          .filter((text) => /:\d+$/.test(text))
          .map((text) => instanceAt(text.split(':')[0] ?? '', { http: Number(text.split(':')[1]) }, { origin: format })),
    })),
    composers: names.map((format) => ({
      format,
      compose: (instance) => {
        composed();
        const text = `${instance.host}:${instance.ports.get('http')}`;
        return [{ registerId: text, payload: new TextEncoder().encode(`${format} ${text}`) }];
      },
    })),
  };
}
