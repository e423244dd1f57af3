import { type Member, type PeerId, Role } from '../model/node.ts';
import type { HeartbeatRequest, SlotReport } from '../wire/heartbeat.ts';
import type { SessionLoad } from '../wire/session-loads.ts';

interface Entry {
  readonly member: Member;
  readonly leaseMs: number;
  readonly lastBeatMs: number;
  /** undefined until it has been heard. */
  readonly load: number | undefined;
  /** Of the table it held when it sent its reports. */
  readonly tableEpoch: number;
  readonly slots: ReadonlyMap<number, SlotReport>;
  readonly broken: ReadonlySet<PeerId>;
}

/** More changes of the member list than one Meta sees; term numbers of etcd stay below 2^33, so the product is exact. */
const EPOCHS_PER_TERM = 2 ** 20;

/** A member that was heard within so many heartbeats is taken for what it last said it is. */
const BEATS_HEARD_LATELY = 2;
/** Heartbeats a member must have missed before broken links that a majority of the others reports are believed. */
const BEATS_MISSED_FOR_EVIDENCE = 3;
/** The same when there are several others and all of them report it. A stall of two seconds breaks no link. */
const BEATS_MISSED_WHEN_UNANIMOUS = 2;

/**
 * Who is in the cluster, by heartbeat leases on the monotonic clock. A decision class over values: time is an argument.
 * A member is gone when its lease ran out, when it said goodbye (lease 0), or, for a peer that several others lost, as soon
 * as a majority of those who must have a link to it report it broken and it missed three beats, or all of them, confirmed, and it missed two.
 * Of a Session at least two must report it.
 */
export class Membership {
  readonly #entries = new Map<PeerId, Entry>();
  readonly #heartbeatMs: number;
  #epoch: number;

  /**
   * Each term counts its epochs above those of all terms before, so that an old list is never taken for the present one. `after`: the last
   * epoch of a list that this Meta made before, perhaps in the same term, when it had doubted that it still led.
   */
  constructor(heartbeatMs: number, term: number, after: number) {
    this.#heartbeatMs = heartbeatMs;
    this.#epoch = Math.max(term * EPOCHS_PER_TERM, after + 1);
  }

  /** Somebody who was a member before this Meta led: a member until its lease has run out here too. */
  remember(member: Member, leaseMs: number, nowMs: number): void {
    const unheard = { load: undefined, tableEpoch: 0, slots: new Map(), broken: new Set<PeerId>() };
    this.#entries.set(member.peer, { member, leaseMs, lastBeatMs: nowMs, ...unheard });
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** `joined`: new, or another incarnation (`restarted` then tells so). `left`: it said goodbye. */
  beat(request: HeartbeatRequest, nowMs: number): { joined: boolean; restarted: boolean; left: boolean } {
    const known = this.#entries.get(request.member.peer);
    if (request.leaseMs === 0) {
      // A goodbye of an earlier incarnation must not remove the one that runs now.
      const left = known?.member.processId === request.member.processId && this.#entries.delete(request.member.peer);
      if (left) this.#epoch += 1;
      return { joined: false, restarted: false, left };
    }
    const restarted = known !== undefined && known.member.processId !== request.member.processId;
    const joined = known === undefined || restarted;
    this.#entries.set(request.member.peer, {
      member: request.member,
      leaseMs: request.leaseMs,
      lastBeatMs: nowMs,
      load: request.load,
      tableEpoch: request.tableEpoch,
      slots: new Map(request.slots.map((slot) => [slot.slotId, slot])),
      broken: new Set(request.broken),
    });
    if (joined) this.#epoch += 1;
    return { joined, restarted, left: false };
  }

  /** Removes who is gone and names them. */
  evict(nowMs: number): readonly Member[] {
    const gone = [...this.#entries.values()].filter((entry) => this.#isGone(entry, nowMs)).map((entry) => entry.member);
    for (const member of gone) this.#entries.delete(member.peer);
    if (gone.length > 0) this.#epoch += 1;
    return gone;
  }

  /** Meta itself slept: nobody could be heard, so nobody is late. */
  forgive(stallMs: number): void {
    for (const [peer, entry] of this.#entries) this.#entries.set(peer, { ...entry, lastBeatMs: entry.lastBeatMs + stallMs });
  }

  /** Sorted by peer. */
  members(): readonly Member[] {
    return [...this.#entries.values()].map((entry) => entry.member).sort((a, b) => (a.peer < b.peer ? -1 : 1));
  }

  /** Of the Sessions that have been heard, sorted by peer. */
  sessionLoads(): readonly SessionLoad[] {
    const loads: SessionLoad[] = [];
    for (const { peer, role } of this.members()) {
      const connections = role === Role.Session ? this.#entries.get(peer)?.load : undefined;
      if (connections !== undefined) loads.push({ peer, connections });
    }
    return loads;
  }

  report(peer: PeerId, slotId: number): SlotReport | undefined {
    return this.#entries.get(peer)?.slots.get(slotId);
  }

  /** The last leader epoch under which a Data node held a slot whole; 0 when it never did, undefined when the node has not been heard. */
  wholeEpochOf(peer: PeerId, slotId: number): number | undefined {
    const entry = this.#entries.get(peer);
    if (entry?.load === undefined) return undefined;
    const report = entry.slots.get(slotId);
    return report !== undefined && (report.serving || report.synced) ? report.leaderEpoch : 0;
  }

  /** Whether a member's reports are of a moment ago; one that is not there is not heard. */
  isHeard(peer: PeerId, nowMs: number): boolean {
    const entry = this.#entries.get(peer);
    return entry !== undefined && this.#isHeard(entry, nowMs);
  }

  /** The table under which a member made its last reports; 0 when it is unknown. */
  tableEpochOf(peer: PeerId): number {
    return this.#entries.get(peer)?.tableEpoch ?? 0;
  }

  #isHeard(entry: Entry, nowMs: number): boolean {
    return nowMs - entry.lastBeatMs <= BEATS_HEARD_LATELY * this.#heartbeatMs;
  }

  #isGone(entry: Entry, nowMs: number): boolean {
    const silentMs = nowMs - entry.lastBeatMs;
    if (silentMs > entry.leaseMs) return true;
    if (entry.member.role === Role.Meta) return false;
    if (silentMs <= BEATS_MISSED_WHEN_UNANIMOUS * this.#heartbeatMs) return false;
    const others = [...this.#entries.values()].filter(
      (other) => other !== entry && other.member.role !== Role.Meta && this.#isHeard(other, nowMs),
    );
    // Every Session has a link to every Data node and back: they decide. Two of one role may have none, so what one of them does not report
    // says nothing, and what it reports confirms.
    const electors = others.filter((other) => other.member.role !== entry.member.role);
    const voters = electors.length > 0 ? electors : others;
    const reports = (other: Entry) => other.broken.has(entry.member.peer);
    const votes = voters.filter(reports).length;
    if (votes > 0 && votes === voters.length && others.filter(reports).length > 1) return true;
    // A Session that sleeps behind a link that was cut looks dead to the one Data node that is left, and a slot led anew would be served
    // without what its clients registered: of Sessions nothing is believed to a single witness.
    if (entry.member.role === Role.Session && votes < 2) return false;
    const isMajority = votes * 2 > voters.length;
    return isMajority && silentMs > BEATS_MISSED_FOR_EVIDENCE * this.#heartbeatMs;
  }
}
