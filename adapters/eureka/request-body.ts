import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { EurekaRequestError, UNPARSABLE } from './codec/errors.ts';
import { EUREKA_LIMITS } from './limits.ts';

const inflate = promisify(gunzip);

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

/** `take` is told of all bytes before they are kept. */
export async function readRequestBody(
  request: IncomingMessage,
  mostBytes: number = EUREKA_LIMITS.bodyBytes,
  take: (bytes: number) => void = () => undefined,
): Promise<string> {
  const declared = Number(request.headers['content-length'] ?? 0);
  if (declared > mostBytes) throw tooLarge(mostBytes);
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > mostBytes) throw tooLarge(mostBytes);
    take(chunk.length);
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks);
  const isGzip = request.headers['content-encoding']?.toLowerCase().includes('gzip') === true;
  if (!isGzip) return decodeUtf8(body);
  const inflated = await inflateBody(body, mostBytes);
  take(inflated.length);
  return decodeUtf8(inflated);
}

async function inflateBody(body: Buffer, mostBytes: number): Promise<Buffer> {
  try {
    return await inflate(body, { maxOutputLength: mostBytes });
  } catch (cause) {
    const isTooLarge = cause instanceof RangeError || (cause instanceof Error && 'code' in cause && cause.code === 'ERR_BUFFER_TOO_LARGE');
    throw isTooLarge ? tooLarge(mostBytes) : new EurekaRequestError(400, UNPARSABLE, { cause });
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
