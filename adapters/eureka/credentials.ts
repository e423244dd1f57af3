import { createHash, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';

/** The secret of one user: a scrypt hash, or the password itself. */
export type Secret =
  | {
      readonly kind: 'scrypt';
      readonly cost: number;
      readonly blockSize: number;
      readonly parallelization: number;
      readonly salt: Buffer;
      readonly hash: Buffer;
    }
  | { readonly kind: 'plain'; readonly digest: Buffer };

export interface CredentialsFile {
  readonly secrets: ReadonlyMap<string, Secret>;
  /** What is wrong, by line; empty for a file that can be used. */
  readonly problems: readonly string[];
}

/** A hash that costs more than this would make a login an attack: 128 * cost * blockSize bytes. */
const SCRYPT_MOST_BYTES = 64 * 1024 * 1024;
const SALT_LEAST_BYTES = 8;
const HASH_LEAST_BYTES = 16;

/**
 * Reads a credentials file: one `user:secret` a line, where the secret is `scrypt$cost$blockSize$parallelization$salt$hash` (salt and hash
 * in base64) or the password as it is. Empty lines and lines that begin with `#` do not count.
 */
export function parseCredentials(text: string): CredentialsFile {
  const secrets = new Map<string, Secret>();
  const problems: string[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const colon = line.indexOf(':');
    const user = line.slice(0, Math.max(0, colon));
    const secret = colon === -1 ? undefined : parseSecret(line.slice(colon + 1));
    const problem =
      colon < 1
        ? 'user:secret is expected'
        : secrets.has(user)
          ? `the user ${user} is there already`
          : typeof secret === 'string'
            ? secret
            : undefined;
    if (problem !== undefined) problems.push(`line ${index + 1}: ${problem}`);
    else if (secret !== undefined && typeof secret !== 'string') secrets.set(user, secret);
  }
  if (problems.length === 0 && secrets.size === 0) problems.push('it names no user');
  return { secrets, problems };
}

/** A text says what is wrong. */
function parseSecret(text: string): Secret | string {
  if (!text.startsWith('scrypt$')) return text === '' ? 'the secret is empty' : { kind: 'plain', digest: digestOf(text) };
  const [, cost = '', blockSize = '', parallelization = '', salt = '', hash = '', ...rest] = text.split('$');
  const numbers = [cost, blockSize, parallelization].map(Number);
  const [n = 0, r = 0, p = 0] = numbers;
  const isPowerOfTwo = n > 1 && Number.isInteger(Math.log2(n));
  const secret = { salt: Buffer.from(salt, 'base64'), hash: Buffer.from(hash, 'base64') };
  const isWhole = rest.length === 0 && numbers.every((one) => Number.isSafeInteger(one) && one > 0) && isPowerOfTwo;
  if (!isWhole || secret.salt.length < SALT_LEAST_BYTES || secret.hash.length < HASH_LEAST_BYTES)
    return 'scrypt$cost$blockSize$parallelization$salt$hash is expected';
  if (128 * n * r > SCRYPT_MOST_BYTES || p > 16) return 'the scrypt hash asks for too much memory or time';
  return { kind: 'scrypt', cost: n, blockSize: r, parallelization: p, ...secret };
}

/** Compares in constant time, hashing on the thread pool. */
export async function isPassword(secret: Secret, password: string): Promise<boolean> {
  if (secret.kind === 'plain') return timingSafeEqual(digestOf(password), secret.digest);
  const { cost, blockSize, parallelization, salt, hash } = secret;
  const options = { N: cost, r: blockSize, p: parallelization, maxmem: 2 * SCRYPT_MOST_BYTES };
  return timingSafeEqual(await hashPassword(password, salt, hash.length, options), hash);
}

function hashPassword(password: string, salt: Buffer, length: number, options: ScryptOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, length, options, (error, key) => (error === null ? resolve(key) : reject(error)));
  });
}

/** Texts of any length as equally long bytes. */
function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
