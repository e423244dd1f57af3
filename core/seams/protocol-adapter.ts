import type { Publisher } from '../model/publisher.ts';
import type { ServiceInstance } from '../model/service-instance.ts';
import type { Host } from './host.ts';
import type { RunningRole } from './lifecycle.ts';
import type { SessionGateway } from './session-gateway.ts';

/**
 * Reads the native payload of one format as neutral instances. Pure: the same publisher always gives the same answer.
 * Empty when the payload is no address (opaque SOFA data, a damaged record).
 */
export interface FormatReader {
  readonly format: string;
  readInstances(publisher: Publisher): readonly ServiceInstance[];
}

/** What a composer makes of one instance: a registration in the readers' format. */
export interface Composition {
  /** Stable over changes of the same instance, and the same for the same address whoever published it. */
  readonly registerId: string;
  readonly payload: Uint8Array;
}

/**
 * Writes instances of other formats in the words of one: what its readers are shown of everybody else. Pure, so that every Session
 * composes the same. The core asks per instance and remembers the answer as long as the publisher lives; which instances may be seen,
 * in which order and which of two with one address is shown are the core's rules.
 */
export interface Composer {
  /** The format of the readers. */
  readonly format: string;
  /** Empty when the instance has no form here: no port that these readers could call, or it takes no calls now and the format has no word for that. */
  compose(instance: ServiceInstance, source: Publisher): readonly Composition[];
}

/** What all adapters of a process say about formats; handed to the core before any adapter starts. */
export interface Formats {
  /** One per format. */
  readonly readers: readonly FormatReader[];
  /** Several of one format add up. */
  readonly composers: readonly Composer[];
}

/** One listener an adapter opens, for the start table and `--print-ports`. */
export interface ListenerInfo {
  readonly protocol: string;
  readonly purpose: string;
  readonly host: string;
  readonly port: number;
  /** The configuration name that moves it, e.g. `eureka.port`. */
  readonly setting: string;
  /** What a user puts into the client, e.g. `eureka.client.serviceUrl.defaultZone=http://localhost:8761/eureka/`. */
  readonly clientSetting: string;
}

/** Where a protocol plugs in. */
export interface ProtocolAdapter {
  readonly name: string;
  readonly formats: Formats;
  readonly listeners: readonly ListenerInfo[];
  /** Opens the listeners and serves. Rejects with nothing left open when a port is taken. */
  start(gateway: SessionGateway, host: Host): Promise<RunningRole>;
}

/** The formats of several adapters as one. */
export function mergeFormats(adapters: readonly Pick<ProtocolAdapter, 'formats'>[]): Formats {
  return {
    readers: adapters.flatMap(({ formats }) => formats.readers),
    composers: adapters.flatMap(({ formats }) => formats.composers),
  };
}
