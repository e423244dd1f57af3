import type { FoldedId } from '../model/data-info-id.ts';
import type { Slot } from '../model/slot-table.ts';
import { slotOf } from '../slot/slot-of.ts';
import type { MetaClient } from '../wire/meta-client.ts';
import type { SlotAddress } from '../wire/slot-head.ts';

/** Where a name lives now: the slot of the hash, its leader by the newest table. */
export class SlotRouter {
  readonly #meta: MetaClient;
  readonly slotCount: number;

  constructor(meta: MetaClient, slotCount: number) {
    this.#meta = meta;
    this.slotCount = slotCount;
  }

  slotOf(foldedId: FoldedId): number {
    return slotOf(foldedId, this.slotCount);
  }

  /** undefined until Meta has assigned the slot. */
  slot(slotId: number): Slot | undefined {
    return this.#meta.table.slots[slotId];
  }

  address(slot: Slot): SlotAddress {
    return { slotId: slot.slotId, tableEpoch: this.#meta.table.epoch, leaderEpoch: slot.leaderEpoch };
  }

  /** The answer says that the table is old, or that a leader is not there: ask Meta again. */
  refresh(): void {
    this.#meta.refresh();
  }
}
