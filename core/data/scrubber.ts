import { payloadBytes } from '../model/stored-publisher.ts';
import type { SlotReplica } from './slot-replica.ts';
import type { PublisherRecord } from './stored-datum.ts';

/**
 * Per run, once a second: 4 MiB take about 8 ms of the processor, which is also how long everything else waits. A node with 200,000
 * publishers of 190 bytes, or 40 MB, is through in ten seconds.
 */
const RECORDS_PER_RUN = 20_000;
const BYTES_PER_RUN = 4 * 1024 * 1024;

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
    let bytes = 0;
    for (let count = 0; count < RECORDS_PER_RUN && bytes < BYTES_PER_RUN; count += 1) {
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
}

function* recordsOf(replicas: Iterable<SlotReplica>) {
  for (const replica of replicas) for (const record of replica.store.records()) yield { replica, record };
}
