import type { FoldedId } from '../model/data-info-id.ts';
import type { PeerId, ProcessId } from '../model/node.ts';
import type { NoticedChange } from '../wire/slot-read.ts';

interface SessionInterest {
  readonly processId: ProcessId;
  readonly names: Set<FoldedId>;
  isWhole: boolean;
  /** Number of the last notice sent. */
  noticeSequence: number;
  /** What the next notice will say, newest version per name. */
  pending: Map<FoldedId, NoticedChange>;
}

/** Which Sessions want to hear of which names of one slot. Only they are notified. */
export class SlotInterest {
  readonly #sessions = new Map<PeerId, SessionInterest>();
  readonly #byName = new Map<FoldedId, Set<PeerId>>();

  /** Returns the number of the last notice sent to this Session. */
  announce(
    session: PeerId,
    processId: ProcessId,
    change: { readonly reset: boolean; readonly isWhole: boolean; readonly add: readonly FoldedId[]; readonly remove: readonly FoldedId[] },
  ): number {
    let interest = this.#sessions.get(session);
    if (interest === undefined || interest.processId !== processId || change.reset) {
      const noticeSequence = interest?.noticeSequence ?? 0;
      this.forget(session);
      interest = { processId, names: new Set(), isWhole: false, noticeSequence, pending: new Map() };
      this.#sessions.set(session, interest);
    }
    interest.isWhole = change.isWhole;
    for (const name of change.add) this.#add(session, interest, name);
    for (const name of change.remove) this.#remove(session, interest, name);
    return interest.noticeSequence;
  }

  forget(session: PeerId): void {
    const interest = this.#sessions.get(session);
    if (interest === undefined) return;
    for (const name of interest.names) this.#byName.get(name)?.delete(session);
    this.#sessions.delete(session);
  }

  /** Collects a change for every Session that wants it. True when there is any. */
  changed(change: NoticedChange): boolean {
    const sessions = this.#byName.get(change.foldedId);
    if (sessions === undefined || sessions.size === 0) return false;
    for (const session of sessions) {
      const pending = this.#sessions.get(session)?.pending;
      const earlier = pending?.get(change.foldedId);
      // The earliest acceptance is kept, so that the measured delay is that of the change that waited longest.
      pending?.set(
        change.foldedId,
        earlier === undefined ? change : { ...change, acceptedAtMs: earlier.acceptedAtMs || change.acceptedAtMs },
      );
    }
    return true;
  }

  /** Hands out what has collected, as numbered notices per Session. */
  takeNotices(): readonly {
    readonly session: PeerId;
    readonly previous: number;
    readonly sequence: number;
    readonly changes: readonly NoticedChange[];
  }[] {
    const notices = [];
    for (const [session, interest] of this.#sessions) {
      if (interest.pending.size === 0) continue;
      const changes = [...interest.pending.values()];
      interest.pending = new Map();
      const previous = interest.noticeSequence;
      interest.noticeSequence += 1;
      notices.push({ session, previous, sequence: interest.noticeSequence, changes });
    }
    return notices;
  }

  /** The last notice number sent to a Session process; undefined when it has announced nothing here. */
  noticeSequence(session: PeerId, processId: ProcessId): number | undefined {
    const interest = this.#sessions.get(session);
    return interest?.processId === processId ? interest.noticeSequence : undefined;
  }

  /** Sessions that read the whole slot. */
  wholeReaders(): readonly PeerId[] {
    return [...this.#sessions].filter(([, interest]) => interest.isWhole).map(([session]) => session);
  }

  #add(session: PeerId, interest: SessionInterest, name: FoldedId): void {
    interest.names.add(name);
    const sessions = this.#byName.get(name);
    if (sessions === undefined) this.#byName.set(name, new Set([session]));
    else sessions.add(session);
  }

  #remove(session: PeerId, interest: SessionInterest, name: FoldedId): void {
    interest.names.delete(name);
    const sessions = this.#byName.get(name);
    sessions?.delete(session);
    if (sessions?.size === 0) this.#byName.delete(name);
  }
}
