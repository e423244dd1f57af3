import type { DataInfoId } from '../model/data-info-id.ts';
import { type DatumGroup, groupVersion } from '../model/datum.ts';
import { UNKNOWN_DATUM_VERSION } from '../model/datum-version.ts';
import type { DerivedPublisher } from '../model/derived-publisher.ts';
import { type Publisher, sameVisiblePublisher } from '../model/publisher.ts';
import type { ServiceView } from '../seams/session-gateway.ts';
import type { Joins } from './joins.ts';

/** A view with what the next one of its name has to know. */
export interface BuiltView extends ServiceView {
  /** Members of the name are none of these readers' business: its version may rise and its content stay. */
  readonly isMixed: boolean;
}

/**
 * One format's picture of a group: its own publishers of exactly this name, and what is derived from others under the same public name.
 * `before`: the view that its readers were shown last.
 */
export function buildView(group: DatumGroup, dataInfoId: DataInfoId, format: string, joins: Joins, before?: BuiltView): BuiltView {
  const own: Publisher[] = [];
  const foreign: Publisher[] = [];
  const namespace = joins.publicNamespace(dataInfoId);
  let isMixed = false;
  for (const datum of group.datums) {
    const isJoined = namespace !== undefined && joins.publicNamespace(datum.dataInfoId) === namespace;
    if (datum.dataInfoId !== dataInfoId) isMixed = true;
    for (const publisher of datum.publishers) {
      if (publisher.format !== format) {
        isMixed = true;
        if (isJoined) foreign.push(publisher);
      } else if (datum.dataInfoId === dataInfoId) own.push(publisher);
    }
  }
  const greatest = groupVersion(group);
  const version = greatest === 0n ? UNKNOWN_DATUM_VERSION : greatest;
  const content = { publishers: own, derived: joins.derive(format, own, foreign) };
  const isSame = before !== undefined && (isMixed || before.isMixed) && sameContent(before, content);
  const memory = new Map<string, unknown>();
  return {
    dataInfoId,
    version,
    contentVersion: isSame ? before.contentVersion : version,
    isMixed,
    ...content,
    memo<T>(key: string, make: () => T): T {
      if (!memory.has(key)) memory.set(key, make());
      return memory.get(key) as T;
    },
  };
}

type Content = Pick<ServiceView, 'publishers' | 'derived'>;

function sameContent(a: Content, b: Content): boolean {
  if (a.publishers.length !== b.publishers.length || a.derived.length !== b.derived.length) return false;
  const isSamePublisher = (publisher: Publisher, at: number) => {
    const other = b.publishers[at];
    if (other === undefined || other === publisher) return other === publisher;
    return other.registerId === publisher.registerId && sameVisiblePublisher(publisher, other);
  };
  const isSameDerived = (derived: DerivedPublisher, at: number) => {
    const other = b.derived[at];
    if (other === undefined || other === derived) return other === derived;
    return other.registerId === derived.registerId && sameBytes(other.payload, derived.payload);
  };
  return a.publishers.every(isSamePublisher) && a.derived.every(isSameDerived);
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
