import type { LinkState, Member, PeerId, SlotSummary } from '../core/index.ts';
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
