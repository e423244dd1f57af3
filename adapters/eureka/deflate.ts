import { promisify } from 'node:util';
import { deflateRaw, deflateRawSync } from 'node:zlib';
import type { Clock } from '../../core/index.ts';
import { CHUNK_BYTES } from './documents/chunks.ts';
import { CONTINUED_DEFLATE, type Deflate } from './documents/deflated.ts';

/** The largest chunk that a change makes, and half a millisecond. */
const AT_ONCE_MOST_BYTES = 2 * CHUNK_BYTES;
const compress = promisify(deflateRaw);

/**
 * Compresses the first piece of a turn at once: it is all that a change leaves to compress, and the way to another thread and back costs
 * as much again as the work (measured: 0.24 ms for a chunk). What else comes in the same turn goes to the thread pool.
 */
export function createDeflate(clock: Pick<Clock, 'soon'>): Deflate {
  let isTaken = false;
  return (body) => {
    if (isTaken || body.length > AT_ONCE_MOST_BYTES) return compress(body, CONTINUED_DEFLATE);
    isTaken = true;
    clock.soon(() => {
      isTaken = false;
    });
    return deflateRawSync(body, CONTINUED_DEFLATE);
  };
}
