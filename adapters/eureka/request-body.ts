import type { IncomingMessage } from 'node:http';
import { createGunzip } from 'node:zlib';
import { EurekaRequestError, UNPARSABLE } from './codec/errors.ts';
import { EUREKA_LIMITS } from './limits.ts';

/** Bytes of bodies that are being read or worked on, over all requests: who comes when it is used up is told to come back. */
export class BodyBudget {
  readonly #mostBytes: number;
  #usedBytes = 0;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** @throws EurekaRequestError 503. */
  take(bytes: number): void {
    if (this.#usedBytes + bytes > this.#mostBytes) throw new EurekaRequestError(503, 'too many large requests at a time');
    this.#usedBytes += bytes;
  }

  release(bytes: number): void {
    this.#usedBytes -= bytes;
  }
}

/**
 * Reads a whole request body as text, inflating gzip, within the limit before and after inflation, and gives it to `work`. The budget
 * counts what has arrived until the work is done.
 *
 * @throws EurekaRequestError 413 over the limit, 400 for broken gzip or invalid UTF-8, 503 when the budget is used up.
 */
export async function withRequestBody<T>(
  request: IncomingMessage,
  budget: BodyBudget,
  mostBytes: number,
  work: (body: string) => Promise<T>,
): Promise<T> {
  let takenBytes = 0;
  const take = (bytes: number) => {
    budget.take(bytes);
    takenBytes += bytes;
  };
  try {
    return await work(await readRequestBody(request, mostBytes, take));
  } finally {
    budget.release(takenBytes);
  }
}

/** Lets so many inflations run at a time, in the order in which they were asked for. */
export class InflationQueue {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(mostAtATime: number) {
    this.#free = mostAtATime;
  }

  async run<T>(inflation: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await inflation();
    } finally {
      // The place goes to the next one without being free in between.
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}

/** One for all listeners of the process: it bounds what the process takes. */
const inflations = new InflationQueue(EUREKA_LIMITS.inflationsAtATime);

/** `take` is told of all bytes before they are kept. */
export async function readRequestBody(
  request: IncomingMessage,
  mostBytes: number = EUREKA_LIMITS.bodyBytes,
  take: (bytes: number) => void = () => undefined,
): Promise<string> {
  const declared = Number(request.headers['content-length'] ?? 0);
  if (declared > mostBytes) throw tooLarge(mostBytes);
  const body = await collect(request as AsyncIterable<Buffer>, mostBytes, take);
  const isGzip = request.headers['content-encoding']?.toLowerCase().includes('gzip') === true;
  return isGzip ? inflations.run(async () => decodeUtf8(await inflateBody(body, mostBytes, take))) : decodeUtf8(body);
}

/** Stops at the first chunk beyond the limit, and at the first that `take` refuses. */
async function collect(source: AsyncIterable<Buffer>, mostBytes: number, take: (bytes: number) => void): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of source) {
    length += chunk.length;
    if (length > mostBytes) throw tooLarge(mostBytes);
    take(chunk.length);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function inflateBody(body: Buffer, mostBytes: number, take: (bytes: number) => void): Promise<Buffer> {
  // The stream takes nothing at all for the gzip of nothing.
  if (body.length === 0) throw new EurekaRequestError(400, UNPARSABLE);
  const gunzip = createGunzip();
  gunzip.end(body);
  try {
    return await collect(gunzip, mostBytes, take);
  } catch (cause) {
    throw cause instanceof EurekaRequestError ? cause : new EurekaRequestError(400, UNPARSABLE, { cause });
  } finally {
    // zlib's memory lies outside the heap: it goes now, not when a collection finds the stream.
    gunzip.destroy();
  }
}

function decodeUtf8(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
  } catch (cause) {
    throw new EurekaRequestError(400, UNPARSABLE, { cause });
  }
}

function tooLarge(mostBytes: number): EurekaRequestError {
  return new EurekaRequestError(413, `a body has at most ${mostBytes} bytes`);
}
