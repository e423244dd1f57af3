import { type DataInfoId, type FoldedId, foldDataInfoId } from '../model/data-info-id.ts';
import type { DatumVersion } from '../model/datum-version.ts';
import { RegistryError } from '../model/errors.ts';
import type { Publisher } from '../model/publisher.ts';
import { compareRegisterVersion, type RegisterVersion } from '../model/register-version.ts';
import { SlotStatus } from '../model/slot-table.ts';
import { StoredPublisher } from '../model/stored-publisher.ts';
import type { Timer } from '../seams/clock.ts';
import type { RoleHost } from '../seams/host.ts';
import type { GlobalChange, GlobalReading } from '../seams/session-gateway.ts';
import {
  BEHIND_ALL_NAMES,
  decodeSlotLog,
  decodeSlotPageAnswer,
  encodeSlotLogAnswer,
  encodeSlotPage,
  type SlotLogEntry,
  type SlotPageAnswer,
} from '../wire/slot-log.ts';
import { DerivedRecords, type RecordChange } from './derived-records.ts';
import { HeldPublicNames } from './held-public-names.ts';
import type { Joins } from './joins.ts';
import type { SlotRouter } from './slot-router.ts';

interface SlotCopy {
  readonly slotId: number;
  readonly records: Map<string, { publisher: Publisher; version: DatumVersion }>;
  leaderEpoch: number;
  /** The leader's log is in `records` up to here. */
  applied: number;
  /** Read completely at least once, from any leader. */
  isRead: boolean;
  /** While pages are being read: records that the log has changed since, about which pages have nothing to say. */
  touched: Set<string> | undefined;
  waiters: { readonly sequence: number; readonly leaderEpoch: number; readonly resolve: () => void }[];
}

interface Listener {
  readonly changed: (changes: readonly GlobalChange[]) => void;
  readonly records: DerivedRecords;
}

export interface GlobalReaderOptions {
  readonly host: RoleHost;
  readonly router: SlotRouter;
  readonly joins: Joins;
  readonly timeoutMs: number;
  readonly idleMs: number;
  /** Turns the interest in all whole slots on or off. */
  readonly setWhole: (isWhole: boolean) => void;
  /** Asks one slot's leader to begin its log anew. */
  readonly restartSlot: (slotId: number) => void;
  /** A record was put, through whichever Session. */
  readonly published: (publisher: Publisher) => void;
  /** A record was withdrawn at this version, through whichever Session. */
  readonly withdrawn: (dataInfoId: DataInfoId, registerId: string, version: RegisterVersion) => void;
}

const RETRY_MS = 50;

/**
 * This Session's copy of every publisher, shared by all its readers of everything. Per slot it reads the leader's pages once and
 * follows its log. A new leader's slot is read again and compared, so that what comes back is never reported as removed.
 */
export class GlobalReader {
  readonly #options: GlobalReaderOptions;
  readonly #slots = new Map<number, SlotCopy>();
  readonly #listeners = new Set<Listener>();
  readonly #held: HeldPublicNames;
  #readySlots = 0;
  #isOpen = false;
  #idleTimer: Timer | undefined;
  #readyWaiters: (() => void)[] = [];

  constructor(options: GlobalReaderOptions) {
    this.#options = options;
    this.#held = new HeldPublicNames({
      clock: options.host.clock,
      stillHeld: (slotId) => this.#stillHeld(slotId),
    });
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  get recordCount(): number {
    let count = 0;
    for (const slot of this.#slots.values()) count += slot.records.size;
    return count;
  }

  /** A record as this copy knows it; undefined also when nobody reads everything here. */
  find(dataInfoId: DataInfoId, registerId: string): Publisher | undefined {
    const slotId = this.#options.router.slotOf(foldDataInfoId(dataInfoId));
    return this.#slots.get(slotId)?.records.get(recordKey(dataInfoId, registerId))?.publisher;
  }

  open(format: string, changed: (changes: readonly GlobalChange[]) => void): GlobalReading {
    this.#idleTimer?.cancel();
    this.#idleTimer = undefined;
    const records = new DerivedRecords(format, this.#options.joins, (foldedId) => this.#publishersOf(foldedId));
    const listener: Listener = { changed, records };
    this.#listeners.add(listener);
    const existing: RecordChange[] = [];
    for (const slot of this.#slots.values()) for (const record of slot.records.values()) existing.push({ kind: 'upsert', ...record });
    tell(listener, existing);
    if (!this.#isOpen) {
      this.#isOpen = true;
      this.#options.setWhole(true);
    }
    const ready = this.#isComplete() ? Promise.resolve() : new Promise<void>((resolve) => this.#readyWaiters.push(resolve));
    const isSettled = () => this.#isComplete() && this.#held.isEmpty;
    const whenSettled = async () => {
      await ready;
      await this.#held.whenEmpty();
    };
    return { ready, isReady: () => this.#isComplete(), isSettled, whenSettled, close: () => this.#close(listener) };
  }

  /** Resolves when the copy has applied a slot's log up to `sequence`; at once when nobody reads everything. */
  whenApplied(slotId: number, sequence: number): Promise<void> | undefined {
    const slot = this.#slots.get(slotId);
    if (!this.#isOpen || slot === undefined || slot.applied >= sequence) return undefined;
    return new Promise((resolve) => slot.waiters.push({ sequence, leaderEpoch: slot.leaderEpoch, resolve }));
  }

  /** A leader has taken note that this Session reads its slot; its log follows from `sequence` on. */
  announced(slotId: number, leaderEpoch: number, sequence: number): void {
    const slot = this.#slot(slotId);
    slot.leaderEpoch = leaderEpoch;
    slot.applied = sequence;
    slot.touched = new Set();
    void this.#readPages(slot, leaderEpoch, slot.touched);
  }

  /** The leader's log. Answers with where this copy is. */
  takeLog(frame: Uint8Array): Uint8Array {
    const request = decodeSlotLog(frame);
    const slot = this.#slots.get(request.slotId);
    const head = { tableEpoch: request.tableEpoch, leaderEpoch: request.leaderEpoch };
    if (slot === undefined || !this.#isOpen || slot.leaderEpoch !== request.leaderEpoch) {
      return encodeSlotLogAnswer({ ...head, status: SlotStatus.MisMatch, applied: 0 });
    }
    if (request.after > slot.applied) {
      // More is missing than the leader's ring holds: begin anew.
      this.#options.restartSlot(slot.slotId);
      return encodeSlotLogAnswer({ ...head, status: SlotStatus.Accept, applied: slot.applied });
    }
    const changes: RecordChange[] = [];
    for (const entry of request.entries) {
      if (entry.sequence !== slot.applied + 1) continue;
      applyEntry(slot, entry, changes);
      slot.applied = entry.sequence;
      if (entry.kind === 'put') this.#options.published(entry.publisher);
      else if (entry.reason === 'withdrawn') this.#options.withdrawn(entry.dataInfoId, entry.registerId, entry.registerVersion);
    }
    this.#emit(changes);
    this.#wake(slot);
    return encodeSlotLogAnswer({ ...head, status: SlotStatus.Accept, applied: slot.applied });
  }

  #isComplete(): boolean {
    return this.#isOpen && this.#readySlots === this.#options.router.slotCount;
  }

  #slot(slotId: number): SlotCopy {
    let slot = this.#slots.get(slotId);
    if (slot === undefined) {
      slot = { slotId, records: new Map(), leaderEpoch: 0, applied: 0, isRead: false, touched: undefined, waiters: [] };
      this.#slots.set(slotId, slot);
    }
    return slot;
  }

  async #readPages(slot: SlotCopy, leaderEpoch: number, touched: Set<string>): Promise<void> {
    const isCurrent = () => this.#isOpen && slot.leaderEpoch === leaderEpoch && slot.touched === touched;
    const pages: SlotPageAnswer[] = [];
    let after = '';
    while (isCurrent()) {
      const page = await this.#requestPage(slot.slotId, after);
      if (!isCurrent()) return;
      if (page === undefined) await new Promise<void>((resolve) => this.#options.host.clock.schedule(RETRY_MS, resolve));
      else {
        pages.push(page);
        after = page.next;
        if (after === '') break;
      }
    }
    if (!isCurrent()) return;
    slot.touched = undefined;
    const changes: RecordChange[] = [];
    // What the log has not told this Session: no copy of before may come back through the next leader.
    const allGone = mergePages(slot, pages, touched, changes);
    for (const gone of allGone) this.#options.withdrawn(gone.dataInfoId, gone.registerId, gone.registerVersion);
    for (const change of changes) if (change.kind === 'upsert') this.#options.published(change.publisher);
    const held = pages.flatMap((page) => page.held).filter((foldedId) => this.#options.joins.mayBePublic(foldedId));
    this.#held.add(slot.slotId, held);
    this.#emit(changes);
    if (!slot.isRead) {
      slot.isRead = true;
      this.#readySlots += 1;
      if (this.#isComplete()) this.#becomeReady();
    }
    this.#wake(slot);
  }

  async #requestPage(slotId: number, after: string): Promise<SlotPageAnswer | undefined> {
    const { host, router, timeoutMs } = this.#options;
    const target = router.slot(slotId);
    if (target === undefined) return undefined;
    try {
      const frame = await host.peers.request(target.leader, encodeSlotPage({ ...router.address(target), after }), { timeoutMs });
      const answer = decodeSlotPageAnswer(frame);
      if (answer.status === SlotStatus.Accept) return answer;
      if (answer.status !== SlotStatus.Migrating) router.refresh();
    } catch (caught) {
      host.log.debug('a slot could not be read; it is tried again', { slot: slotId, reason: RegistryError.from(caught).message });
      router.refresh();
    }
    return undefined;
  }

  async #stillHeld(slotId: number): Promise<ReadonlySet<FoldedId> | undefined> {
    const page = await this.#requestPage(slotId, BEHIND_ALL_NAMES);
    if (page === undefined) return undefined;
    // What released a name is in the log before this answer.
    await this.whenApplied(slotId, page.slotSequence);
    return new Set(page.held);
  }

  #becomeReady(): void {
    const waiters = this.#readyWaiters;
    this.#readyWaiters = [];
    for (const resolve of waiters) resolve();
  }

  #emit(changes: readonly RecordChange[]): void {
    for (const listener of this.#listeners) tell(listener, changes);
  }

  *#publishersOf(foldedId: FoldedId): IterableIterator<Publisher> {
    const slot = this.#slots.get(this.#options.router.slotOf(foldedId));
    for (const { publisher } of slot?.records.values() ?? []) if (foldDataInfoId(publisher.dataInfoId) === foldedId) yield publisher;
  }

  /** Whoever waits for a sequence of an earlier leader need not wait any longer: the slot was read anew since. */
  #wake(slot: SlotCopy): void {
    if (slot.waiters.length === 0) return;
    const isDone = (waiter: SlotCopy['waiters'][number]) =>
      waiter.sequence <= slot.applied || (waiter.leaderEpoch !== slot.leaderEpoch && slot.touched === undefined);
    const done = slot.waiters.filter(isDone);
    slot.waiters = slot.waiters.filter((waiter) => !isDone(waiter));
    for (const waiter of done) waiter.resolve();
  }

  #close(listener: Listener): void {
    if (!this.#listeners.delete(listener) || this.#listeners.size > 0) return;
    this.#idleTimer = this.#options.host.clock.schedule(this.#options.idleMs, () => {
      if (this.#listeners.size > 0) return;
      this.#isOpen = false;
      this.#options.setWhole(false);
      for (const slot of this.#slots.values()) for (const waiter of slot.waiters) waiter.resolve();
      this.#slots.clear();
      this.#held.clear();
      this.#readySlots = 0;
    });
  }
}

function tell({ changed, records }: Listener, changes: readonly RecordChange[]): void {
  const visible = changes.length === 0 ? changes : records.apply(changes);
  if (visible.length > 0) changed(visible);
}

function recordKey(dataInfoId: DataInfoId, registerId: string): string {
  return `${dataInfoId}\u0000${registerId}`;
}

function applyEntry(slot: SlotCopy, entry: SlotLogEntry, changes: RecordChange[]): void {
  const { dataInfoId, registerId } = entry.kind === 'put' ? entry.publisher : entry;
  const key = recordKey(dataInfoId, registerId);
  slot.touched?.add(key);
  if (entry.kind === 'put') {
    const publisher = StoredPublisher.of(entry.publisher);
    slot.records.set(key, { publisher, version: entry.datumVersion });
    changes.push({ kind: 'upsert', publisher, version: entry.datumVersion });
    return;
  }
  if (!slot.records.delete(key)) return;
  changes.push({ kind: 'remove', dataInfoId, registerId, format: entry.format, version: entry.datumVersion, reason: entry.reason });
}

/** Answers what its leader has no longer. */
function mergePages(
  slot: SlotCopy,
  pages: readonly SlotPageAnswer[],
  touched: ReadonlySet<string>,
  changes: RecordChange[],
): readonly Publisher[] {
  const gone: Publisher[] = [];
  const seen = new Set<string>();
  for (const page of pages) {
    for (const datum of page.datums) {
      for (const publisher of datum.publishers) {
        const key = recordKey(datum.dataInfoId, publisher.registerId);
        seen.add(key);
        if (touched.has(key)) continue;
        const known = slot.records.get(key);
        if (known !== undefined && compareRegisterVersion(known.publisher.registerVersion, publisher.registerVersion) === 0) continue;
        const record = { publisher: StoredPublisher.of(publisher), version: datum.version };
        slot.records.set(key, record);
        changes.push({ kind: 'upsert', ...record });
      }
    }
  }
  for (const [key, { publisher, version }] of slot.records) {
    if (seen.has(key) || touched.has(key)) continue;
    slot.records.delete(key);
    gone.push(publisher);
    const { dataInfoId, registerId, format } = publisher;
    changes.push({ kind: 'remove', dataInfoId, registerId, format, version, reason: 'repaired' });
  }
  return gone;
}
