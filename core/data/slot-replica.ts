import type { DatumVersion } from '../model/datum-version.ts';
import type { Digest } from '../model/digest.ts';
import type { PeerId, ProcessId } from '../model/node.ts';
import { type Slot, SlotStatus } from '../model/slot-table.ts';
import type { SlotReport } from '../wire/heartbeat.ts';
import type { SlotAddress, SlotAnswer } from '../wire/slot-head.ts';
import { DecayingRate } from './decaying-rate.ts';
import { SlotInterest } from './interest.ts';
import { SlotLog } from './slot-log.ts';
import { SlotStore } from './slot-store.ts';

/**
 * What this node is for a slot.
 *
 *     follower --(table: leader, new epoch)--> migrating
 *     migrating --(given up by who led before, other copies read, compared with every Session)--> serving
 *     migrating, serving --(table: follower)--> follower
 *     any --(table: neither)--> dropped with its data
 *
 * `migrating` takes writes and refuses reads; `isRefilled`: the other copies have been read. `synced`: a follower that has compared with its
 * leader and follows its log.
 */
export type SlotPhase =
  | { readonly kind: 'follower'; readonly isSynced: boolean }
  | { readonly kind: 'migrating'; readonly isRefilled: boolean }
  | { readonly kind: 'serving' };

/** So many notices a minute cost about what one publisher costs by its heartbeats, its memory and its copies. */
const NOTICES_PER_PUBLISHER = 10;

export class SlotReplica {
  readonly slotId: number;
  readonly store: SlotStore;
  interest = new SlotInterest();
  /** As a leader: changes told to interested Sessions. */
  readonly notices = new DecayingRate();
  log: SlotLog;
  leaderEpoch: number;
  leader: PeerId;
  followers: readonly PeerId[];
  /** As a leader: who led before, as far as this node knew. */
  formerLeader: PeerId | undefined;
  /** As a leader: who followed the one before. */
  formerFollowers: readonly PeerId[] = [];
  /** As a leader: the greatest datum version of the time before. What has a greater one was changed by this leader. */
  inheritedVersion: DatumVersion = 0n;
  /** As a follower: the leader's log up to here is in the store. */
  applied = 0;
  /** As a follower: pages copied from the leader hold its changes up to here. While less is applied, the store is as the slot never was. */
  copied = 0;
  /** As a follower: the incarnation of the leader that `applied` counts for. */
  leaderProcess: ProcessId | undefined;
  #phase: SlotPhase;
  /** The last leader epoch under which this copy was whole; 0 when it never was. */
  #wholeEpoch = 0;

  constructor(slot: Slot, self: PeerId, store = new SlotStore()) {
    this.store = store;
    this.slotId = slot.slotId;
    this.leader = slot.leader;
    this.leaderEpoch = slot.leaderEpoch;
    this.followers = slot.followers;
    this.log = new SlotLog(0);
    this.#phase = slot.leader === self ? { kind: 'migrating', isRefilled: false } : { kind: 'follower', isSynced: false };
  }

  get phase(): SlotPhase {
    return this.#phase;
  }

  /** What Meta is told with each heartbeat. */
  report(nowMs: number): SlotReport {
    const { slotId, leaderEpoch } = this;
    if (this.isLeader) return { slotId, leaderEpoch, serving: this.#phase.kind === 'serving', synced: false, weight: this.#weight(nowMs) };
    const synced = this.#wholeEpoch > 0;
    return { slotId, leaderEpoch: synced ? this.#wholeEpoch : leaderEpoch, serving: false, synced, weight: 0 };
  }

  /** What leading this slot costs, for the balance of the slot table. */
  #weight(nowMs: number): number {
    return this.store.publisherCount + Math.round(this.notices.perMinute(nowMs) / NOTICES_PER_PUBLISHER);
  }

  /** Under some leader. */
  get wasWhole(): boolean {
    return this.#wholeEpoch > 0;
  }

  /** Whole under the present leader, or until the one before ended. What is older may hold what has been withdrawn since. */
  get isLatelyWhole(): boolean {
    return this.#wholeEpoch > 0 && this.#wholeEpoch >= this.leaderEpoch - 1;
  }

  /**
   * As a leader: followers may take this copy for theirs. Before it serves, too, when it was whole and has read the others: a Session that
   * does not answer may keep it from serving for long, and what it takes meanwhile must not be here alone.
   */
  get mayBeCopied(): boolean {
    return this.#phase.kind === 'serving' || (this.#phase.kind === 'migrating' && this.#phase.isRefilled && this.isLatelyWhole);
  }

  get isLeader(): boolean {
    return this.#phase.kind !== 'follower';
  }

  /** Applies a newer table. True when the role or the leader epoch changed, so that tasks of the old one must end. */
  assign(slot: Slot, self: PeerId): boolean {
    const { followers } = this;
    this.followers = slot.followers;
    if (slot.leaderEpoch === this.leaderEpoch && slot.leader === this.leader) return false;
    this.formerLeader = this.leader;
    this.formerFollowers = followers;
    this.leader = slot.leader;
    this.leaderEpoch = slot.leaderEpoch;
    this.interest = new SlotInterest();
    this.leaderProcess = undefined;
    if (slot.leader === self) {
      // Numbers go on above what the followers of the earlier leader have seen.
      this.log = new SlotLog(Math.max(this.log.sequence, this.applied));
      this.inheritedVersion = this.store.highestVersion;
      this.#phase = { kind: 'migrating', isRefilled: false };
    } else {
      this.applied = 0;
      this.copied = 0;
      this.#phase = { kind: 'follower', isSynced: false };
    }
    return true;
  }

  /**
   * As a leader: the slot's root when its log had come to a sequence; undefined when that is no longer known. Sequences to come are those of
   * an earlier incarnation: a copy that counts by them is compared with what there is.
   */
  rootAt(sequence: number): Digest | undefined {
    return sequence >= this.log.sequence ? this.store.root : this.log.rootAt(sequence);
  }

  becomeRefilled(): void {
    if (this.#phase.kind !== 'migrating') throw new Error(`slot ${this.slotId} reads no copies as ${this.#phase.kind}`);
    this.#phase = { kind: 'migrating', isRefilled: true };
  }

  becomeServing(): void {
    if (this.#phase.kind !== 'migrating') throw new Error(`slot ${this.slotId} cannot serve from ${this.#phase.kind}`);
    this.#phase = { kind: 'serving' };
    this.#wholeEpoch = this.leaderEpoch;
  }

  becomeSynced(isSynced: boolean): void {
    if (this.#phase.kind !== 'follower') throw new Error(`slot ${this.slotId} is no follower`);
    this.#phase = { kind: 'follower', isSynced };
    // What follows its leader no more was whole under it, but is behind every copy that still does.
    this.#wholeEpoch = isSynced ? this.leaderEpoch : Math.min(this.#wholeEpoch, this.leaderEpoch - 1);
  }
}

/** The access decision (SOFARegistry, access check): in this order Moved, Migrating, MisMatch, Accept. */
export function slotAnswer(replica: SlotReplica | undefined, address: SlotAddress, tableEpoch: number): SlotAnswer {
  const leaderEpoch = replica?.leaderEpoch ?? 0;
  if (replica === undefined || !replica.isLeader) return { status: SlotStatus.Moved, tableEpoch, leaderEpoch };
  if (replica.phase.kind === 'migrating') return { status: SlotStatus.Migrating, tableEpoch, leaderEpoch };
  const status = address.leaderEpoch === leaderEpoch ? SlotStatus.Accept : SlotStatus.MisMatch;
  return { status, tableEpoch, leaderEpoch };
}
