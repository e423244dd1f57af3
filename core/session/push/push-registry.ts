import type { FoldedId } from '../../model/data-info-id.ts';
import type { DatumVersion } from '../../model/datum-version.ts';
import type { RoleHost } from '../../seams/host.ts';
import { AckDeadlines } from './ack-deadlines.ts';
import type { PushGroup } from './push-group.ts';

/** Connections handled in one turn before others get theirs. */
const GROUPS_PER_TURN = 128;
const REPAIR_EVERY_MS = 5_000;

/** All push groups of a Session by name: hands a changed name to its groups in slices, and repairs laggards now and then. */
export class PushRegistry {
  readonly deadlines: AckDeadlines;
  readonly #host: RoleHost;
  readonly #byName = new Map<FoldedId, Set<PushGroup>>();
  #stopped = false;

  constructor(host: RoleHost) {
    this.#host = host;
    this.deadlines = new AckDeadlines(host.clock);
    this.#scheduleRepair();
  }

  get groupCount(): number {
    let count = 0;
    for (const groups of this.#byName.values()) count += groups.size;
    return count;
  }

  /** True when it is the first of its name. */
  add(group: PushGroup): boolean {
    const groups = this.#byName.get(group.foldedId);
    if (groups !== undefined) {
      groups.add(group);
      return false;
    }
    this.#byName.set(group.foldedId, new Set([group]));
    return true;
  }

  /** True when it was the last of its name. */
  remove(group: PushGroup): boolean {
    const groups = this.#byName.get(group.foldedId);
    if (groups === undefined || !groups.delete(group) || groups.size > 0) return false;
    this.#byName.delete(group.foldedId);
    return true;
  }

  advance(foldedId: FoldedId): void {
    this.#inSlices([...(this.#byName.get(foldedId) ?? [])], (group) => group.advance());
  }

  advanceAll(): void {
    for (const groups of this.#byName.values()) this.#inSlices([...groups], (group) => group.advance());
  }

  sentVersion(foldedId: FoldedId): DatumVersion {
    let greatest = 0n;
    for (const group of this.#byName.get(foldedId) ?? []) if (group.sentVersion > greatest) greatest = group.sentVersion;
    return greatest;
  }

  names(): IterableIterator<FoldedId> {
    return this.#byName.keys();
  }

  stop(): void {
    this.#stopped = true;
  }

  #inSlices(groups: readonly PushGroup[], run: (group: PushGroup) => void, start = 0): void {
    const end = Math.min(groups.length, start + GROUPS_PER_TURN);
    for (let index = start; index < end; index += 1) run(groups[index] as PushGroup);
    if (end < groups.length && !this.#stopped) this.#host.clock.soon(() => this.#inSlices(groups, run, end));
  }

  #scheduleRepair(): void {
    this.#host.clock.schedule(REPAIR_EVERY_MS, () => {
      if (this.#stopped) return;
      for (const groups of this.#byName.values()) this.#inSlices([...groups], (group) => group.repair());
      this.#scheduleRepair();
    });
  }
}
