import type { DataInfoId } from '../model/data-info-id.ts';
import { type DatumGroup, groupVersion } from '../model/datum.ts';
import { UNKNOWN_DATUM_VERSION } from '../model/datum-version.ts';
import type { Publisher } from '../model/publisher.ts';
import type { ServiceView } from '../seams/session-gateway.ts';
import type { Joins } from './joins.ts';

/** A view with what the next one of its name has to know. */
export interface BuiltView extends ServiceView {
  /** Publishers of other formats were read for it. */
  readonly isMixed: boolean;
}

/** One format's picture of a group: its own publishers of exactly this name, and what is derived from others under the same public name. */
export function buildView(group: DatumGroup, dataInfoId: DataInfoId, format: string, joins: Joins): BuiltView {
  const own: Publisher[] = [];
  const foreign: Publisher[] = [];
  const namespace = joins.publicNamespace(dataInfoId);
  for (const datum of group.datums) {
    const isJoined = namespace !== undefined && joins.publicNamespace(datum.dataInfoId) === namespace;
    for (const publisher of datum.publishers) {
      if (publisher.format !== format) {
        if (isJoined) foreign.push(publisher);
      } else if (datum.dataInfoId === dataInfoId) own.push(publisher);
    }
  }
  const version = groupVersion(group);
  const memory = new Map<string, unknown>();
  return {
    dataInfoId,
    version: version === 0n ? UNKNOWN_DATUM_VERSION : version,
    publishers: own,
    derived: joins.derive(format, own, foreign),
    isMixed: foreign.length > 0,
    memo<T>(key: string, make: () => T): T {
      if (!memory.has(key)) memory.set(key, make());
      return memory.get(key) as T;
    },
  };
}
