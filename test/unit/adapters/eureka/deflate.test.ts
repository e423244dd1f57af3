import { inflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { createDeflate } from '../../../../adapters/eureka/deflate.ts';
import { CHUNK_BYTES } from '../../../../adapters/eureka/documents/chunks.ts';

/** A piece ended by an empty last block, as a document ends it. */
const inflated = (piece: Buffer) => inflateRawSync(Buffer.concat([piece, Buffer.from([3, 0])]));

/** A deflate whose turns end when the test says so. */
function turns() {
  let end: () => void = () => undefined;
  const deflate = createDeflate({
    soon: (run) => {
      end = run;
    },
  });
  return { deflate, end: () => end() };
}

describe('a piece of a document', () => {
  it('is compressed at once when it is the first of its turn, and others of that turn elsewhere', async () => {
    const { deflate, end } = turns();
    const body = Buffer.alloc(CHUNK_BYTES, 'isthmus');
    const first = deflate(body);
    const second = deflate(body);
    expect(first).toBeInstanceOf(Buffer);
    expect(second).toBeInstanceOf(Promise);
    expect((await second).equals(await first)).toBe(true);
    expect(inflated(await first).equals(body)).toBe(true);
    end();
    expect(deflate(body)).toBeInstanceOf(Buffer);
  });

  it('goes elsewhere when it is larger than a chunk can be', async () => {
    const { deflate } = turns();
    const body = Buffer.alloc(2 * CHUNK_BYTES + 1, 'isthmus');
    const large = deflate(body);
    expect(large).toBeInstanceOf(Promise);
    expect(inflated(await large).equals(body)).toBe(true);
    expect(deflate(body.subarray(1))).toBeInstanceOf(Buffer);
  });
});
