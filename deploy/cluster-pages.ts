import {
  type DataInfoId,
  DEFAULT_GROUP,
  DEFAULT_INSTANCE_ID,
  foldDataInfoId,
  formatDataInfoId,
  inspectDatum,
  type LinkState,
  type Member,
  type PeerId,
  RegistryError,
  RegistryErrorCode,
  type SlotSummary,
  slotOf,
} from '../core/index.ts';
import type { NodeParts } from './roles.ts';

/** `/members`: the cluster as this node sees it. */
export interface MembersPage {
  readonly node: string;
  readonly roles: readonly string[];
  /** The Meta that this node asks; absent on a node that is Meta alone. */
  readonly meta?: PeerId;
  /** Milliseconds since it answered. */
  readonly metaSilentMs?: number;
  readonly members: readonly Member[];
  readonly links: readonly LinkState[];
}

export function readMembers({ host, roles, network, meta, data, session }: NodeParts): MembersPage {
  const view = (data ?? session)?.cluster();
  return {
    node: host.nodeId,
    roles,
    ...(view === undefined ? {} : { meta: view.meta }),
    ...(view?.metaSilentMs === undefined ? {} : { metaSilentMs: view.metaSilentMs }),
    members: meta?.members() ?? view?.members ?? [],
    links: network?.links() ?? [],
  };
}

/** `/slots`: the table as this node knows it, and what it holds of it. */
export interface SlotsPage {
  readonly epoch: number;
  readonly slots: readonly {
    readonly slotId: number;
    readonly leader: PeerId;
    readonly leaderEpoch: number;
    readonly followers: readonly PeerId[];
  }[];
  /** State and lag of the slots that this node leads or follows. */
  readonly here: readonly SlotSummary[];
}

export function readSlots({ meta, data, session }: NodeParts): SlotsPage {
  const table = meta?.table() ?? (data ?? session)?.cluster().table;
  return { epoch: table?.epoch ?? 0, slots: table?.slots ?? [], here: data?.slots() ?? [] };
}

/** `/datum`: where a datum is held. Versions are texts: they are larger than a JSON number can be. */
export interface DatumPage {
  readonly dataInfoId: DataInfoId;
  readonly slotId: number;
  readonly leader: PeerId;
  readonly holdings: readonly {
    readonly peer: PeerId;
    readonly part: 'leader' | 'follower' | 'session';
    readonly version: string;
    readonly publishers: number;
    /** Only of a Session that has sent something. */
    readonly sent?: string;
    /** Why nothing is known of this copy. */
    readonly problem?: string;
  }[];
}

/**
 * `/datum?dataId=NAME`, with `group` and `instanceId` or with a whole `dataInfoId`.
 *
 * @throws RegistryError `invalid-argument` without a name, `unavailable` when its leader does not answer.
 */
export async function readDatum(parts: NodeParts, query: URLSearchParams): Promise<DatumPage> {
  const dataInfoId = nameIn(query);
  const { meta, data, session, slotCount, peers } = parts;
  const slotId = slotOf(foldDataInfoId(dataInfoId), slotCount);
  const leader = (data ?? session)?.cluster().table.slots[slotId]?.leader ?? meta?.table().slots[slotId]?.leader;
  if (leader === undefined || peers === undefined) {
    throw new RegistryError(RegistryErrorCode.Unavailable, 'this node has no slot table yet');
  }
  const holdings = (await inspectDatum(peers, leader, dataInfoId)).map(({ version, sent, problem, ...holding }) => ({
    ...holding,
    version: String(version),
    ...(sent === 0n ? {} : { sent: String(sent) }),
    ...(problem === '' ? {} : { problem }),
  }));
  return { dataInfoId, slotId, leader, holdings };
}

function nameIn(query: URLSearchParams): DataInfoId {
  const whole = query.get('dataInfoId');
  if (whole !== null && whole !== '') return whole as DataInfoId;
  const dataId = query.get('dataId');
  if (dataId === null || dataId === '') {
    throw new RegistryError(
      RegistryErrorCode.InvalidArgument,
      'name it: /datum?dataId=NAME, with group and instanceId unless they are the default',
    );
  }
  return formatDataInfoId({
    dataId,
    instanceId: query.get('instanceId') ?? DEFAULT_INSTANCE_ID,
    group: query.get('group') ?? DEFAULT_GROUP,
  });
}
