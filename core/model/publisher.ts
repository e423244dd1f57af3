import type { DataInfoId } from './data-info-id.ts';
import type { ProcessId } from './node.ts';
import type { RegisterVersion } from './register-version.ts';

/**
 * How a publisher lives. `connection`: as long as its client's connection to a Session. `lease`: by renewals that may
 * arrive at any Session, counted at the slot leader.
 */
export type Liveness = { readonly kind: 'connection' } | { readonly kind: 'lease'; readonly durationMs: number };

export const CONNECTION: Liveness = { kind: 'connection' };

/** One registration. The payload is the protocol's own bytes and stays as they were received or written by its adapter. */
export interface Publisher {
  readonly dataInfoId: DataInfoId;
  /** Unique within its DataInfoId and stable over reconnects: bolt registId, Eureka instance id. */
  readonly registerId: string;
  readonly registerVersion: RegisterVersion;
  /** The Session process that holds it: for a connection its truth, for a lease the last one that accepted or renewed it with a copy. */
  readonly owner: ProcessId;
  readonly liveness: Liveness;
  /** Name of the protocol whose FormatReader understands the payload, e.g. `sofa-bolt`, `eureka`. */
  readonly format: string;
  readonly payload: Uint8Array;
  /** The client's logical zone (bolt `cell`), '' when it has none. */
  readonly zone: string;
  /** The application that registered, '' when unknown. For operators and policies only. */
  readonly appName: string;
  /** `ip:port` of the client for a connection, `ip` for a lease, '' when unknown. */
  readonly clientAddress: string;
}

/** Two publishers are the same to a reader: a change between them raises no version and pushes nothing. */
export function sameVisiblePublisher(a: Publisher, b: Publisher): boolean {
  return a.format === b.format && a.zone === b.zone && a.appName === b.appName && sameBytes(a.payload, b.payload);
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false;
  return true;
}
