import type { DataInfoId, FoldedId } from '../../../../core/model/data-info-id.ts';
import type { Member, PeerId, ProcessId } from '../../../../core/model/node.ts';
import { SlotStatus, type SlotTable } from '../../../../core/model/slot-table.ts';
import * as inspect from '../../../../core/wire/datum-inspect.ts';
import * as documents from '../../../../core/wire/documents.ts';
import { MessageKind } from '../../../../core/wire/frame.ts';
import * as heartbeat from '../../../../core/wire/heartbeat.ts';
import * as loads from '../../../../core/wire/session-loads.ts';
import * as pulse from '../../../../core/wire/session-pulse.ts';
import * as batch from '../../../../core/wire/slot-batch.ts';
import * as compare from '../../../../core/wire/slot-compare.ts';
import * as log from '../../../../core/wire/slot-log.ts';
import * as read from '../../../../core/wire/slot-read.ts';
import * as table from '../../../../core/wire/table-get.ts';
import {
  ADDRESS,
  BARE,
  DATUM,
  DIGEST,
  EMPTY_DATUM,
  EMPTY_GROUP,
  FOLDED,
  GROUP,
  LARGE,
  LARGE_ADDRESS,
  LARGE_DATUM,
  LEASE,
  MAX,
  MAX_U64,
  MEMBERS,
  many,
  NAME,
  PROCESS,
  PUBLISHER,
  TABLE,
  UNICODE_NAME,
  ZERO_ADDRESS,
  ZERO_DIGEST,
} from './samples.ts';

/** One message of the wire with representative values: the first is the usual one, then empty, large and odd ones. */
export interface Message {
  readonly name: string;
  readonly kind: MessageKind;
  readonly encode: (value: never) => Uint8Array;
  readonly decode: (frame: Uint8Array) => unknown;
  readonly values: Readonly<Record<string, unknown>>;
}

function message<T>(
  name: string,
  kind: MessageKind,
  encode: (value: T) => Uint8Array,
  decode: (frame: Uint8Array) => T,
  values: Readonly<Record<string, T>>,
): Message {
  return { name, kind, encode, decode, values };
}

const ANSWER = { status: SlotStatus.Accept, tableEpoch: 12, leaderEpoch: 3 };
const MOVED = { status: SlotStatus.Moved, tableEpoch: MAX, leaderEpoch: 0 };
const VERSION = { version: 4, stamp: 99 };

export const SLOT_MESSAGES: readonly Message[] = [
  message('slot batch', MessageKind.SlotBatch, batch.encodeSlotBatch, batch.decodeSlotBatch, {
    'every operation': {
      ...ADDRESS,
      processId: PROCESS,
      changeId: 77,
      acceptedAtMs: 1_780_000_000_000.5,
      operations: [
        { kind: 'publish', publisher: PUBLISHER },
        { kind: 'publish', publisher: LEASE },
        { kind: 'unpublish', dataInfoId: NAME, registerId: 'register-1', registerVersion: VERSION },
        { kind: 'disconnect', dataInfoId: UNICODE_NAME, registerId: 'register-2', registerVersion: { version: MAX, stamp: MAX } },
        { kind: 'renew', dataInfoId: NAME, registerId: 'register-3', wantsRecord: true },
        { kind: 'renew', dataInfoId: NAME, registerId: '', wantsRecord: false },
      ],
    },
    empty: { ...ZERO_ADDRESS, processId: '' as ProcessId, changeId: 0, acceptedAtMs: 0, operations: [] },
    'bare publisher': { ...ADDRESS, processId: PROCESS, changeId: 1, acceptedAtMs: -1, operations: [{ kind: 'publish', publisher: BARE }] },
    large: {
      ...LARGE_ADDRESS,
      processId: PROCESS,
      changeId: MAX,
      acceptedAtMs: Number.MAX_VALUE,
      operations: many(500, (i) => ({
        kind: 'publish' as const,
        publisher: i === 250 ? LARGE : { ...LEASE, registerId: `register-${i}` },
      })),
    },
  }),
  message('slot batch answer', MessageKind.SlotBatch, batch.encodeSlotBatchAnswer, batch.decodeSlotBatchAnswer, {
    'every result': {
      ...ANSWER,
      slotSequence: 41,
      results: [
        { kind: 'applied' },
        { kind: 'stale', stored: VERSION, tombstone: true },
        { kind: 'stale', stored: { version: MAX, stamp: MAX }, tombstone: false },
        { kind: 'unknown' },
        { kind: 'record', publisher: LEASE },
      ],
    },
    refused: { ...MOVED, slotSequence: 0, results: [] },
    migrating: { ...ANSWER, status: SlotStatus.Migrating, slotSequence: 1, results: [{ kind: 'unknown' }] },
    'of another epoch': { ...ANSWER, status: SlotStatus.MisMatch, slotSequence: 1, results: [] },
    large: {
      ...ANSWER,
      slotSequence: MAX,
      results: [...many(500, () => ({ kind: 'applied' as const })), { kind: 'record', publisher: LARGE }],
    },
  }),
  message('slot fetch', MessageKind.SlotFetch, read.encodeSlotFetch, read.decodeSlotFetch, {
    'two names': { ...ADDRESS, foldedIds: [FOLDED, UNICODE_NAME as string as FoldedId] },
    empty: { ...ZERO_ADDRESS, foldedIds: [] },
    large: { ...LARGE_ADDRESS, foldedIds: many(5_000, (i) => `${FOLDED}${i}` as FoldedId) },
  }),
  message('slot fetch answer', MessageKind.SlotFetch, read.encodeSlotFetchAnswer, read.decodeSlotFetchAnswer, {
    'two groups': { ...ANSWER, slotSequence: 5, groups: [GROUP, EMPTY_GROUP] },
    refused: { ...MOVED, slotSequence: 0, groups: [] },
    large: {
      ...ANSWER,
      slotSequence: MAX,
      groups: [{ ...GROUP, floor: MAX_U64, held: false, datums: [LARGE_DATUM, EMPTY_DATUM, LARGE_DATUM] }],
    },
  }),
  message('slot interest', MessageKind.SlotInterest, read.encodeSlotInterest, read.decodeSlotInterest, {
    'names to add and remove': {
      ...ADDRESS,
      processId: PROCESS,
      reset: true,
      whole: false,
      add: [
        { foldedId: FOLDED, version: 2n ** 53n + 1n },
        { foldedId: UNICODE_NAME as string as FoldedId, version: 0n },
      ],
      remove: [FOLDED],
    },
    empty: { ...ZERO_ADDRESS, processId: '' as ProcessId, reset: false, whole: true, add: [], remove: [] },
    large: {
      ...LARGE_ADDRESS,
      processId: PROCESS,
      reset: false,
      whole: false,
      add: many(5_000, (i) => ({ foldedId: `${FOLDED}${i}` as FoldedId, version: MAX_U64 - BigInt(i) })),
      remove: many(5_000, (i) => `gone${i}` as FoldedId),
    },
  }),
  message('slot interest answer', MessageKind.SlotInterest, read.encodeSlotInterestAnswer, read.decodeSlotInterestAnswer, {
    usual: { ...ANSWER, slotSequence: 5, noticeSequence: 6, versions: [{ foldedId: FOLDED, version: MAX_U64 }] },
    migrating: { ...ANSWER, status: SlotStatus.Migrating, slotSequence: 0, noticeSequence: 0, versions: [] },
  }),
  message('slot notice', MessageKind.SlotNotice, read.encodeSlotNotice, read.decodeSlotNotice, {
    usual: {
      ...ADDRESS,
      previous: 8,
      sequence: 9,
      changes: [
        { foldedId: FOLDED, version: 10n, changeId: 77, acceptedAtMs: 1.5, committedAtMs: 2.5 },
        { foldedId: UNICODE_NAME as string as FoldedId, version: MAX_U64, changeId: 0, acceptedAtMs: 0, committedAtMs: Number.MAX_VALUE },
      ],
    },
    empty: { ...ZERO_ADDRESS, previous: 0, sequence: 0, changes: [] },
    large: {
      ...LARGE_ADDRESS,
      previous: MAX - 1,
      sequence: MAX,
      changes: many(3_000, (i) => ({
        foldedId: `${FOLDED}${i}` as FoldedId,
        version: BigInt(i),
        changeId: i,
        acceptedAtMs: i,
        committedAtMs: i + 0.25,
      })),
    },
  }),
  message('slot log', MessageKind.SlotLog, log.encodeSlotLog, log.decodeSlotLog, {
    'every entry': {
      ...ADDRESS,
      processId: PROCESS,
      after: 40,
      entries: [
        { sequence: 41, datumVersion: 2n ** 53n + 1n, kind: 'put', publisher: PUBLISHER },
        ...(['withdrawn', 'expired', 'repaired'] as const).map((reason, i) => ({
          sequence: 42 + i,
          datumVersion: MAX_U64,
          kind: 'remove' as const,
          dataInfoId: UNICODE_NAME,
          registerId: `register-${i}`,
          format: 'eureka',
          registerVersion: VERSION,
          reason,
        })),
      ],
    },
    empty: { ...ZERO_ADDRESS, processId: PROCESS, after: 0, entries: [] },
    large: {
      ...LARGE_ADDRESS,
      processId: PROCESS,
      after: 0,
      entries: many(1_000, (i) => ({ sequence: i, datumVersion: BigInt(i), kind: 'put' as const, publisher: i === 0 ? LARGE : LEASE })),
    },
  }),
  message('slot log answer', MessageKind.SlotLog, log.encodeSlotLogAnswer, log.decodeSlotLogAnswer, {
    usual: { ...ANSWER, applied: 44 },
    refused: { ...MOVED, applied: 0 },
    large: { ...ANSWER, tableEpoch: MAX, leaderEpoch: MAX, applied: MAX },
  }),
  message('slot page', MessageKind.SlotPage, log.encodeSlotPage, log.decodeSlotPage, {
    'later page': { ...ADDRESS, after: UNICODE_NAME },
    'first page': { ...ZERO_ADDRESS, after: '' },
  }),
  message('slot page answer', MessageKind.SlotPage, log.encodeSlotPageAnswer, log.decodeSlotPageAnswer, {
    usual: { ...ANSWER, slotSequence: 5, next: NAME, held: [FOLDED, '' as FoldedId], datums: [DATUM, EMPTY_DATUM] },
    'last and empty': { ...ANSWER, slotSequence: 0, next: '', held: [], datums: [] },
    large: { ...ANSWER, slotSequence: MAX, next: NAME, held: many(1_000, () => FOLDED), datums: [LARGE_DATUM, DATUM, LARGE_DATUM] },
  }),
  message('compare roots', MessageKind.CompareRoots, compare.encodeCompareRoots, compare.decodeCompareRoots, {
    owned: { scope: 'owned', owner: PROCESS, slots: [{ slotId: 3, leaderEpoch: 4, digest: DIGEST }], applied: [] },
    whole: { scope: 'whole', owner: PROCESS, slots: [{ slotId: 3, leaderEpoch: 4, digest: DIGEST }], applied: [300] },
    'whole and empty': { scope: 'whole', owner: '' as ProcessId, slots: [], applied: [] },
    large: {
      scope: 'whole',
      owner: PROCESS,
      slots: many(4_096, (i) => ({ slotId: i, leaderEpoch: MAX, digest: i % 2 ? DIGEST : ZERO_DIGEST })),
      applied: many(4_096, (i) => (i % 2 ? MAX : i)),
    },
  }),
  message('compare roots answer', MessageKind.CompareRoots, compare.encodeCompareRootsAnswer, compare.decodeCompareRootsAnswer, {
    usual: { processId: PROCESS, differing: [0, 127, 128, 4_095] },
    'nothing differs': { processId: PROCESS, differing: [] },
  }),
  message('compare datums', MessageKind.CompareDatums, compare.encodeCompareDatums, compare.decodeCompareDatums, {
    usual: {
      scope: 'owned',
      withLeases: true,
      slotId: 3,
      leaderEpoch: 4,
      after: NAME,
      digests: [
        { dataInfoId: NAME, digest: DIGEST },
        { dataInfoId: UNICODE_NAME, digest: ZERO_DIGEST },
      ],
    },
    empty: { scope: 'whole', withLeases: false, slotId: 0, leaderEpoch: 0, after: '', digests: [] },
    large: {
      scope: 'whole',
      withLeases: false,
      slotId: 4_095,
      leaderEpoch: MAX,
      after: '',
      digests: many(5_000, (i) => ({ dataInfoId: `${NAME}${i}` as DataInfoId, digest: DIGEST })),
    },
  }),
  message('compare datums answer', MessageKind.CompareDatums, compare.encodeCompareDatumsAnswer, compare.decodeCompareDatumsAnswer, {
    usual: {
      processId: PROCESS,
      highestVersion: 2n ** 53n + 1n,
      slotSequence: 6,
      next: NAME,
      datums: [DATUM],
      absent: [UNICODE_NAME],
      tombstones: [{ dataInfoId: NAME, registerId: 'register-1', registerVersion: VERSION }],
    },
    empty: { processId: PROCESS, highestVersion: 0n, slotSequence: 0, next: '', datums: [], absent: [], tombstones: [] },
    large: {
      processId: PROCESS,
      highestVersion: MAX_U64,
      slotSequence: MAX,
      next: '',
      datums: [LARGE_DATUM, EMPTY_DATUM],
      absent: many(1_000, (i) => `${NAME}${i}` as DataInfoId),
      tombstones: many(1_000, (i) => ({ dataInfoId: NAME, registerId: `register-${i}`, registerVersion: { version: i, stamp: MAX } })),
    },
  }),
  message('session pulse', MessageKind.SessionPulse, pulse.encodeSessionPulse, pulse.decodeSessionPulse, {
    usual: { processId: PROCESS, tableEpoch: 12, cursors: [{ slotId: 1, leaderEpoch: 2, notice: 3 }] },
    empty: { processId: '' as ProcessId, tableEpoch: 0, cursors: [] },
    large: { processId: PROCESS, tableEpoch: MAX, cursors: many(4_096, (slotId) => ({ slotId, leaderEpoch: MAX, notice: MAX })) },
  }),
  message('session pulse answer', MessageKind.SessionPulse, pulse.encodeSessionPulseAnswer, pulse.decodeSessionPulseAnswer, {
    usual: {
      tableEpoch: 12,
      highestStamp: 1_780_000_000_000 * 1_024,
      behind: [1, 200],
      holds: [{ kind: 'zone', name: 'z1', held: 9, total: 20, heldForMs: 1_200, endsInMs: 900_000 }],
    },
    empty: { tableEpoch: 0, highestStamp: 0, behind: [], holds: [] },
    large: {
      tableEpoch: MAX,
      highestStamp: MAX,
      behind: many(4_096, (slotId) => slotId),
      holds: many(100, (i) => ({ kind: 'segment' as const, name: `${i}`, held: MAX, total: MAX, heldForMs: MAX, endsInMs: MAX })),
    },
  }),
];

const [META, DATA, SESSION] = MEMBERS as [Member, Member, Member];
const BYTES = Uint8Array.of(0, 1, 255);
const LARGE_BYTES = new Uint8Array(1024 * 1024).fill(7);

const LARGE_TABLE: SlotTable = {
  epoch: MAX,
  slots: many(4_096, (slotId) => ({
    slotId,
    leader: `node-${slotId % 20}/data` as PeerId,
    leaderEpoch: slotId,
    followers: ['node-20/data', 'node-21/data'] as PeerId[],
  })),
};

export const META_MESSAGES: readonly Message[] = [
  message('heartbeat', MessageKind.Heartbeat, heartbeat.encodeHeartbeat, heartbeat.decodeHeartbeat, {
    'of a Data node': {
      cluster: 'prod-1',
      slotCount: 256,
      member: DATA,
      leaseMs: 5_000,
      tableEpoch: 12,
      membersEpoch: 4,
      load: 1_000,
      slots: [
        { slotId: 0, leaderEpoch: 1, serving: true, synced: false, weight: 1_234 },
        { slotId: 200, leaderEpoch: 2, serving: false, synced: true, weight: 0 },
      ],
      broken: ['node-9/session' as PeerId],
    },
    'of a Session that says goodbye': {
      cluster: '',
      slotCount: 1,
      member: SESSION,
      leaseMs: 0,
      tableEpoch: 0,
      membersEpoch: 0,
      load: 0,
      slots: [],
      broken: [],
    },
    large: {
      cluster: '集群'.repeat(50),
      slotCount: 4_096,
      member: META,
      leaseMs: MAX,
      tableEpoch: MAX,
      membersEpoch: MAX,
      load: MAX,
      slots: many(4_096, (slotId) => ({ slotId, leaderEpoch: MAX, serving: slotId % 2 === 0, synced: slotId % 3 === 0, weight: MAX })),
      broken: many(100, (i) => `node-${i}/data` as PeerId),
    },
  }),
  message('heartbeat answer', MessageKind.Heartbeat, heartbeat.encodeHeartbeatAnswer, heartbeat.decodeHeartbeatAnswer, {
    'with table and members': {
      leader: 'n1/meta' as PeerId,
      tableEpoch: 12,
      membersEpoch: 4,
      documentRevision: 9,
      table: TABLE,
      members: MEMBERS,
    },
    'with nothing new': {
      leader: 'n1/meta' as PeerId,
      tableEpoch: 12,
      membersEpoch: 4,
      documentRevision: 9,
      table: undefined,
      members: undefined,
    },
    'with members only': { leader: '', tableEpoch: 0, membersEpoch: 0, documentRevision: 0, table: undefined, members: [] },
    'with an empty table': {
      leader: '',
      tableEpoch: 0,
      membersEpoch: 0,
      documentRevision: MAX,
      table: { epoch: 0, slots: [] },
      members: undefined,
    },
    large: {
      leader: 'n1/meta' as PeerId,
      tableEpoch: MAX,
      membersEpoch: MAX,
      documentRevision: MAX,
      table: LARGE_TABLE,
      members: many(200, (i) => ({ ...DATA, processId: `node-${i}#1` as ProcessId })),
    },
  }),
  message('table changed', MessageKind.TableChanged, heartbeat.encodeTableChanged, heartbeat.decodeTableChanged, {
    usual: { tableEpoch: 12, membersEpoch: 300 },
    zero: { tableEpoch: 0, membersEpoch: 0 },
    large: { tableEpoch: MAX, membersEpoch: MAX },
  }),
  message('session loads', MessageKind.SessionLoads, loads.encodeSessionLoads, loads.decodeSessionLoads, { usual: undefined }),
  message('session loads answer', MessageKind.SessionLoads, loads.encodeSessionLoadsAnswer, loads.decodeSessionLoadsAnswer, {
    usual: [
      { peer: 'node-1/session' as PeerId, connections: 0 },
      { peer: 'node-2/session' as PeerId, connections: 300 },
    ],
    empty: [],
    large: many(400, (i) => ({ peer: `node-${i}/session` as PeerId, connections: MAX })),
  }),
  message('table get', MessageKind.TableGet, table.encodeTableGet, table.decodeTableGet, { usual: undefined }),
  message('table get answer', MessageKind.TableGet, table.encodeTableGetAnswer, table.decodeTableGetAnswer, {
    usual: TABLE,
    empty: { epoch: 0, slots: [] },
    large: LARGE_TABLE,
  }),
  message('document get', MessageKind.DocumentGet, documents.encodeDocumentGet, documents.decodeDocumentGet, {
    usual: 'config/订单',
    empty: '',
    large: 'k'.repeat(1_024),
  }),
  message('document get answer', MessageKind.DocumentGet, documents.encodeDocumentGetAnswer, documents.decodeDocumentGetAnswer, {
    found: { key: 'config/a', revision: 7, value: BYTES },
    'not found': undefined,
    'an empty document': { key: '', revision: 0, value: new Uint8Array(0) },
    large: { key: 'config/a', revision: MAX, value: LARGE_BYTES },
  }),
  message(
    'document list',
    MessageKind.DocumentList,
    ({ prefix, after }: { prefix: string; after: string }) => documents.encodeDocumentList(prefix, after),
    documents.decodeDocumentList,
    { usual: { prefix: 'config/', after: 'config/订单' }, empty: { prefix: '', after: '' } },
  ),
  message('document list answer', MessageKind.DocumentList, documents.encodeDocumentListAnswer, documents.decodeDocumentListAnswer, {
    usual: { revision: 9, next: 'config/b', documents: [{ key: 'config/a', revision: 7, value: BYTES }] },
    empty: { revision: 0, next: '', documents: [] },
    large: { revision: MAX, next: '', documents: many(300, (i) => ({ key: `config/${i}`, revision: i, value: BYTES })) },
  }),
  message('document write', MessageKind.DocumentWrite, documents.encodeDocumentWrite, documents.decodeDocumentWrite, {
    'a conditional put': { key: 'config/a', value: BYTES, expectedRevision: 7 },
    'a put of nothing that must be new': { key: 'config/a', value: new Uint8Array(0), expectedRevision: 0 },
    'an unconditional delete': { key: '', value: undefined, expectedRevision: undefined },
    'a conditional delete': { key: 'config/a', value: undefined, expectedRevision: MAX },
    large: { key: 'k'.repeat(1_024), value: LARGE_BYTES, expectedRevision: undefined },
  }),
  message('document write answer', MessageKind.DocumentWrite, documents.encodeDocumentWriteAnswer, documents.decodeDocumentWriteAnswer, {
    existed: { existed: true, revision: 300 },
    'did not exist': { existed: false, revision: MAX },
  }),
  message('documents changed', MessageKind.DocumentsChanged, documents.encodeDocumentsChanged, documents.decodeDocumentsChanged, {
    usual: { revision: 9, keys: ['config/a', 'config/订单'] },
    empty: { revision: 0, keys: [] },
    large: { revision: MAX, keys: many(5_000, (i) => `config/${i}`) },
  }),
];

const HOLDING: inspect.DatumHolding = {
  peer: 'node-1/data' as PeerId,
  part: 'leader',
  version: 2n ** 53n + 1n,
  publishers: 2,
  sent: 0n,
  problem: '',
};
const ABSENT: inspect.DatumHolding = { ...HOLDING, part: 'session', version: 0n, publishers: 0, sent: MAX_U64, problem: 'timeout: 没有' };

const INSPECT_MESSAGES: readonly Message[] = [
  message('datum inspect', MessageKind.DatumInspect, inspect.encodeDatumInspect, inspect.decodeDatumInspect, {
    usual: NAME,
    odd: UNICODE_NAME,
  }),
  message('datum inspect answer', MessageKind.DatumInspect, inspect.encodeDatumInspectAnswer, inspect.decodeDatumInspectAnswer, {
    usual: [HOLDING, { ...HOLDING, part: 'follower' }, ABSENT],
    empty: [],
    large: many(400, (i) => ({ ...ABSENT, peer: `node-${i}/session` as PeerId, publishers: MAX })),
  }),
  message('datum holdings', MessageKind.DatumHoldings, inspect.encodeDatumHoldings, inspect.decodeDatumHoldings, { usual: NAME }),
  message('datum holdings answer', MessageKind.DatumHoldings, inspect.encodeDatumHoldingsAnswer, inspect.decodeDatumHoldingsAnswer, {
    usual: HOLDING,
    absent: ABSENT,
  }),
];

export const MESSAGES: readonly Message[] = [...SLOT_MESSAGES, ...META_MESSAGES, ...INSPECT_MESSAGES];
