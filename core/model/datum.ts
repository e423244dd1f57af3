import type { DataInfoId, FoldedId } from './data-info-id.ts';
import type { DatumVersion } from './datum-version.ts';
import type { Publisher } from './publisher.ts';

/** All live publishers of one DataInfoId and the version of that set. Publishers are sorted by registerId. */
export interface Datum {
  readonly dataInfoId: DataInfoId;
  readonly version: DatumVersion;
  readonly publishers: readonly Publisher[];
}

/** All spellings of one public name, as the slot leader answers a read. A spelling that emptied stays with its version. */
export interface DatumGroup {
  readonly foldedId: FoldedId;
  readonly datums: readonly Datum[];
  /** Lifts the version above what some client is known to hold, although no datum has it (after a failover); 0n otherwise. */
  readonly floor: DatumVersion;
  /**
   * True while a restart has not brought back what the name is known to have had: readers must not be shown this list yet
   * (design: restart, connection publishers held against the sketch).
   */
  readonly held: boolean;
}

/** A group's version: the greatest of its floor and its members; 0n when nobody ever published. */
export function groupVersion(group: DatumGroup): DatumVersion {
  let greatest = group.floor;
  for (const datum of group.datums) if (datum.version > greatest) greatest = datum.version;
  return greatest;
}
