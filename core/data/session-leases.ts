import type { Member, ProcessId } from '../model/node.ts';

/**
 * Signs of life of Session processes at one Data node. A process is dead when nothing was heard of it for the lease and Meta
 * does not list it: only then are its connection publishers removed. Pure: time is an argument.
 */
export class SessionLeases {
  readonly #lastHeardMs = new Map<ProcessId, number>();
  readonly #leaseMs: number;

  constructor(leaseMs: number) {
    this.#leaseMs = leaseMs;
  }

  heard(processId: ProcessId, nowMs: number): void {
    this.#lastHeardMs.set(processId, nowMs);
  }

  /** This node slept: nobody could be heard. */
  forgive(stallMs: number): void {
    for (const [processId, atMs] of this.#lastHeardMs) this.#lastHeardMs.set(processId, atMs + stallMs);
  }

  /** Forgets and names the dead. Owners that were never heard are given a lease from the first time they are asked about. */
  takeDead(owners: Iterable<ProcessId>, members: readonly Member[], nowMs: number): readonly ProcessId[] {
    const listed = new Set(members.map((member) => member.processId));
    for (const owner of owners) if (!this.#lastHeardMs.has(owner)) this.#lastHeardMs.set(owner, nowMs);
    const dead: ProcessId[] = [];
    for (const [processId, atMs] of this.#lastHeardMs) {
      if (nowMs - atMs <= this.#leaseMs || listed.has(processId)) continue;
      this.#lastHeardMs.delete(processId);
      dead.push(processId);
    }
    return dead;
  }
}
