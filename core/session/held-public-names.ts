import type { FoldedId } from '../model/data-info-id.ts';
import type { Clock, Timer } from '../seams/clock.ts';

/**
 * Longest wait of readers of everything. SOFA clients that found no server rest 5 s and try once more, then rest again; what is missing
 * after three such rounds must not keep everything else from being read.
 */
const WAIT_MOST_MS = 30_000;
const ASK_EVERY_MS = 250;

interface HeldName {
  readonly slotId: number;
  readonly untilMs: number;
}

export interface HeldPublicNamesOptions {
  readonly clock: Clock;
  /** What the leader of a slot still holds; undefined when it cannot be asked now. What it knew of all other names has been applied. */
  readonly stillHeld: (slotId: number) => Promise<ReadonlySet<FoldedId> | undefined>;
}

/**
 * Public names that are held after a restart, as far as a reader of everything has met them: what it shows of them is shorter than what
 * its own readers hold of the time before. They are asked after until they are released.
 */
export class HeldPublicNames {
  readonly #options: HeldPublicNamesOptions;
  readonly #names = new Map<FoldedId, HeldName>();
  #timer: Timer | undefined;
  #waiters: (() => void)[] = [];

  constructor(options: HeldPublicNamesOptions) {
    this.#options = options;
  }

  get isEmpty(): boolean {
    return this.#names.size === 0;
  }

  add(slotId: number, names: readonly FoldedId[]): void {
    const untilMs = this.#options.clock.monotonicMs() + WAIT_MOST_MS;
    for (const name of names) if (!this.#names.has(name)) this.#names.set(name, { slotId, untilMs });
    this.#askLater();
  }

  async whenEmpty(): Promise<void> {
    if (!this.isEmpty) await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  clear(): void {
    this.#names.clear();
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#wake();
  }

  #askLater(): void {
    if (this.isEmpty || this.#timer !== undefined) return;
    this.#timer = this.#options.clock.schedule(ASK_EVERY_MS, () => void this.#ask());
  }

  async #ask(): Promise<void> {
    const nowMs = this.#options.clock.monotonicMs();
    const bySlot = new Map<number, FoldedId[]>();
    for (const [name, { slotId, untilMs }] of this.#names) {
      if (untilMs <= nowMs) this.#names.delete(name);
      else (bySlot.get(slotId) ?? startList(bySlot, slotId)).push(name);
    }
    const timer = this.#timer;
    await Promise.all(
      [...bySlot].map(async ([slotId, names]) => {
        const held = await this.#options.stillHeld(slotId);
        if (held !== undefined) for (const name of names) if (!held.has(name)) this.#names.delete(name);
      }),
    );
    // Cleared meanwhile: whoever added names since has a timer of its own.
    if (this.#timer !== timer) return;
    this.#timer = undefined;
    if (this.isEmpty) this.#wake();
    else this.#askLater();
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }
}

function startList(lists: Map<number, FoldedId[]>, slotId: number): FoldedId[] {
  const list: FoldedId[] = [];
  lists.set(slotId, list);
  return list;
}
