import type { InstanceStatus } from './instance-info.ts';

/** Instances by effective status, and the hash clients compare with their own: `<STATUS>_<count>_` in ASCII order (Eureka protocol, hash). */
export class StatusCounts {
  readonly #counts = new Map<InstanceStatus, number>();

  add(status: InstanceStatus, change: 1 | -1): void {
    const count = (this.#counts.get(status) ?? 0) + change;
    if (count === 0) this.#counts.delete(status);
    else this.#counts.set(status, count);
  }

  hash(): string {
    return [...this.#counts]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([status, count]) => `${status}_${count}_`)
      .join('');
  }
}
