interface Line {
  running: number;
  readonly waiting: (() => void)[];
}

/** Lets a bounded number of tasks go on at the same time for each key; the others begin in the order in which they came. */
export class Turns<K> {
  readonly #most: number;
  readonly #lines = new Map<K, Line>();

  constructor(most: number) {
    this.#most = most;
  }

  /** Runs a task when it is its turn. Resolves or rejects as the task does, after which the next one begins. */
  async run<T>(key: K, task: () => Promise<T>): Promise<T> {
    const line = this.#lines.get(key) ?? { running: 0, waiting: [] };
    this.#lines.set(key, line);
    if (line.running >= this.#most) await new Promise<void>((resolve) => line.waiting.push(resolve));
    else line.running += 1;
    try {
      return await task();
    } finally {
      this.#end(key, line);
    }
  }

  /** Whoever waited longest takes over the place. */
  #end(key: K, line: Line): void {
    const next = line.waiting.shift();
    if (next !== undefined) {
      next();
      return;
    }
    line.running -= 1;
    if (line.running === 0) this.#lines.delete(key);
  }
}
