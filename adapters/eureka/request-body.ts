import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { EurekaRequestError, UNPARSABLE } from './codec/errors.ts';
import { EUREKA_LIMITS } from './limits.ts';

const inflate = promisify(gunzip);

/**
 * Reads a whole request body as text, inflating gzip, within the limit before and after inflation.
 *
 * @throws EurekaRequestError 413 over the limit, 400 for broken gzip or invalid UTF-8.
 */
export async function readRequestBody(request: IncomingMessage, mostBytes: number = EUREKA_LIMITS.bodyBytes): Promise<string> {
  const declared = Number(request.headers['content-length'] ?? 0);
  if (declared > mostBytes) throw tooLarge(mostBytes);
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > mostBytes) throw tooLarge(mostBytes);
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks);
  const isGzip = request.headers['content-encoding']?.toLowerCase().includes('gzip') === true;
  return decodeUtf8(isGzip ? await inflateBody(body, mostBytes) : body);
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
