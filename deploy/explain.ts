import {
  DEFAULT_GROUP,
  DEFAULT_INSTANCE_ID,
  formatDataInfoId,
  RegistryError,
  RegistryErrorCode,
  type SessionServer,
} from '../core/index.ts';

/** `/explain?dataId=...&instanceId=...&group=...`: what a name holds, and what readers of each protocol are shown of it and why. */
export async function explain(
  session: SessionServer | undefined,
  query: URLSearchParams,
): Promise<{ readonly status: number; readonly body: string }> {
  if (session === undefined) return { status: 404, body: 'this node has no Session; ask one that serves clients\n' };
  try {
    const instanceId = query.get('instanceId') ?? DEFAULT_INSTANCE_ID;
    const group = query.get('group') ?? DEFAULT_GROUP;
    const name = formatDataInfoId({ dataId: query.get('dataId') ?? '', instanceId, group });
    return { status: 200, body: `${JSON.stringify(await session.explain(name), undefined, 2)}\n` };
  } catch (caught) {
    const error = RegistryError.from(caught);
    const isCallers = error.code === RegistryErrorCode.InvalidArgument || error.code === RegistryErrorCode.LimitExceeded;
    if (!isCallers && error.code !== RegistryErrorCode.Unavailable) throw error;
    return { status: isCallers ? 400 : 503, body: `${error.message}\n` };
  }
}
