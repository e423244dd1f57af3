import type { FoldedId } from '../model/data-info-id.ts';
import type { DatumVersion } from '../model/datum-version.ts';
import { RegistryError } from '../model/errors.ts';
import type { LeaseHold } from '../model/lease-hold.ts';
import { type PeerId, Role } from '../model/node.ts';
import { SlotStatus } from '../model/slot-table.ts';
import type { RoleHost } from '../seams/host.ts';
import type { MetaClient } from '../wire/meta-client.ts';
import { decodeSessionPulseAnswer, encodeSessionPulse, type NoticeCursor } from '../wire/session-pulse.ts';
import {
  decodeSlotInterestAnswer,
  encodeSlotInterest,
  type NoticedChange,
  type SlotInterestAnswer,
  type SlotNotice,
} from '../wire/slot-read.ts';
import type { SlotRouter } from './slot-router.ts';

interface SlotInterestState {
  readonly slotId: number;
  readonly names: Set<FoldedId>;
  isWhole: boolean;
  /** Leader epoch to which everything has been announced; 0 before. */
  announcedEpoch: number;
  /** Number of the last notice. */
  notice: number;
  toAdd: Set<FoldedId>;
  toRemove: Set<FoldedId>;
  isAnnouncing: boolean;
  /** Everything is to be announced anew since the announcement under way was sent: its answer makes nothing known. */
  isOutdated: boolean;
  /** A leader may still believe that this Session wants something: it must be told when nothing is wanted any more. */
  isKnownToLeader: boolean;
  isRetryPlanned: boolean;
}

export interface InterestEvents {
  /** Names that the leader holds in a version this Session may not have. */
  changed(changes: readonly NoticedChange[]): void;
  /** The whole slot is announced to a (new) leader, whose log starts after this sequence. */
  wholeAnnounced(slotId: number, leaderEpoch: number, slotSequence: number): void;
  /** The greatest register stamp that a Data node knows. */
  stampSeen(stamp: number): void;
  /** Greatest version of the name that this Session or a client of it knows. */
  knownVersion(foldedId: FoldedId): DatumVersion;
}

const RETRY_MS = 50;

/**
 * Keeps every slot leader informed about which names this Session wants to hear of, and notices when something was missed: notices
 * are numbered per slot, and once a second a pulse carries the last number. After a gap or a new leader everything is announced again.
 */
export class InterestKeeper {
  readonly #host: RoleHost;
  readonly #router: SlotRouter;
  readonly #meta: MetaClient;
  readonly #events: InterestEvents;
  readonly #timeoutMs: number;
  readonly #slots = new Map<number, SlotInterestState>();
  readonly #ready = new Set<SlotInterestState>();
  readonly #holds = new Map<PeerId, readonly LeaseHold[]>();
  #isFlushScheduled = false;
  #stopped = false;

  constructor(host: RoleHost, router: SlotRouter, meta: MetaClient, timeoutMs: number, events: InterestEvents) {
    this.#host = host;
    this.#router = router;
    this.#meta = meta;
    this.#timeoutMs = timeoutMs;
    this.#events = events;
  }

  add(foldedId: FoldedId): void {
    const slot = this.#slot(this.#router.slotOf(foldedId));
    if (slot.names.has(foldedId)) return;
    slot.names.add(foldedId);
    slot.toAdd.add(foldedId);
    slot.toRemove.delete(foldedId);
    this.#announceSoon(slot);
  }

  remove(foldedId: FoldedId): void {
    const slot = this.#slot(this.#router.slotOf(foldedId));
    if (!slot.names.delete(foldedId)) return;
    slot.toAdd.delete(foldedId);
    slot.toRemove.add(foldedId);
    this.#announceSoon(slot);
  }

  /** Reads all slots whole, or no longer. */
  setWhole(isWhole: boolean): void {
    for (let slotId = 0; slotId < this.#router.slotCount; slotId += 1) {
      const slot = this.#slot(slotId);
      slot.isWhole = isWhole;
      this.#reset(slot);
    }
  }

  /** Asks a leader to begin the log of a whole slot anew. */
  restartWhole(slotId: number): void {
    const slot = this.#slots.get(slotId);
    if (slot !== undefined) this.#reset(slot);
  }

  /** The table changed: leaders of another epoch know nothing of this Session yet. */
  tableChanged(): void {
    for (const slot of this.#slots.values()) {
      if (slot.announcedEpoch !== this.#router.slot(slot.slotId)?.leaderEpoch) this.#reset(slot);
    }
  }

  notice(notice: SlotNotice): void {
    const slot = this.#slots.get(notice.slotId);
    if (slot === undefined || notice.leaderEpoch !== slot.announcedEpoch) return;
    if (notice.sequence <= slot.notice) return;
    const isGap = notice.previous !== slot.notice;
    slot.notice = notice.sequence;
    if (isGap) this.#reset(slot);
    this.#events.changed(notice.changes.filter((change) => slot.names.has(change.foldedId)));
  }

  /** One small message to each Data node that leads a slot of interest; the answer names slots to announce again. */
  async pulse(): Promise<void> {
    const cursors = new Map<PeerId, NoticeCursor[]>();
    for (const member of this.#meta.members) if (member.role === Role.Data) cursors.set(member.peer, []);
    for (const slot of this.#slots.values()) {
      const leader = this.#router.slot(slot.slotId)?.leader;
      if (leader === undefined || slot.announcedEpoch === 0 || slot.isAnnouncing || (slot.names.size === 0 && !slot.isWhole)) continue;
      const cursor = { slotId: slot.slotId, leaderEpoch: slot.announcedEpoch, notice: slot.notice };
      cursors.get(leader)?.push(cursor);
    }
    for (const peer of this.#holds.keys()) if (!cursors.has(peer)) this.#holds.delete(peer);
    await Promise.all([...cursors].map(([peer, list]) => this.#pulseOne(peer, list)));
  }

  /** What the Data nodes said in their last answers. */
  leaseHolds(): readonly LeaseHold[] {
    return [...this.#holds.values()].flat();
  }

  stop(): void {
    this.#stopped = true;
  }

  async #pulseOne(peer: PeerId, cursors: readonly NoticeCursor[]): Promise<void> {
    const request = encodeSessionPulse({ processId: this.#host.processId, tableEpoch: this.#meta.table.epoch, cursors });
    try {
      const answer = decodeSessionPulseAnswer(await this.#host.peers.request(peer, request, { timeoutMs: this.#timeoutMs }));
      this.#meta.linkWorks(peer);
      this.#holds.set(peer, answer.holds);
      this.#events.stampSeen(answer.highestStamp);
      this.#meta.tableNamed(peer, answer.tableEpoch);
      const sent = new Map(cursors.map((cursor) => [cursor.slotId, cursor.notice]));
      for (const slotId of answer.behind) {
        const slot = this.#slots.get(slotId);
        // A notice that arrived while the pulse was under way explains the difference.
        if (slot !== undefined && !slot.isAnnouncing && slot.notice === sent.get(slotId)) this.#reset(slot);
      }
    } catch (caught) {
      this.#host.log.debug('a Data node did not answer the pulse', { peer, reason: RegistryError.from(caught).message });
      this.#holds.delete(peer);
      this.#router.refresh();
    }
  }

  #slot(slotId: number): SlotInterestState {
    let slot = this.#slots.get(slotId);
    if (slot === undefined) {
      const empty = { names: new Set<FoldedId>(), toAdd: new Set<FoldedId>(), toRemove: new Set<FoldedId>() };
      slot = {
        slotId,
        ...empty,
        isWhole: false,
        announcedEpoch: 0,
        notice: 0,
        isAnnouncing: false,
        isOutdated: false,
        isKnownToLeader: false,
        isRetryPlanned: false,
      };
      this.#slots.set(slotId, slot);
    }
    return slot;
  }

  #reset(slot: SlotInterestState): void {
    slot.announcedEpoch = 0;
    slot.isOutdated = true;
    this.#announceSoon(slot);
  }

  #announceSoon(slot: SlotInterestState): void {
    this.#ready.add(slot);
    if (this.#isFlushScheduled) return;
    this.#isFlushScheduled = true;
    this.#host.clock.soon(() => {
      this.#isFlushScheduled = false;
      const ready = [...this.#ready];
      this.#ready.clear();
      for (const each of ready) void this.#announce(each);
    });
  }

  async #announce(slot: SlotInterestState): Promise<void> {
    if (slot.isAnnouncing || this.#stopped) return;
    const target = this.#router.slot(slot.slotId);
    if (target === undefined) {
      this.#retryLater(slot);
      return;
    }
    const isReset = slot.announcedEpoch !== target.leaderEpoch;
    const add = isReset ? slot.names : slot.toAdd;
    const remove = isReset ? [] : [...slot.toRemove];
    if (isReset && add.size === 0 && !slot.isWhole && !slot.isKnownToLeader) return;
    if (!isReset && add.size === 0 && remove.length === 0) return;
    slot.toAdd = new Set();
    slot.toRemove = new Set();
    slot.isAnnouncing = true;
    slot.isOutdated = false;
    const versions = [...add].sort().map((foldedId) => ({ foldedId, version: this.#events.knownVersion(foldedId) }));
    const { processId } = this.#host;
    const request = {
      ...this.#router.address(target),
      processId,
      reset: isReset,
      whole: slot.isWhole,
      add: versions,
      remove: remove.sort(),
    };
    try {
      const frame = await this.#host.peers.request(target.leader, encodeSlotInterest(request), { timeoutMs: this.#timeoutMs });
      slot.isAnnouncing = false;
      this.#announced(slot, target.leaderEpoch, isReset, decodeSlotInterestAnswer(frame));
    } catch (caught) {
      slot.isAnnouncing = false;
      slot.announcedEpoch = 0;
      this.#host.log.debug('interest was not taken; it is announced again', {
        slot: slot.slotId,
        reason: RegistryError.from(caught).message,
      });
      this.#router.refresh();
      this.#retryLater(slot);
    }
  }

  #announced(slot: SlotInterestState, leaderEpoch: number, isReset: boolean, answer: SlotInterestAnswer): void {
    if (answer.status === SlotStatus.Moved || answer.status === SlotStatus.MisMatch) {
      slot.announcedEpoch = 0;
      this.#router.refresh();
      this.#retryLater(slot);
      return;
    }
    if (slot.isOutdated) {
      slot.isKnownToLeader = true;
      this.#announceSoon(slot);
      return;
    }
    slot.announcedEpoch = answer.leaderEpoch;
    slot.isKnownToLeader = slot.names.size > 0 || slot.isWhole;
    if (isReset) slot.notice = answer.noticeSequence;
    const now = this.#host.clock.wallMs();
    this.#events.changed(answer.versions.map((name) => ({ ...name, changeId: 0, acceptedAtMs: 0, committedAtMs: now })));
    if (slot.isWhole && isReset) this.#events.wholeAnnounced(slot.slotId, answer.leaderEpoch, answer.slotSequence);
    const isMoreToSay = slot.toAdd.size > 0 || slot.toRemove.size > 0 || this.#router.slot(slot.slotId)?.leaderEpoch !== leaderEpoch;
    if (isMoreToSay) this.#announceSoon(slot);
  }

  #retryLater(slot: SlotInterestState): void {
    if (slot.isRetryPlanned || this.#stopped) return;
    slot.isRetryPlanned = true;
    this.#host.clock.schedule(RETRY_MS, () => {
      slot.isRetryPlanned = false;
      this.#announceSoon(slot);
    });
  }
}
