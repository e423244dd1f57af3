import { type LeaseHold, type ReplicationState, Role } from '../core/index.ts';
import type { MetaDiscovery } from './meta-discovery.ts';
import type { NodeParts } from './roles.ts';

/** One line of the readiness page. */
export interface Check {
  readonly name: string;
  /** A failing essential check makes the node not ready; another one is only told. */
  readonly isEssential: boolean;
  readonly isFine: boolean;
  readonly text: string;
}

/** Meta is expected to answer every second; this long is worth a line. */
const META_SILENT_MS = 5_000;

/** What this node can say of itself, by the roles it has. */
export function readChecks(parts: NodeParts): readonly Check[] {
  return [...storeChecks(parts), ...metaChecks(parts), ...sessionChecks(parts), ...dataChecks(parts), ...linkChecks(parts)];
}

function storeChecks({ roles, store }: NodeParts): readonly Check[] {
  if (!roles.includes(Role.Meta)) return [];
  const condition = store?.condition();
  const text = condition?.state === 'refusing-writes' ? `durable writes are refused: ${condition.reason}` : (condition?.state ?? 'opening');
  return [{ name: 'store', isEssential: false, isFine: condition?.state === 'serving', text }];
}

function metaChecks({ roles, meta, discovery, data, session }: NodeParts): readonly Check[] {
  const checks: Check[] = [];
  if (roles.includes(Role.Meta)) {
    const count = meta?.members().length ?? 0;
    checks.push({ name: 'meta', isEssential: true, isFine: meta !== undefined, text: `${count} members` });
    if (meta !== undefined) checks.push(replicasCheck(meta.replication()));
  }
  const view = (data ?? session)?.cluster();
  if (!roles.includes(Role.Meta) || view !== undefined) {
    const silentMs = view?.metaSilentMs;
    const waiting = waitingText(discovery?.missing ?? []);
    const answered = silentMs !== undefined;
    checks.push({ name: 'heartbeat', isEssential: true, isFine: answered, text: answered ? 'Meta has answered' : waiting });
    if (silentMs !== undefined && silentMs > META_SILENT_MS) {
      const text = `no answer for ${Math.round(silentMs / 1_000)} s; registrations go on with the last slot table`;
      checks.push({ name: 'meta silent', isEssential: false, isFine: false, text });
    }
  }
  return checks;
}

function waitingText(missing: MetaDiscovery['missing']): string {
  if (missing.length === 0) return 'waits for Meta';
  return `waits for Meta at ${missing.map(({ address }) => address).join(', ')}: ${missing.map(({ reason }) => reason).join('; ')}`;
}

/** Fewer Data nodes than replicas is a normal state: it is told, and nothing is wrong. Copies that are missing or on their way are. */
function replicasCheck({ replicas, possible, dataNodes, incompleteSlots, movingSlots }: ReplicationState): Check {
  const scarce = possible < replicas ? `, ${replicas} as soon as there are more Data nodes than ${dataNodes}` : '';
  const missing = incompleteSlots > 0 ? `, ${incompleteSlots} slots wait for theirs` : '';
  const moving = movingSlots > 0 ? `, ${movingSlots} slots are moving` : '';
  const text = `${possible} of each slot${scarce}${missing}${moving}`;
  return { name: 'replicas', isEssential: false, isFine: incompleteSlots === 0, text };
}

function sessionChecks({ roles, session }: NodeParts): readonly Check[] {
  if (!roles.includes(Role.Session)) return [];
  const isFine = session?.isReady() === true;
  return [{ name: 'session', isEssential: true, isFine, text: isFine ? 'has a slot table' : 'waits for a slot table' }];
}

function dataChecks({ roles, data, slotCount }: NodeParts): readonly Check[] {
  if (!roles.includes(Role.Data)) return [];
  const slots = data?.slots() ?? [];
  const led = slots.filter((slot) => slot.role === 'leader');
  const serving = led.filter((slot) => slot.phase === 'serving').length;
  const followed = slots.length - led.length;
  const synced = slots.filter((slot) => slot.role === 'follower' && slot.isSynced).length;
  const self = data === undefined ? 0 : (data.cluster().table.slots.length ?? 0);
  const held = data?.heldNames().length ?? 0;
  const heldLeases = data?.heldLeaseCount() ?? 0;
  return [
    {
      name: 'slots',
      isEssential: true,
      isFine: self === slotCount && serving === led.length,
      text: `${serving} of ${led.length} serve`,
    },
    { name: 'copies', isEssential: false, isFine: synced === followed, text: `${synced} of ${followed} followed slots are synced` },
    { name: 'held names', isEssential: false, isFine: held === 0, text: `${held} names wait for their publishers after the restart` },
    { name: 'held leases', isEssential: false, isFine: heldLeases === 0, text: holdText(heldLeases, data?.leaseHolds() ?? []) },
  ];
}

/** Why overdue leases are kept, for which domains, since when and until when. */
function holdText(count: number, holds: readonly LeaseHold[]): string {
  const sentences = holds.map(({ kind, name, held, total, heldForMs, endsInMs }) => {
    const [sinceSeconds, moreSeconds] = [Math.round(heldForMs / 1000), Math.round(endsInMs / 1000)];
    return `${held} of ${total} of ${kind} ${name} fell silent together, kept since ${sinceSeconds} s, for another ${moreSeconds} s at most`;
  });
  return [`${count} overdue leases are kept`, ...sentences].join('; ');
}

function linkChecks({ network }: NodeParts): readonly Check[] {
  if (network === undefined) return [];
  const links = network.links();
  const broken = links.filter((link) => link.state === 'broken');
  const text = broken.length === 0 ? `${links.length} nodes` : `no link to ${broken.map((link) => link.node).join(', ')}`;
  return [{ name: 'links', isEssential: false, isFine: broken.length === 0, text }];
}
