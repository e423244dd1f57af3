import { type FoldedId, foldDataInfoId } from '../model/data-info-id.ts';
import type { DerivedPublisher } from '../model/derived-publisher.ts';
import { type Publisher, sameVisiblePublisher } from '../model/publisher.ts';
import type { GlobalChange } from '../seams/session-gateway.ts';
import type { Joins } from './joins.ts';

/** A name to which somebody of another format publishes. */
interface MixedName {
  /** All its publishers that matter here, by key. */
  readonly members: Map<string, Publisher>;
  /** What is shown of the others now, by registerId. */
  shown: Map<string, DerivedPublisher>;
}

/** Changes of registrations, before anything is derived from them. */
export type RecordChange = Extract<GlobalChange, { kind: 'upsert' | 'remove' }>;

/**
 * Turns the changes of all registrations into what one reader of everything sees: those of its own format as they are, and of other
 * formats what is derived. Only names that have publishers of another format cost anything.
 */
export class DerivedRecords {
  readonly #format: string;
  readonly #joins: Joins;
  readonly #publishersOf: (foldedId: FoldedId) => Iterable<Publisher>;
  readonly #names = new Map<FoldedId, MixedName>();

  /** `publishersOf`: all publishers of a name, after the changes that are being applied. */
  constructor(format: string, joins: Joins, publishersOf: (foldedId: FoldedId) => Iterable<Publisher>) {
    this.#format = format;
    this.#joins = joins;
    this.#publishersOf = publishersOf;
  }

  apply(changes: readonly RecordChange[]): readonly GlobalChange[] {
    const visible: GlobalChange[] = [];
    const touched = new Set<FoldedId>();
    for (const change of changes) {
      const { dataInfoId, format } = change.kind === 'upsert' ? change.publisher : change;
      const isOwn = format === this.#format;
      if (isOwn) visible.push(change);
      if (isOwn ? this.#names.size === 0 : this.#joins.publicNamespace(dataInfoId) === undefined) continue;
      const foldedId = foldDataInfoId(dataInfoId);
      if (this.#learn(foldedId, change, isOwn)) touched.add(foldedId);
    }
    for (const foldedId of touched) this.#derive(foldedId, visible);
    return visible;
  }

  /** False when the name has no publishers of other formats. */
  #learn(foldedId: FoldedId, change: RecordChange, isOwn: boolean): boolean {
    const name = this.#names.get(foldedId);
    if (name !== undefined) {
      if (change.kind === 'upsert') name.members.set(keyOf(change.publisher), change.publisher);
      else name.members.delete(keyOf(change));
      return true;
    }
    if (isOwn || change.kind === 'remove') return false;
    const members = new Map<string, Publisher>();
    for (const publisher of this.#publishersOf(foldedId)) members.set(keyOf(publisher), publisher);
    this.#names.set(foldedId, { members, shown: new Map() });
    return true;
  }

  #derive(foldedId: FoldedId, visible: GlobalChange[]): void {
    const name = this.#names.get(foldedId);
    if (name === undefined) return;
    const own: Publisher[] = [];
    const foreign: Publisher[] = [];
    for (const publisher of name.members.values()) (publisher.format === this.#format ? own : foreign).push(publisher);
    const shown = new Map<string, DerivedPublisher>();
    for (const derived of this.#joins.derive(this.#format, own, foreign)) {
      const before = name.shown.get(derived.registerId);
      const isKept = before !== undefined && (before === derived || isSame(before, derived));
      shown.set(derived.registerId, isKept ? before : derived);
      if (!isKept) visible.push({ kind: 'derived', publisher: derived });
    }
    for (const [registerId, publisher] of name.shown) if (!shown.has(registerId)) visible.push({ kind: 'derived-removed', publisher });
    name.shown = shown;
    if (foreign.length === 0) this.#names.delete(foldedId);
  }
}

/** A client that connects again registers the same anew: readers are not told of that. */
function isSame(a: DerivedPublisher, b: DerivedPublisher): boolean {
  return a.dataInfoId === b.dataInfoId && sameVisiblePublisher(a.source, b.source);
}

function keyOf({ dataInfoId, registerId }: Pick<Publisher, 'dataInfoId' | 'registerId'>): string {
  return `${dataInfoId}\u0000${registerId}`;
}
