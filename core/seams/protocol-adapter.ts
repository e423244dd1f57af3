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
  /** Readers of the formats this adapter publishes; handed to the core before any adapter starts. */
  readonly formatReaders: readonly FormatReader[];
  readonly listeners: readonly ListenerInfo[];
  /** Opens the listeners and serves. Rejects with nothing left open when a port is taken. */
  start(gateway: SessionGateway, host: Host): Promise<RunningRole>;
}
