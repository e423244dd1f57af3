import { subscriberFrame } from '../../../bench/bolt/frames.ts';
import { LoadClient, type ReceivedList } from '../../../bench/bolt/load-client.ts';
import { eventually } from '../eventually.ts';

/** A bolt client that subscribes to names with a known number of publishers, each with a value of its own, and counts what it is pushed. */
export class ListReader {
  readonly client: LoadClient;
  readonly #seen: Seen;

  private constructor(client: LoadClient, seen: Seen) {
    this.client = client;
    this.#seen = seen;
  }

  /** `publishers`: how many each name has. */
  static async connect(port: number, publishers: number): Promise<ListReader> {
    const seen: Seen = { publishers, names: new Set(), whole: new Set(), partial: new Set(), shrunk: new Set() };
    return new ListReader(await LoadClient.connect(port, { onData: (list) => note(list, seen) }), seen);
  }

  /** Names of which some push lacked a publisher. */
  get partial(): ReadonlySet<string> {
    return this.#seen.partial;
  }

  /** Names of which a push lacked a publisher after one had lacked none. */
  get shrunk(): ReadonlySet<string> {
    return this.#seen.shrunk;
  }

  /** Resolves when all are answered, which may be before the first list. */
  async subscribe(names: readonly string[]): Promise<void> {
    for (const name of names) this.#seen.names.add(name);
    await Promise.all(names.map((name) => this.client.request(subscriberFrame(name))));
  }

  /** Names whose last list lacked somebody, or that were not pushed yet. */
  get lacking(): readonly string[] {
    return [...this.#seen.names].filter((name) => !this.#seen.whole.has(name));
  }

  async allWhole(deadlineMs: number): Promise<void> {
    await eventually(() => {
      const lacking = this.lacking;
      if (lacking.length > 0)
        throw new Error(`${lacking.length} names without all ${this.#seen.publishers} publishers, e.g. ${lacking[0]}`);
    }, deadlineMs);
  }

  close(): void {
    this.client.close();
  }
}

interface Seen {
  readonly publishers: number;
  readonly names: Set<string>;
  readonly whole: Set<string>;
  readonly partial: Set<string>;
  readonly shrunk: Set<string>;
}

function note({ dataId, values }: ReceivedList, { publishers, whole, partial, shrunk }: Seen): void {
  if (new Set(values).size === publishers && values.length === publishers) {
    whole.add(dataId);
    return;
  }
  partial.add(dataId);
  if (whole.delete(dataId)) shrunk.add(dataId);
}
