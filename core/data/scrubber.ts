import { payloadBytes } from '../model/stored-publisher.ts';
import type { SlotReplica } from './slot-replica.ts';
import type { PublisherRecord } from './stored-datum.ts';

/**
 * Per run, once a second: 4 MiB take about 8 ms of the processor, which is also how long everything else waits. A node with 200,000
 * publishers of 190 bytes, or 40 MB, is through in ten seconds.
 */
const RECORDS_PER_RUN_MOST = 20_000;
const BYTES_PER_RUN = 4 * 1024 * 1024;
/** A node that holds less than ten seconds' reading spreads it over so many runs: a flip is found in time, and reading more often would be in vain. */
const RUNS_PER_PASS = 8;
/** Too few to be worth spreading. */
const RECORDS_PER_RUN_LEAST = 1_000;

/**
 * Reads what this node holds again and again, a bounded piece with each run, and tells of records that are not any more what was
 * stored: memory that decayed, or code that wrote where it should not. Digests alone do not see that, because they are kept up by
 * changes and not by what lies in memory.
 */
export class Scrubber {
  readonly #replicas: () => Iterable<SlotReplica>;
  readonly #found: (replica: SlotReplica, record: PublisherRecord) => void;
  #rest: Iterator<{ readonly replica: SlotReplica; readonly record: PublisherRecord }> | undefined;

  constructor(replicas: () => Iterable<SlotReplica>, found: (replica: SlotReplica, record: PublisherRecord) => void) {
    this.#replicas = replicas;
    this.#found = found;
  }

  /** Reads the next piece; after the last one begins anew with the next run. */
  run(): void {
    this.#rest ??= recordsOf(this.#replicas());
    const records = this.#recordsPerRun();
    let bytes = 0;
    for (let count = 0; count < records && bytes < BYTES_PER_RUN; count += 1) {
      const next = this.#rest.next();
      if (next.done === true) {
        this.#rest = undefined;
        return;
      }
      const { replica, record } = next.value;
      bytes += payloadBytes(record.publisher);
      if (!record.isFlipped && !replica.store.verify(record)) this.#found(replica, record);
    }
  }

  #recordsPerRun(): number {
    let held = 0;
    for (const { store } of this.#replicas()) held += store.publisherCount;
    return Math.min(Math.max(Math.ceil(held / RUNS_PER_PASS), RECORDS_PER_RUN_LEAST), RECORDS_PER_RUN_MOST);
  }
}

function* recordsOf(replicas: Iterable<SlotReplica>) {
  for (const replica of replicas) for (const record of replica.store.records()) yield { replica, record };
}
