import { RegistryError, RegistryErrorCode } from '../model/errors.ts';
import { type Member, type PeerId, type ProcessId, Role } from '../model/node.ts';
import type { SlotTable } from '../model/slot-table.ts';
import type { Timer } from '../seams/clock.ts';
import type { RoleHost } from '../seams/host.ts';
import { encodeTableChanged, type HeartbeatAnswer, type HeartbeatRequest } from '../wire/heartbeat.ts';
import type { SessionLoad } from '../wire/session-loads.ts';
import type { StoredMembers, StoredSlotTable } from './cluster-record.ts';
import { fenceOf } from './leadership.ts';
import { Membership } from './membership.ts';
import type { MetaConfig } from './meta-server.ts';
import { type ReplicationState, SlotArranger } from './slot-arranger.ts';

/** How often somebody may be found to be gone: a part of the heartbeats that must be missed for it. */
const LOOK_MS = 250;
const TICK_MS = 1_000;
const STALL_MS = 500;
/** Members of before are kept as long as if each had sent its last heartbeat when the term began. */
const REMEMBERED_BEATS = 20;
/** Heartbeats that all members must have missed before the leader takes itself for the one that is cut off. */
const UNHEARD_BEATS = 5;
/** A heartbeat's answer waits this long, in heartbeats, for the store to take what it changed; then it goes without. */
const STORE_WAIT_BEATS = 0.5;

export interface TermParts {
  readonly config: MetaConfig;
  readonly host: RoleHost;
  readonly term: number;
  /** This Meta, as the others know it. */
  readonly self: Member;
  readonly storedTable: StoredSlotTable;
  readonly table: SlotTable;
  readonly storedMembers: StoredMembers;
  readonly members: readonly Member[];
  readonly documentRevision: number;
  /** Epoch of the last member list this Meta made; 0 when none. */
  readonly lastMembersEpoch: number;
  /** The store said that the term is over. */
  readonly deposed: () => void;
}

/** What a Meta does while it leads: membership, slot table, and telling the members of changes. It ends with the term, and nothing of it is kept. */
export class LeaderTerm {
  readonly #parts: TermParts;
  readonly #membership: Membership;
  readonly #arranger: SlotArranger;
  readonly #beganAtMs: number;
  #lastHeardMs: number;
  /** Members of before that have not been heard yet. */
  readonly #awaited = new Set<PeerId>();
  /** Data nodes of which nobody knows that they hold what the table says: they were started again, or not heard yet. */
  readonly #restarted = new Set<PeerId>();
  #table: SlotTable;
  #documentRevision: number;
  #arranging: Promise<void> | undefined;
  #arrangeAgain = false;
  /** The last table could not be stored. */
  #isStoreFailing = false;
  #saving: Promise<void> | undefined;
  #saveAgain = false;
  #wasSettled = false;
  #timer: Timer | undefined;
  #nextTickMs: number;
  /** When the first Data node of a cluster without a table was heard. */
  #firstDataAtMs: number | undefined;
  #isOver = false;

  constructor(parts: TermParts) {
    this.#parts = parts;
    const { config, host, table } = parts;
    this.#table = table;
    this.#documentRevision = parts.documentRevision;
    this.#beganAtMs = host.clock.monotonicMs();
    this.#nextTickMs = this.#beganAtMs + TICK_MS;
    this.#lastHeardMs = this.#beganAtMs;
    this.#membership = new Membership(config.heartbeatMs, parts.term, parts.lastMembersEpoch);
    this.#arranger = new SlotArranger(config.slotCount, config.replicas, this.#membership);
    this.#remember();
  }

  /** Tells the members of before, who may still be asking the Meta that led until now. */
  begin(): void {
    void this.#saveMembers();
    this.#announce(undefined);
    this.#wasSettled = this.#isSettled();
    this.#scheduleTick();
  }

  get table(): SlotTable {
    return this.#table;
  }

  sessionLoads(): readonly SessionLoad[] {
    return this.#membership.sessionLoads();
  }

  members(): readonly Member[] {
    return this.#membership.members();
  }

  get membersEpoch(): number {
    return this.#membership.epoch;
  }

  replication(): ReplicationState {
    return this.#arranger.replication(this.#table);
  }

  /** There are Data nodes or Sessions, and none of them reaches this Meta any more; another Meta was there a moment ago. */
  isUnheard(): boolean {
    const silentMs = this.#parts.host.clock.monotonicMs() - this.#lastHeardMs;
    if (silentMs < UNHEARD_BEATS * this.#parts.config.heartbeatMs) return false;
    const others = this.members().filter((member) => member.peer !== this.#parts.self.peer);
    return others.some((member) => member.role === Role.Meta) && others.some((member) => member.role !== Role.Meta);
  }

  /** Documents were written up to this revision. */
  documentsWritten(revision: number): void {
    this.#documentRevision = Math.max(this.#documentRevision, revision);
  }

  async heartbeat(request: HeartbeatRequest): Promise<HeartbeatAnswer> {
    const wasSettled = this.#isSettled();
    const { joined, restarted, left } = this.#membership.beat(request, this.#parts.host.clock.monotonicMs());
    const { member } = request;
    const isFirst = this.#awaited.delete(member.peer);
    if (member.role !== Role.Meta) this.#lastHeardMs = this.#parts.host.clock.monotonicMs();
    this.#arranger.noteWeights(request);
    if (joined || left || isFirst) {
      // Also one that was given up and comes back before the table could be changed: it must not lead with empty hands.
      if (this.#holdsItsSlots(request)) this.#restarted.delete(member.peer);
      else if (member.role === Role.Data) this.#restarted.add(member.peer);
    }
    if (joined || left) {
      this.#parts.host.log.info(left ? 'member left' : restarted ? 'member restarted' : 'member joined', { peer: member.peer });
      if (member.role === Role.Data || !wasSettled) await this.#withinBeat(this.#arrange());
      await this.#withinBeat(this.#saveMembers());
      this.#announce(member.peer);
    } else if (member.role === Role.Data && (isFirst || this.#table.slots.length === 0)) await this.#withinBeat(this.#arrange());
    return this.#answer(request);
  }

  /** Resolves when nothing is being written any more. */
  async end(): Promise<void> {
    this.#isOver = true;
    this.#timer?.cancel();
    await this.#arranging;
    await this.#saving;
  }

  #remember(): void {
    const { config, members, self, table } = this.#parts;
    const leaseMs = REMEMBERED_BEATS * config.heartbeatMs;
    const known = new Map(members.map((member) => [member.peer, member]));
    // The list may be older than the table, when the store took only one of them.
    for (const slot of table.slots) {
      for (const peer of [slot.leader, ...slot.followers]) if (!known.has(peer)) known.set(peer, unknownDataNode(peer));
    }
    known.delete(self.peer);
    for (const member of known.values()) {
      this.#membership.remember(member, leaseMs, this.#beganAtMs);
      if (member.role === Role.Meta) continue;
      this.#awaited.add(member.peer);
      if (member.role === Role.Data) this.#restarted.add(member.peer);
    }
    this.#membership.remember(self, Number.POSITIVE_INFINITY, this.#beganAtMs);
  }

  #answer(request: HeartbeatRequest): HeartbeatAnswer {
    const membersEpoch = this.#membership.epoch;
    const hasTable = request.tableEpoch === this.#table.epoch || this.#isHeldBack(request.member.peer);
    return {
      leader: this.#parts.self.peer,
      tableEpoch: this.#table.epoch,
      membersEpoch,
      documentRevision: this.#documentRevision,
      table: hasTable ? undefined : this.#table,
      members: request.membersEpoch === membersEpoch || !this.#isSettled() ? undefined : this.members(),
    };
  }

  /**
   * A node that was started again gets no table that gives it leaderships of before: it would lead with empty hands, and its followers would
   * take its copy for theirs. The next table, which knows of its restart, is made soon, unless the store takes none.
   */
  #isHeldBack(peer: PeerId): boolean {
    return this.#restarted.has(peer) && !this.#isStoreFailing;
  }

  /** What the store does not take in time is written later; the members must not wait for it. */
  async #withinBeat(write: Promise<void>): Promise<void> {
    let timer: Timer | undefined;
    const late = new Promise<void>((resolve) => {
      timer = this.#parts.host.clock.schedule(STORE_WAIT_BEATS * this.#parts.config.heartbeatMs, resolve);
    });
    await Promise.race([write, late]);
    timer?.cancel();
  }

  #scheduleTick(): void {
    if (this.#isOver) return;
    const dueMs = this.#parts.host.clock.monotonicMs() + LOOK_MS;
    this.#timer = this.#parts.host.clock.schedule(LOOK_MS, () => {
      void this.#look(dueMs).finally(() => this.#scheduleTick());
    });
  }

  async #look(dueMs: number): Promise<void> {
    const nowMs = this.#parts.host.clock.monotonicMs();
    if (nowMs - dueMs > STALL_MS) this.#membership.forgive(nowMs - dueMs);
    const gone = this.#membership.evict(nowMs);
    if (gone.length === 0 && nowMs < this.#nextTickMs) return;
    this.#nextTickMs = nowMs + TICK_MS;
    await this.#tick(gone);
  }

  async #tick(gone: readonly Member[]): Promise<void> {
    for (const member of gone) {
      this.#awaited.delete(member.peer);
      this.#parts.host.log.warn('member lost', { peer: member.peer });
    }
    await this.#withinBeat(this.#arrange());
    await this.#withinBeat(this.#saveMembers());
    const settles = !this.#wasSettled && this.#isSettled();
    this.#wasSettled ||= settles;
    if (gone.length > 0 || settles) this.#announce(undefined);
  }

  /** One arrangement at a time; a change during one starts another. */
  async #arrange(): Promise<void> {
    if (this.#arranging !== undefined) {
      this.#arrangeAgain = true;
      await this.#arranging;
      return;
    }
    this.#arranging = this.#arrangeUntilSettled().finally(() => {
      this.#arranging = undefined;
    });
    await this.#arranging;
  }

  async #arrangeUntilSettled(): Promise<void> {
    do {
      this.#arrangeAgain = false;
      try {
        await this.#arrangeOnce();
        this.#isStoreFailing = false;
      } catch (caught) {
        await this.#notArranged(RegistryError.from(caught));
        return;
      }
    } while (this.#arrangeAgain && !this.#isOver);
  }

  async #arrangeOnce(): Promise<void> {
    const dataNodes = this.#membership.members().filter((member) => member.role === Role.Data);
    if (this.#isOver || dataNodes.length === 0 || !this.#isSettled() || this.#isGathering()) return;
    const back = dataNodes.map((member) => member.peer).filter((peer) => this.#restarted.has(peer) && !this.#awaited.has(peer));
    const next = this.#arranger.arrange(this.#table, new Set(back), this.#parts.host.clock.monotonicMs());
    const isNew = next !== this.#table;
    if (isNew) await this.#parts.storedTable.save(next, fenceOf(this.#parts.term));
    if (this.#isOver) return;
    for (const peer of back) this.#restarted.delete(peer);
    if (isNew) this.#take(next);
    else if (back.length > 0) this.#announce(undefined);
  }

  /** A first table that is made for the first Data node alone would have to be moved to the others slot by slot. */
  #isGathering(): boolean {
    const { config, host } = this.#parts;
    if (this.#table.slots.length > 0) return false;
    const nowMs = host.clock.monotonicMs();
    this.#firstDataAtMs ??= nowMs;
    const isOver = nowMs - this.#firstDataAtMs >= (config.gatherMs ?? 0);
    if (!isOver) this.#nextTickMs = nowMs;
    return !isOver;
  }

  #take(table: SlotTable): void {
    this.#table = table;
    this.#parts.host.log.info('slot table changed', { epoch: table.epoch });
    this.#announce(undefined);
  }

  async #notArranged(error: RegistryError): Promise<void> {
    const { host, storedTable, deposed } = this.#parts;
    this.#isStoreFailing = error.code === RegistryErrorCode.StoreUnavailable;
    if (error.code === RegistryErrorCode.NotLeader) deposed();
    else host.log.error('the slot table could not be changed; the last one stays in force', { reason: error.message });
    if (error.code !== RegistryErrorCode.Conflict || this.#isOver) return;
    try {
      // A commit of this term whose answer was lost for good, and that was done: the stored table is the one in force.
      const stored = await storedTable.load();
      if (stored.epoch > this.#table.epoch) this.#take(stored);
    } catch (caught) {
      host.log.warn('the stored slot table cannot be read', { reason: RegistryError.from(caught).message });
    }
  }

  /**
   * A Meta that has just come to lead must not take silence for absence: it knows the members of before, and waits one heartbeat for
   * those that the list lacks.
   */
  #isSettled(): boolean {
    const { host, config } = this.#parts;
    return this.#awaited.size === 0 || host.clock.monotonicMs() - this.#beganAtMs >= config.heartbeatMs;
  }

  async #saveMembers(): Promise<void> {
    this.#saveAgain = true;
    this.#saving ??= this.#saveUntilDone().finally(() => {
      this.#saving = undefined;
    });
    await this.#saving;
  }

  async #saveUntilDone(): Promise<void> {
    const { host, term, storedMembers, deposed } = this.#parts;
    while (this.#saveAgain && !this.#isOver) {
      this.#saveAgain = false;
      try {
        await storedMembers.save(this.members(), fenceOf(term));
      } catch (caught) {
        const error = RegistryError.from(caught);
        if (error.code === RegistryErrorCode.NotLeader) deposed();
        // It only matters to the next term, and every tick tries again.
        host.log.debug('the members could not be stored', { reason: error.message });
        return;
      }
    }
  }

  /** A node that serves its slots, or follows whole, at their present epochs has lived on while nobody led. */
  #holdsItsSlots(request: HeartbeatRequest): boolean {
    const { slots } = this.#table;
    const leads = slots.some((slot) => slot.leader === request.member.peer);
    return request.slots.some((slot) => {
      const isWhole = leads ? slot.serving : slot.synced;
      return isWhole && slots[slot.slotId]?.leaderEpoch === slot.leaderEpoch;
    });
  }

  #announce(except: PeerId | undefined): void {
    if (this.#isOver) return;
    const frame = encodeTableChanged({ tableEpoch: this.#table.epoch, membersEpoch: this.#membership.epoch });
    for (const { peer, role } of this.members()) {
      if (peer !== except && role !== Role.Meta) this.#parts.host.peers.send(peer, frame);
    }
  }
}

function unknownDataNode(peer: PeerId): Member {
  return { peer, role: Role.Data, processId: '' as ProcessId, address: '', zone: '' };
}
