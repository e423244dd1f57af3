import { createHash, timingSafeEqual } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import { type Random, RegistryError, RegistryErrorCode } from '../core/index.ts';
import { readIfThere } from './data-folder.ts';

const TOKEN_FILE = 'admin-token';
/** Shorter ones can be guessed. */
const TOKEN_LEAST_LENGTH = 16;

/**
 * The token of the admin port, kept in the data folder for its owner alone and made at the first start. An operator may write one of
 * his own into the file, of at least 16 characters.
 *
 * @throws RegistryError `unavailable` when the file cannot be read or written, or holds a shorter token.
 */
export function openAdminToken(
  dataDir: string,
  random: Random,
): { readonly token: string; readonly path: string; readonly isNew: boolean } {
  const path = join(dataDir, TOKEN_FILE);
  try {
    const known = readIfThere(path)?.trim();
    if (known !== undefined && known.length >= TOKEN_LEAST_LENGTH) return { token: known, path, isNew: false };
    if (known !== undefined && known !== '') {
      throw new RegistryError(RegistryErrorCode.Unavailable, `the token in ${path} has fewer than ${TOKEN_LEAST_LENGTH} characters`);
    }
    const token = `${random.uuid()}${random.uuid()}`.replaceAll('-', '');
    writeFileSync(path, `${token}\n`, { mode: 0o600 });
    return { token, path, isNew: true };
  } catch (cause) {
    if (cause instanceof RegistryError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RegistryError(RegistryErrorCode.Unavailable, `the admin token ${path} cannot be read or written: ${reason}`, { cause });
  }
}

/** What the guard looks at. */
export interface AdminCaller {
  readonly remoteAddress: string | undefined;
  readonly headers: IncomingHttpHeaders;
}

/**
 * Whether a caller may see and do what is not for everybody: it has the token, or it sits on this machine and is no web page and no
 * proxy. A proxy shows by its forwarding header; a page in a browser by a foreign `Origin`, by fetch metadata, or, when a foreign name
 * was bound to this address, by its `Host`.
 */
export function isAdmitted({ remoteAddress = '', headers }: AdminCaller, token: string): boolean {
  if (bearerOf(headers.authorization) !== undefined) return sameToken(bearerOf(headers.authorization) ?? '', token);
  const isLoopback = remoteAddress === '::1' || remoteAddress.startsWith('127.') || remoteAddress.startsWith('::ffff:127.');
  const isForwarded = Object.keys(headers).some((name) => name.startsWith('x-forwarded-') || FORWARDING.has(name));
  const origin = headers.origin?.replace(/^https?:\/\//i, '');
  const site = headers['sec-fetch-site'];
  const isForeign = (origin !== undefined && !isLocalName(origin)) || (site !== undefined && site !== 'same-origin' && site !== 'none');
  return isLoopback && !isForwarded && isLocalName(headers.host ?? '') && !isForeign;
}

const FORWARDING: ReadonlySet<string> = new Set(['forwarded', 'via', 'x-real-ip', 'x-client-ip', 'true-client-ip', 'cf-connecting-ip']);

function isLocalName(authority: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/i.test(authority);
}

function bearerOf(authorization: string | undefined): string | undefined {
  return /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
}

/** In a time that says nothing about where they differ. */
function sameToken(a: string, b: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(a), hash(b));
}
