import type { DataInfoId, FoldedId } from '../model/data-info-id.ts';
import { type DatumGroup, groupVersion } from '../model/datum.ts';
import type { DatumVersion } from '../model/datum-version.ts';
import { RegistryError } from '../model/errors.ts';
import { SlotStatus } from '../model/slot-table.ts';
import type { RoleHost } from '../seams/host.ts';
import type { ServiceView } from '../seams/session-gateway.ts';
import { decodeSlotFetchAnswer, encodeSlotFetch, type NoticedChange } from '../wire/slot-read.ts';
import type { Joins } from './joins.ts';
import { keepPublishers } from './kept-publishers.ts';
import { MergeWindow } from './push/merge-window.ts';
import { type BuiltView, buildView } from './service-view.ts';
import type { SlotRouter } from './slot-router.ts';

interface NameState {
  readonly foldedId: FoldedId;
  readonly slotId: number;
  readonly window: MergeWindow;
  /** The newest version the leader told of; what is shown must not be older. */
  wantedVersion: DatumVersion;
  group: DatumGroup | undefined;
  /** By format and DataInfoId: a key of both would be made and hashed for each push. */
  readonly views: Map<string, Map<DataInfoId, BuiltView>>;
  isFetchPlanned: boolean;
  isFetching: boolean;
  retryDelayMs: number;
  /** The change that waits longest, for the measured delay. */
  waiting: NoticedChange | undefined;
}

export interface ViewEvents {
  /** A name has a new content (or its first). */
  ready(foldedId: FoldedId, cause: NoticedChange | undefined): void;
}

const RETRY_LEAST_MS = 20;
const RETRY_MOST_MS = 1_000;
const NAMES_PER_FETCH = 200;

/**
 * What this Session knows of the names its clients subscribe to: one fetch per change for all of them, never older than
 * the leader said, and one view object per (DataInfoId, format) that all its subscribers share.
 */
export class ViewStore {
  readonly #host: RoleHost;
  readonly #router: SlotRouter;
  readonly #timeoutMs: number;
  readonly #windowMs: { readonly least: number; readonly most: number };
  readonly #events: ViewEvents;
  readonly #joins: Joins;
  readonly #names = new Map<FoldedId, NameState>();
  readonly #toFetch = new Map<number, Set<NameState>>();
  #isFlushScheduled = false;
  #stopped = false;

  constructor(
    host: RoleHost,
    router: SlotRouter,
    timeoutMs: number,
    windowMs: { readonly least: number; readonly most: number },
    joins: Joins,
    events: ViewEvents,
  ) {
    this.#host = host;
    this.#router = router;
    this.#timeoutMs = timeoutMs;
    this.#windowMs = windowMs;
    this.#joins = joins;
    this.#events = events;
  }

  /** Begins to follow a name; the first content is fetched at once. */
  follow(foldedId: FoldedId): void {
    if (this.#names.has(foldedId)) return;
    const name: NameState = {
      foldedId,
      slotId: this.#router.slotOf(foldedId),
      window: new MergeWindow(this.#windowMs.least, this.#windowMs.most),
      wantedVersion: 0n,
      group: undefined,
      views: new Map(),
      isFetchPlanned: false,
      isFetching: false,
      retryDelayMs: RETRY_LEAST_MS,
      waiting: undefined,
    };
    this.#names.set(foldedId, name);
    this.#fetchSoon(name);
  }

  unfollow(foldedId: FoldedId): void {
    this.#names.delete(foldedId);
  }

  changed(changes: readonly NoticedChange[]): void {
    for (const change of changes) {
      const name = this.#names.get(change.foldedId);
      if (name === undefined) continue;
      const known = name.group === undefined ? -1n : groupVersion(name.group);
      if (change.version > name.wantedVersion) name.wantedVersion = change.version;
      if (change.version <= known && name.group?.held !== true) continue;
      name.waiting ??= change;
      this.#planFetch(name);
    }
  }

  /** undefined while nothing was fetched, or while the name is held after a restart. */
  view(foldedId: FoldedId, dataInfoId: DataInfoId, format: string): ServiceView | undefined {
    const name = this.#names.get(foldedId);
    if (name?.group === undefined || name.group.held) return undefined;
    let views = name.views.get(format);
    if (views === undefined) {
      views = new Map();
      name.views.set(format, views);
    }
    let view = views.get(dataInfoId);
    if (view === undefined) {
      view = buildView(name.group, dataInfoId, format, this.#joins);
      views.set(dataInfoId, view);
    }
    return view;
  }

  /** Greatest version of a name that this Session has shown or was told of; a new leader has to go above it. */
  knownVersion(foldedId: FoldedId): DatumVersion {
    const name = this.#names.get(foldedId);
    if (name === undefined) return 0n;
    const shown = name.group === undefined ? 0n : groupVersion(name.group);
    return shown > name.wantedVersion ? shown : name.wantedVersion;
  }

  /** Names that are followed. */
  names(): IterableIterator<FoldedId> {
    return this.#names.keys();
  }

  heldNames(): readonly FoldedId[] {
    return [...this.#names.values()].filter((name) => name.group?.held === true).map((name) => name.foldedId);
  }

  stop(): void {
    this.#stopped = true;
  }

  #planFetch(name: NameState): void {
    if (name.isFetchPlanned || name.isFetching) return;
    const delayMs = name.window.delayMs(this.#host.clock.monotonicMs());
    if (delayMs === 0) {
      this.#fetchSoon(name);
      return;
    }
    name.isFetchPlanned = true;
    this.#host.clock.schedule(delayMs, () => {
      name.isFetchPlanned = false;
      this.#fetchSoon(name);
    });
  }

  #fetchSoon(name: NameState): void {
    if (name.isFetching || this.#stopped || this.#names.get(name.foldedId) !== name) return;
    let names = this.#toFetch.get(name.slotId);
    if (names === undefined) {
      names = new Set();
      this.#toFetch.set(name.slotId, names);
    }
    names.add(name);
    if (this.#isFlushScheduled) return;
    this.#isFlushScheduled = true;
    this.#host.clock.soon(() => {
      this.#isFlushScheduled = false;
      const slots = [...this.#toFetch];
      this.#toFetch.clear();
      for (const [slotId, all] of slots) {
        const list = [...all];
        for (let start = 0; start < list.length; start += NAMES_PER_FETCH)
          void this.#fetch(slotId, list.slice(start, start + NAMES_PER_FETCH));
      }
    });
  }

  async #fetch(slotId: number, names: readonly NameState[]): Promise<void> {
    for (const name of names) {
      name.isFetching = true;
      name.window.fired(this.#host.clock.monotonicMs());
    }
    const groups = await this.#request(slotId, names);
    for (const name of names) {
      name.isFetching = false;
      const group = groups?.get(name.foldedId);
      if (this.#names.get(name.foldedId) !== name) continue;
      // Older than what the leader announced, or than what was shown: an answer of somebody who does not know better yet.
      const isOld = group !== undefined && (groupVersion(group) < name.wantedVersion || isOlder(group, name.group));
      if (group === undefined || isOld) this.#retryLater(name);
      else this.#learn(name, group);
    }
  }

  async #request(slotId: number, names: readonly NameState[]): Promise<Map<FoldedId, DatumGroup> | undefined> {
    const slot = this.#router.slot(slotId);
    if (slot === undefined) return undefined;
    const request = encodeSlotFetch({ ...this.#router.address(slot), foldedIds: names.map((name) => name.foldedId).sort() });
    try {
      const answer = decodeSlotFetchAnswer(await this.#host.peers.request(slot.leader, request, { timeoutMs: this.#timeoutMs }));
      if (answer.status === SlotStatus.Accept) return new Map(answer.groups.map((group) => [group.foldedId, group]));
      if (answer.status !== SlotStatus.Migrating) this.#router.refresh();
    } catch (caught) {
      this.#host.log.debug('names could not be fetched; they are fetched again', {
        slot: slotId,
        reason: RegistryError.from(caught).message,
      });
      this.#router.refresh();
    }
    return undefined;
  }

  #learn(name: NameState, group: DatumGroup): void {
    name.retryDelayMs = RETRY_LEAST_MS;
    // Where nothing of other formats was read, nothing is remembered by publisher, and none need be kept.
    const isMixed = [...name.views.values()].some((views) => [...views.values()].some((view) => view.isMixed));
    name.group = isMixed && name.group !== undefined ? keepPublishers(group, name.group) : group;
    name.views.clear();
    const cause = name.waiting;
    name.waiting = undefined;
    if (!group.held) this.#events.ready(name.foldedId, cause);
    if (groupVersion(group) < name.wantedVersion) this.#planFetch(name);
  }

  #retryLater(name: NameState): void {
    if (name.isFetchPlanned || this.#stopped) return;
    name.isFetchPlanned = true;
    const delayMs = name.retryDelayMs;
    name.retryDelayMs = Math.min(RETRY_MOST_MS, delayMs * 2);
    this.#host.clock.schedule(delayMs, () => {
      name.isFetchPlanned = false;
      this.#fetchSoon(name);
    });
  }
}

function isOlder(group: DatumGroup, shown: DatumGroup | undefined): boolean {
  return shown !== undefined && groupVersion(group) < groupVersion(shown);
}
