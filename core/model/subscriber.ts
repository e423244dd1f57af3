import type { DataInfoId } from './data-info-id.ts';

/** Which publishers a subscriber sees (bolt protocol, scopes). */
export const Scope = { Zone: 'zone', DataCenter: 'dataCenter', Global: 'global' } as const;
export type Scope = (typeof Scope)[keyof typeof Scope];

/** One interest of one client connection. */
export interface Subscriber {
  readonly dataInfoId: DataInfoId;
  /** Unique within its connection and DataInfoId, chosen by the client. */
  readonly registerId: string;
  readonly scope: Scope;
  /** The client's zone, used by `Scope.Zone`. */
  readonly zone: string;
  /** Whether the reader can take payloads of several data centres. */
  readonly acceptsSeveralDataCenters: boolean;
  readonly appName: string;
}
