/** One running lease. `holder` is whatever the table's owner wants back when it expires. */
export interface Lease<Holder> {
  readonly holder: Holder;
  readonly durationMs: number;
  /** In the table's own time, which stands still while the process does. */
  dueMs: number;
  isLive: boolean;
}

/** Fewer released leases than this are not worth the work. */
const DEAD_LEAST = 1_024;

/**
 * Leases with O(1) renewal: a renewal only moves the due time; a heap holds each lease once, at a due time that may be out
 * of date, and a popped lease that was renewed goes back. Pure: time is an argument, in monotonic milliseconds.
 */
export class LeaseTable<Holder> {
  #heap: { readonly lease: Lease<Holder>; readonly atMs: number }[] = [];
  /** Time the process slept; added to every due time at once by subtracting it from the clock. */
  #forgivenMs = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  grant(holder: Holder, durationMs: number, nowMs: number): Lease<Holder> {
    const lease = { holder, durationMs, dueMs: nowMs - this.#forgivenMs + durationMs, isLive: true };
    this.#push(lease);
    this.#size += 1;
    if (this.#heap.length > 2 * this.#size + DEAD_LEAST) this.#forgetDead();
    return lease;
  }

  /** Runs again for its whole duration. */
  renew(lease: Lease<Holder>, nowMs: number): void {
    lease.dueMs = nowMs - this.#forgivenMs + lease.durationMs;
  }

  /** Until it is due; negative when it is overdue. */
  remainingMs(lease: Lease<Holder>, nowMs: number): number {
    return lease.dueMs - (nowMs - this.#forgivenMs);
  }

  /** Ends a lease without expiring it; twice is harmless. */
  release(lease: Lease<Holder>): void {
    if (!lease.isLive) return;
    lease.isLive = false;
    this.#size -= 1;
  }

  /** Nothing could be renewed for this long, so nothing is late: every lease gains it. */
  forgive(stallMs: number): void {
    this.#forgivenMs += stallMs;
  }

  /** Leases that are due, earliest first. They stay in the table until released; a renewed one is not reported again before it is due again. */
  takeDue(nowMs: number): Lease<Holder>[] {
    const tableMs = nowMs - this.#forgivenMs;
    const due: Lease<Holder>[] = [];
    for (let top = this.#heap[0]; top !== undefined && top.atMs <= tableMs; top = this.#heap[0]) {
      this.#pop();
      if (!top.lease.isLive) continue;
      if (top.lease.dueMs <= tableMs) due.push(top.lease);
      else this.#push(top.lease);
    }
    return due;
  }

  /** Entries of the heap, those of released leases included. */
  get entries(): number {
    return this.#heap.length;
  }

  /** Every live lease that is in the table, in no order; not the due ones that were taken out and not put back. */
  *waiting(): Iterable<Lease<Holder>> {
    for (const { lease } of this.#heap) if (lease.isLive) yield lease;
  }

  /** Puts back a due lease that is held for now: it is due again at `againMs` from now unless renewed. */
  postpone(lease: Lease<Holder>, againMs: number, nowMs: number): void {
    lease.dueMs = nowMs - this.#forgivenMs + againMs;
    this.#push(lease);
  }

  /** Monotonic time of the earliest moment something may be due; undefined when the table is empty. */
  nextDueMs(): number | undefined {
    const top = this.#heap[0];
    return top === undefined ? undefined : top.atMs + this.#forgivenMs;
  }

  /** Released leases stay in the heap until they would be due; one that is granted anew again and again must not pile them up. */
  #forgetDead(): void {
    // A sorted list is a heap.
    this.#heap = this.#heap.filter(({ lease }) => lease.isLive).sort((a, b) => a.atMs - b.atMs);
  }

  #push(lease: Lease<Holder>): void {
    const heap = this.#heap;
    const item = { lease, atMs: lease.dueMs };
    let index = heap.length;
    heap.push(item);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || above.atMs <= item.atMs) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = item;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      const left = heap[child];
      if (left === undefined) break;
      const right = heap[child + 1];
      if (right !== undefined && right.atMs < left.atMs) child += 1;
      const least = heap[child];
      if (least === undefined || least.atMs >= last.atMs) break;
      heap[index] = least;
      index = child;
    }
    heap[index] = last;
  }
}
