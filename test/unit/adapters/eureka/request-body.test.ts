import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { EurekaRequestError, UNPARSABLE } from '../../../../adapters/eureka/codec/errors.ts';
import { EUREKA_LIMITS } from '../../../../adapters/eureka/limits.ts';
import { BodyBudget, InflationQueue, readRequestBody, withRequestBody } from '../../../../adapters/eureka/request-body.ts';
import { eventually } from '../../../support/eventually.ts';

const LIMIT = EUREKA_LIMITS.bodyBytes;

interface Upload {
  readonly chunks: Iterable<Buffer>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request without a socket: its headers and a stream of its body. */
function requestOf({ chunks, headers = {} }: Upload): IncomingMessage {
  return Object.assign(Readable.from(chunks), { headers }) as unknown as IncomingMessage;
}

async function refusalOf(upload: Upload): Promise<EurekaRequestError> {
  const caught: unknown = await readRequestBody(requestOf(upload)).then(
    () => new Error('nothing was refused'),
    (error: unknown) => error,
  );
  if (caught instanceof EurekaRequestError) return caught;
  throw caught;
}

const GZIP = { 'content-encoding': 'gzip' };

describe('a request body', () => {
  it.each<[string, Upload, string]>([
    ['nothing', { chunks: [] }, ''],
    ['one piece', { chunks: [Buffer.from('{"a":1}')] }, '{"a":1}'],
    ['a letter that two pieces share', { chunks: [Buffer.from([0x22, 0xe4, 0xb8]), Buffer.from([0xad, 0x22])] }, '"中"'],
    ['a byte order mark, which the parser knows', { chunks: [Buffer.from('\ufeff{}')] }, '\ufeff{}'],
    ['gzip', { chunks: [gzipSync('{"a":"中"}')], headers: GZIP }, '{"a":"中"}'],
    ['gzip in another case', { chunks: [gzipSync('{}')], headers: { 'content-encoding': 'GZIP' } }, '{}'],
    ['gzip in pieces of one byte', { chunks: [...gzipSync('{}')].map((byte) => Buffer.from([byte])), headers: GZIP }, '{}'],
    ['gzip of nothing', { chunks: [gzipSync('')], headers: GZIP }, ''],
  ])('is read: %s', async (_name, upload, expected) => {
    expect(await readRequestBody(requestOf(upload))).toBe(expected);
  });

  it.each<[string, Upload]>([
    ['bytes that are no UTF-8', { chunks: [Buffer.from([0x7b, 0xff, 0xfe])] }],
    ['half a letter', { chunks: [Buffer.from([0xe4, 0xb8])] }],
    ['a surrogate in UTF-8', { chunks: [Buffer.from([0xed, 0xa0, 0x80])] }],
    ['what is not gzip although it says so', { chunks: [Buffer.from('{"a":1}')], headers: GZIP }],
    ['nothing, although it says gzip', { chunks: [], headers: GZIP }],
    ['half of a gzip', { chunks: [gzipSync('{"a":1}').subarray(0, 15)], headers: GZIP }],
    ['gzip with a wrong checksum', { chunks: [damaged(gzipSync('{"a":1}'))], headers: GZIP }],
    ['gzip that nobody announced', { chunks: [gzipSync('{"a":1}')] }],
    ['gzip of bytes that are no UTF-8', { chunks: [gzipSync(Buffer.from([0xff]))], headers: GZIP }],
  ])('is refused as broken: %s', async (_name, upload) => {
    const refused = await refusalOf(upload);
    expect([refused.status, refused.message]).toEqual([400, UNPARSABLE]);
  });

  it('may be as large as the limit, plain or inflated', async () => {
    expect(await readRequestBody(requestOf({ chunks: [Buffer.alloc(LIMIT, 0x61)] }))).toHaveLength(LIMIT);
    expect(await readRequestBody(requestOf({ chunks: [gzipSync(Buffer.alloc(LIMIT, 0x61))], headers: GZIP }))).toHaveLength(LIMIT);
  });

  it.each<[string, Upload]>([
    ['in one piece', { chunks: [Buffer.alloc(LIMIT + 1, 0x61)] }],
    ['in the last of many pieces', { chunks: [...Array.from({ length: 16 }, () => Buffer.alloc(LIMIT / 16)), Buffer.alloc(1)] }],
    ['although it announced less', { chunks: [Buffer.alloc(LIMIT + 1)], headers: { 'content-length': '5' } }],
    ['once it is inflated', { chunks: [gzipSync(Buffer.alloc(LIMIT + 1, 0x61))], headers: GZIP }],
    ['once it is inflated a thousandfold', { chunks: [gzipSync(Buffer.alloc(200 * LIMIT))], headers: GZIP }],
  ])('is refused as too large %s', async (_name, upload) => {
    const refused = await refusalOf(upload);
    expect(refused.status).toBe(413);
    expect(refused.message).toContain(String(LIMIT));
  });

  it('is refused by what it announces before a byte of it is read', async () => {
    let isRead = false;
    function* chunks(): Iterable<Buffer> {
      isRead = true;
      yield Buffer.from('x');
    }
    const refused = await refusalOf({ chunks: chunks(), headers: { 'content-length': String(LIMIT + 1) } });
    expect(refused.status).toBe(413);
    expect(isRead).toBe(false);
  });

  it('is not read on beyond the limit, however much the client sends', async () => {
    let pieces = 0;
    function* endless(): Iterable<Buffer> {
      for (;;) {
        pieces += 1;
        yield Buffer.alloc(64 * 1024);
      }
    }
    expect((await refusalOf({ chunks: endless() })).status).toBe(413);
    // What the stream had read ahead comes on top of the pieces that reached the limit.
    expect(pieces).toBeLessThan(64);
  });
});

function damaged(gzip: Buffer): Buffer {
  const copy = Buffer.from(gzip);
  copy[copy.length - 5] = (copy[copy.length - 5] ?? 0) ^ 0xff;
  return copy;
}

describe('the budget of all bodies', () => {
  it('is given back when the work is done or has failed, and refuses what is beyond it', async () => {
    const budget = new BodyBudget(10);
    const request = () => requestOf({ chunks: [Buffer.from('123456')] });
    const nested = withRequestBody(request(), budget, 100, async (body) => {
      expect([body, budget.usedBytes]).toEqual(['123456', 6]);
      await expect(withRequestBody(request(), budget, 100, async () => undefined)).rejects.toMatchObject({ status: 503 });
      expect(budget.usedBytes).toBe(6);
      throw new Error('the work failed');
    });
    await expect(nested).rejects.toThrow('the work failed');
    expect(budget.usedBytes).toBe(0);
  });
});

describe('the queue of inflations', () => {
  it('runs so many at a time, in their order, and a failed one makes room as well', async () => {
    const queue = new InflationQueue(2);
    const started: number[] = [];
    const ends: ((failure?: Error) => void)[] = [];
    const runs = [0, 1, 2, 3].map((id) =>
      queue.run(
        () =>
          new Promise<number>((resolve, reject) => {
            started.push(id);
            ends[id] = (failure) => (failure === undefined ? resolve(id) : reject(failure));
          }),
      ),
    );
    const outcomes = Promise.allSettled(runs);
    expect(started).toEqual([0, 1]);
    ends[1]?.(new Error('broken'));
    await eventually(() => expect(started).toEqual([0, 1, 2]));
    ends[0]?.();
    await eventually(() => expect(started).toEqual([0, 1, 2, 3]));
    ends[2]?.();
    ends[3]?.();
    expect((await outcomes).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
  });
});

describe('the inflated bytes', () => {
  it('count in the budget while they come, so that one refused by it is not inflated to its end', async () => {
    const budget = new BodyBudget(100_000);
    const request = requestOf({ chunks: [gzipSync(Buffer.alloc(LIMIT, 0x61))], headers: GZIP });
    await expect(withRequestBody(request, budget, LIMIT, async () => undefined)).rejects.toMatchObject({ status: 503 });
    expect(budget.usedBytes).toBe(0);
  });
});
