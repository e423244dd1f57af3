import type { DataInfoId, FoldedId } from '../../../../core/model/data-info-id.ts';
import type { Datum, DatumGroup } from '../../../../core/model/datum.ts';
import type { Digest } from '../../../../core/model/digest.ts';
import { type Member, type PeerId, type ProcessId, Role } from '../../../../core/model/node.ts';
import type { Publisher } from '../../../../core/model/publisher.ts';
import type { SlotTable } from '../../../../core/model/slot-table.ts';

export const MAX = Number.MAX_SAFE_INTEGER;
export const MAX_U64 = 2n ** 64n - 1n;

export const PROCESS = 'node-1#0a1b2c' as ProcessId;
export const NAME = 'com.acme.Pay:1.0@DEFAULT#@#DEFAULT_INSTANCE_ID#@#DEFAULT_GROUP' as DataInfoId;
export const FOLDED = NAME.toLowerCase() as FoldedId;
export const UNICODE_NAME = '订单服务😀#@#größe#@#ГРУППА' as DataInfoId;

export const ADDRESS = { slotId: 255, tableEpoch: 12, leaderEpoch: 3 };
export const ZERO_ADDRESS = { slotId: 0, tableEpoch: 0, leaderEpoch: 0 };
export const LARGE_ADDRESS = { slotId: 4_095, tableEpoch: MAX, leaderEpoch: MAX };

export const DIGEST: Digest = { count: 3, xorHigh: 0x01020304, xorLow: 0xffffffff, sumHigh: 0x80000000, sumLow: 7 };
export const ZERO_DIGEST: Digest = { count: 0, xorHigh: 0, xorLow: 0, sumHigh: 0, sumLow: 0 };

export const PUBLISHER: Publisher = {
  dataInfoId: NAME,
  registerId: 'c0ffee00-0000-4000-8000-000000000001',
  registerVersion: { version: 3, stamp: 1_780_000_000_000 * 1_024 + 5 },
  owner: PROCESS,
  liveness: { kind: 'connection' },
  format: 'sofa-bolt',
  payload: Uint8Array.of(0, 1, 2, 254, 255),
  zone: 'zone-a',
  appName: 'pay-app',
  clientAddress: '10.1.2.3:41234',
};

export const LEASE: Publisher = {
  ...PUBLISHER,
  dataInfoId: UNICODE_NAME,
  registerId: 'host:订单:8080',
  registerVersion: { version: 0, stamp: MAX },
  liveness: { kind: 'lease', durationMs: 90_000 },
  format: 'eureka',
};

/** Every text empty, every number at its least. */
export const BARE: Publisher = {
  dataInfoId: '' as DataInfoId,
  registerId: '',
  registerVersion: { version: 0, stamp: 0 },
  owner: '' as ProcessId,
  liveness: { kind: 'connection' },
  format: '',
  payload: new Uint8Array(0),
  zone: '',
  appName: '',
  clientAddress: '',
};

export const LARGE: Publisher = {
  ...LEASE,
  registerId: 'r'.repeat(1_024),
  registerVersion: { version: MAX, stamp: MAX },
  payload: Uint8Array.from({ length: 300_000 }, (_, i) => i % 251),
  appName: '应'.repeat(3_000),
};

export const DATUM: Datum = { dataInfoId: NAME, version: 2n ** 53n + 1n, publishers: [PUBLISHER, LEASE] };
export const EMPTY_DATUM: Datum = { dataInfoId: UNICODE_NAME, version: MAX_U64, publishers: [] };
export const LARGE_DATUM: Datum = { dataInfoId: NAME, version: 1n, publishers: [LARGE, PUBLISHER, LARGE] };

export const GROUP: DatumGroup = { foldedId: FOLDED, floor: 9n, held: true, datums: [DATUM, EMPTY_DATUM] };
export const EMPTY_GROUP: DatumGroup = { foldedId: '' as FoldedId, floor: 0n, held: false, datums: [] };

export const TABLE: SlotTable = {
  epoch: 12,
  slots: [
    { slotId: 0, leader: 'node-1/data' as PeerId, leaderEpoch: 1, followers: ['node-2/data', 'node-3/data'] as PeerId[] },
    { slotId: 1, leader: 'node-2/data' as PeerId, leaderEpoch: 9, followers: [] },
  ],
};

export const MEMBERS: readonly Member[] = Object.values(Role).map((role, i) => ({
  peer: `node-${i}/${role}` as PeerId,
  role,
  processId: `node-${i}#${i}${i}` as ProcessId,
  address: i === 0 ? '' : `10.0.0.${i}:2100${i}`,
  zone: i === 1 ? 'rack-7' : '',
  ...(i === 2 ? { clientAddresses: [{ listener: 'sofa.port', address: '10.0.0.2:9600' }] } : {}),
}));

/** `count` things made from their number. */
export function many<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}
