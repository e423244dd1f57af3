import type { Host } from '../../core/index.ts';
import { encodeInfo } from './codec/document-frame.ts';
import { EurekaRequestError, UNPARSABLE } from './codec/errors.ts';
import { type InstanceInfo, InstanceStatus, isStatus, isTree, readInstanceInfo, type Tree } from './codec/instance-info.ts';
import { EUREKA_LIMITS } from './limits.ts';
import type { EurekaRegistry } from './registry.ts';

const ACTIONS = ['Register', 'Heartbeat', 'Cancel', 'StatusUpdate', 'DeleteStatusOverride'] as const;
type Action = (typeof ACTIONS)[number];

const ITEM_KEYS: ReadonlySet<string> = new Set([
  'appName',
  'id',
  'lastDirtyTimestamp',
  'overriddenStatus',
  'status',
  'instanceInfo',
  'action',
]);

/** One operation that a peer hands on (Eureka protocol, replication documents). */
interface Item {
  /** Upper case. */
  readonly app: string;
  readonly instanceId: string;
  readonly dirtyTimestamp: number | undefined;
  readonly status: string | undefined;
  readonly overriddenStatus: string | undefined;
  readonly instanceInfo: unknown;
  /** undefined: the item has none, and is answered 500 alone. */
  readonly action: Action | undefined;
}

interface ItemAnswer {
  readonly status: number;
  /** With 409: the instance that the sender has an older copy of. */
  readonly newer?: InstanceInfo;
}

/**
 * Does what a peer's batch says, as operations that were replicated already: they are never handed on again. Items of one instance are
 * done in their order, a failing one answers 500 for itself. Returns the JSON answer, as long as the request.
 *
 * @throws EurekaRequestError 400 for a document that is none, 413 for too many items.
 */
export async function applyBatch(document: Tree, registry: EurekaRegistry, host: Host, peerAddress: string): Promise<Buffer> {
  const items = readItems(document);
  const answers: ItemAnswer[] = new Array(items.length);
  const byInstance = new Map<string, number[]>();
  for (const [index, { app, instanceId }] of items.entries()) {
    const key = `${app}/${instanceId}`;
    const indexes = byInstance.get(key);
    if (indexes === undefined) byInstance.set(key, [index]);
    else indexes.push(index);
  }
  const runInOrder = async (indexes: readonly number[]) => {
    for (const index of indexes) answers[index] = await answerItem(items[index] as Item, registry, host, peerAddress);
  };
  await Promise.all([...byInstance.values()].map(runInOrder));
  const list = answers.map(({ status, newer }) => {
    if (newer === undefined) return `{"statusCode":${status}}`;
    // As it is after the whole batch, as the real server does it.
    const entity = registry.view.find(newer.app, newer.instanceId)?.info ?? { ...newer, actionType: 'DELETED' as const };
    return `{"statusCode":${status},"responseEntity":${encodeInfo(entity, 'json').toString()}}`;
  });
  return Buffer.from(`{"responseList":[${list.join(',')}]}`);
}

function readItems(document: Tree): readonly Item[] {
  const list = document['replicationList'];
  if (!Array.isArray(list)) throw new EurekaRequestError(400, UNPARSABLE);
  if (list.length > EUREKA_LIMITS.batchItems)
    throw new EurekaRequestError(413, `a batch has at most ${EUREKA_LIMITS.batchItems} operations`);
  return list.map(readItem);
}

function readItem(value: unknown): Item {
  if (!isTree(value) || Object.keys(value).some((key) => !ITEM_KEYS.has(key))) throw new EurekaRequestError(400, UNPARSABLE);
  const text = (key: string) => (typeof value[key] === 'string' ? value[key] : undefined);
  const action = value['action'] ?? undefined;
  if (action !== undefined && !ACTIONS.some((known) => known === action)) throw new EurekaRequestError(400, UNPARSABLE);
  const dirty = value['lastDirtyTimestamp'] ?? undefined;
  const dirtyTimestamp = dirty === undefined ? undefined : Number(dirty);
  if (dirtyTimestamp !== undefined && !Number.isSafeInteger(dirtyTimestamp)) throw new EurekaRequestError(400, UNPARSABLE);
  return {
    app: (text('appName') ?? '').toUpperCase(),
    instanceId: text('id') ?? '',
    dirtyTimestamp,
    status: text('status'),
    overriddenStatus: text('overriddenStatus'),
    instanceInfo: value['instanceInfo'] ?? undefined,
    action: action as Action | undefined,
  };
}

async function answerItem(item: Item, registry: EurekaRegistry, host: Host, peerAddress: string): Promise<ItemAnswer> {
  try {
    return await runItem(item, registry, host, peerAddress);
  } catch (caught) {
    host.log.warn('an operation that a peer handed on failed', {
      peer: peerAddress,
      action: item.action ?? 'none',
      app: item.app,
      instanceId: item.instanceId,
      reason: caught instanceof Error ? caught.message : String(caught),
    });
    return { status: 500 };
  }
}

async function runItem(item: Item, registry: EurekaRegistry, host: Host, peerAddress: string): Promise<ItemAnswer> {
  const { app, instanceId, dirtyTimestamp } = item;
  switch (item.action) {
    case 'Register':
      return runRegister(item, registry, host, peerAddress);
    case 'Heartbeat': {
      const status = await registry.heartbeat(app, instanceId, dirtyTimestamp, replicated(item.overriddenStatus));
      const newer = status === 409 ? registry.view.find(app, instanceId)?.info : undefined;
      return newer === undefined ? { status } : { status, newer };
    }
    case 'Cancel':
      return { status: (await registry.cancel(app, instanceId)) ? 200 : 404 };
    case 'StatusUpdate':
      if (item.status === undefined || !isStatus(item.status)) return { status: 500 };
      return { status: (await registry.setStatus(app, instanceId, item.status, dirtyTimestamp)) ? 200 : 404 };
    case 'DeleteStatusOverride': {
      const status = item.status !== undefined && isStatus(item.status) ? item.status : InstanceStatus.Unknown;
      return { status: (await registry.deleteStatus(app, instanceId, status, dirtyTimestamp)) ? 200 : 404 };
    }
    case undefined:
      return { status: 500 };
    default:
      return item.action satisfies never;
  }
}

/** A registration that breaks a rule is answered 200 and not stored: what the sender could do about it, it does at its own client. */
async function runRegister({ app, instanceInfo }: Item, registry: EurekaRegistry, host: Host, peerAddress: string): Promise<ItemAnswer> {
  if (!isTree(instanceInfo)) return { status: 500 };
  let info: InstanceInfo;
  try {
    info = readInstanceInfo(instanceInfo, host.clock.wallMs());
  } catch (caught) {
    if (!(caught instanceof EurekaRequestError)) throw caught;
    host.log.warn('a registration that a peer handed on is not stored', { peer: peerAddress, app, reason: caught.message });
    return { status: 200 };
  }
  if (info.app === app) await registry.register(info, peerAddress, true);
  else host.log.warn('a registration that a peer handed on is of another application', { peer: peerAddress, app, body: info.app });
  return { status: 200 };
}

/** How the registry is told of a heartbeat that a peer hands on: with the override that stands there. */
export function replicated(overriddenStatus: string | undefined | null): { readonly override: InstanceStatus | undefined } {
  const override = typeof overriddenStatus === 'string' && isStatus(overriddenStatus) ? overriddenStatus : undefined;
  return { override: override === InstanceStatus.Unknown ? undefined : override };
}
