import { type DataInfoId, foldDataInfoId } from '../model/data-info-id.ts';
import { RegistryError, RegistryErrorCode } from '../model/errors.ts';
import { type Member, Role } from '../model/node.ts';
import type { PeerTransport } from '../seams/transport.ts';
import { type DatumHolding, requestHolding } from '../wire/datum-inspect.ts';
import type { SlotReplica } from './slot-replica.ts';

/** What this copy holds of a datum. @throws RegistryError `unavailable` when its slot is not here. */
export function holdingOf(peers: PeerTransport, replica: SlotReplica | undefined, dataInfoId: DataInfoId): DatumHolding {
  if (replica === undefined) throw new RegistryError(RegistryErrorCode.Unavailable, `the slot of ${dataInfoId} is not held here`);
  const { datums } = replica.store.group(foldDataInfoId(dataInfoId), false);
  const datum = datums.find((each) => each.dataInfoId === dataInfoId);
  return {
    peer: peers.self,
    part: replica.isLeader ? 'leader' : 'follower',
    version: datum?.version ?? 0n,
    publishers: datum?.publishers.length ?? 0,
    sent: 0n,
    problem: '',
  };
}

/** The leader's own copy, and what its followers and all Sessions answer. @throws RegistryError `unavailable` at another node. */
export async function inspect(
  peers: PeerTransport,
  replica: SlotReplica | undefined,
  members: readonly Member[],
  dataInfoId: DataInfoId,
): Promise<readonly DatumHolding[]> {
  const own = holdingOf(peers, replica, dataInfoId);
  if (replica?.isLeader !== true) throw new RegistryError(RegistryErrorCode.Unavailable, `the slot of ${dataInfoId} is led elsewhere`);
  const sessions = members.filter((member) => member.role === Role.Session).map((member) => member.peer);
  const others = await Promise.all([
    ...replica.followers.map((peer) => requestHolding(peers, peer, 'follower', dataInfoId)),
    ...sessions.map((peer) => requestHolding(peers, peer, 'session', dataInfoId)),
  ]);
  return [own, ...others];
}
