import type { PeerId } from '../model/node.ts';
import type { SlotTable } from '../model/slot-table.ts';

/** Arrangements, about a second apart, in which a follower of a served slot must have taken its leader's log over. */
const PATIENCE = 60;
/** After so many it is given another chance. */
const FORGET_AFTER = 600;

/**
 * Notices followers that do not get whole although their slot is served: a link between two nodes that both reach Meta is broken, or a node
 * is too slow. Such a node is no place for a copy of that slot.
 */
export class FollowerWatch {
  /** Rounds since a node was first seen as a follower that is not whole, by slot and node. */
  readonly #rounds = new Map<string, number>();

  /** Call with every arrangement. */
  note(table: SlotTable, isServed: (slotId: number) => boolean, isSynced: (slotId: number, peer: PeerId) => boolean): void {
    for (const { slotId, followers } of table.slots) {
      const served = isServed(slotId);
      for (const peer of followers) {
        const key = keyOf(slotId, peer);
        if (isSynced(slotId, peer)) this.#rounds.delete(key);
        else if (served && !this.#rounds.has(key)) this.#rounds.set(key, 0);
        // While nobody can be followed nobody is late.
        else if (!served && !this.isUnfit(slotId, peer)) this.#rounds.delete(key);
      }
    }
    for (const [key, rounds] of this.#rounds) {
      if (rounds >= FORGET_AFTER) this.#rounds.delete(key);
      else this.#rounds.set(key, rounds + 1);
    }
  }

  isUnfit(slotId: number, peer: PeerId): boolean {
    return (this.#rounds.get(keyOf(slotId, peer)) ?? 0) > PATIENCE;
  }
}

function keyOf(slotId: number, peer: PeerId): string {
  return `${slotId} ${peer}`;
}
