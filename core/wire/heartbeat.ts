import type { ByteReader } from '../codec/byte-reader.ts';
import type { ByteWriter } from '../codec/byte-writer.ts';
import { RegistryError, RegistryErrorCode } from '../model/errors.ts';
import { type Member, type PeerId, type ProcessId, Role } from '../model/node.ts';
import type { Slot, SlotTable } from '../model/slot-table.ts';
import { beginFrame, MessageKind, openFrame } from './frame.ts';

/**
 * Data or Session -> Meta, once a second: a sign of life with what Meta needs to assign slots. Epochs only; table and
 * members come back when they differ.
 *
 *     request := cluster:text slotCount:varint member leaseMs:varint tableEpoch:varint membersEpoch:varint
 *                load:varint slots:list(slotId leaderEpoch serving:bool synced:bool weight:varint) broken:list(peerId)
 *     answer  := leader:text tableEpoch:varint membersEpoch:varint documentRevision:varint table:list(0 or 1) members:list(0 or 1 of list(member))
 */
export interface HeartbeatRequest {
  /** Name of the cluster; Meta refuses another one by name (`wrong-cluster`). */
  readonly cluster: string;
  readonly slotCount: number;
  readonly member: Member;
  readonly leaseMs: number;
  /** Of the table and list the sender holds; 0 when none. */
  readonly tableEpoch: number;
  readonly membersEpoch: number;
  /** Session: client connections. Data: publishers. */
  readonly load: number;
  /** Data only: one per slot it leads or follows. */
  readonly slots: readonly SlotReport[];
  /** Peers whose link to the sender broke since the last heartbeat and did not come back. */
  readonly broken: readonly PeerId[];
}

export interface SlotReport {
  readonly slotId: number;
  /** For which the report holds. A follower that is not whole yet reports the last epoch under which it was, if there is one. */
  readonly leaderEpoch: number;
  /** Leader: answers reads. */
  readonly serving: boolean;
  /** Follower: has applied the log of the leader of that epoch. */
  readonly synced: boolean;
  /** What the slot costs whoever leads it: its publishers, and its notices in the unit of a publisher. 0 from a follower. */
  readonly weight: number;
}

export interface HeartbeatAnswer {
  /** The Meta that leads. Another one than was asked: it is asked next, and of the rest only `members` counts. '' when nobody leads. */
  readonly leader: PeerId | '';
  readonly tableEpoch: number;
  readonly membersEpoch: number;
  /** Revision of the last durable document written: a watcher that is behind reads again. */
  readonly documentRevision: number;
  /** Present when the sender's epoch differs. */
  readonly table: SlotTable | undefined;
  /** All members, Metas too; from a Meta that does not lead the Metas it knows. */
  readonly members: readonly Member[] | undefined;
}

const ROLES = [Role.Meta, Role.Data, Role.Session] as const;

export function encodeHeartbeat(request: HeartbeatRequest): Uint8Array {
  const writer = beginFrame(MessageKind.Heartbeat).text(request.cluster).varint(request.slotCount);
  writeMember(request.member, writer);
  writer.varint(request.leaseMs).varint(request.tableEpoch).varint(request.membersEpoch).varint(request.load);
  writer.list(request.slots, (slot) =>
    writer.varint(slot.slotId).varint(slot.leaderEpoch).bool(slot.serving).bool(slot.synced).varint(slot.weight),
  );
  return writer.list(request.broken, (peer) => writer.text(peer)).finish();
}

export function decodeHeartbeat(frame: Uint8Array): HeartbeatRequest {
  const reader = openFrame(frame, MessageKind.Heartbeat);
  const head = { cluster: reader.text(), slotCount: reader.varint(), member: readMember(reader) };
  const epochs = { leaseMs: reader.varint(), tableEpoch: reader.varint(), membersEpoch: reader.varint(), load: reader.varint() };
  const slots = reader.list((item) => ({
    slotId: item.varint(),
    leaderEpoch: item.varint(),
    serving: item.bool(),
    synced: item.bool(),
    weight: item.varint(),
  }));
  const broken = reader.list((item) => item.text() as PeerId);
  reader.end();
  return { ...head, ...epochs, slots, broken };
}

export function encodeHeartbeatAnswer(answer: HeartbeatAnswer): Uint8Array {
  const writer = beginFrame(MessageKind.Heartbeat, 1_024);
  writer.text(answer.leader).varint(answer.tableEpoch).varint(answer.membersEpoch).varint(answer.documentRevision);
  writer.bool(answer.table !== undefined);
  if (answer.table !== undefined) writeSlotTable(writer, answer.table);
  writer.bool(answer.members !== undefined);
  if (answer.members !== undefined) writer.list(answer.members, writeMember);
  return writer.finish();
}

export function decodeHeartbeatAnswer(frame: Uint8Array): HeartbeatAnswer {
  const reader = openFrame(frame, MessageKind.Heartbeat);
  const leader = reader.text() as PeerId | '';
  const head = { leader, tableEpoch: reader.varint(), membersEpoch: reader.varint(), documentRevision: reader.varint() };
  const table = reader.bool() ? readSlotTable(reader) : undefined;
  const members = reader.bool() ? reader.list(readMember) : undefined;
  reader.end();
  return { ...head, table, members };
}

/** Meta -> every member, one way: there is a newer table or member list; the receiver heartbeats at once. `TableChanged := tableEpoch membersEpoch`. */
export interface TableChanged {
  readonly tableEpoch: number;
  readonly membersEpoch: number;
}

export function encodeTableChanged(change: TableChanged): Uint8Array {
  return beginFrame(MessageKind.TableChanged).varint(change.tableEpoch).varint(change.membersEpoch).finish();
}

export function decodeTableChanged(frame: Uint8Array): TableChanged {
  const reader = openFrame(frame, MessageKind.TableChanged);
  const change = { tableEpoch: reader.varint(), membersEpoch: reader.varint() };
  reader.end();
  return change;
}

/** `table := epoch:varint slots:list(leader leaderEpoch followers:list)`; also the form in which Meta stores it. */
export function writeSlotTable(writer: ByteWriter, table: SlotTable): void {
  writer.varint(table.epoch);
  writer.list(table.slots, (slot) => {
    writer.text(slot.leader).varint(slot.leaderEpoch);
    writer.list(slot.followers, (peer) => writer.text(peer));
  });
}

export function readSlotTable(reader: ByteReader): SlotTable {
  const epoch = reader.varint();
  const slots: Slot[] = reader
    .list((item) => ({
      leader: item.text() as PeerId,
      leaderEpoch: item.varint(),
      followers: item.list((peer) => peer.text() as PeerId),
    }))
    .map((slot, slotId) => ({ slotId, ...slot }));
  return { epoch, slots };
}

export function writeMember(member: Member, writer: ByteWriter): void {
  writer.text(member.peer).u8(ROLES.indexOf(member.role)).text(member.processId).text(member.address).text(member.zone);
  writer.list(member.clientAddresses ?? [], ({ listener, address }) => writer.text(listener).text(address));
}

export function readMember(reader: ByteReader): Member {
  const peer = reader.text() as PeerId;
  const role = ROLES[reader.u8()];
  if (role === undefined) throw new RegistryError(RegistryErrorCode.Malformed, 'unknown role of a member');
  const member = { peer, role, processId: reader.text() as ProcessId, address: reader.text(), zone: reader.text() };
  const clientAddresses = reader.list((item) => ({ listener: item.text(), address: item.text() }));
  return clientAddresses.length === 0 ? member : { ...member, clientAddresses };
}
