/**
 * The closed list of reasons why the registry refuses or fails something. Adapters map a code to their protocol's own
 * answer in one table each; nobody invents numbers.
 */
export const RegistryErrorCode = {
  /** A value from outside breaks a rule that is stated in the message. */
  InvalidArgument: 'invalid-argument',
  /** A named limit of `limits.ts` was reached. */
  LimitExceeded: 'limit-exceeded',
  /** The record named does not exist. */
  NotFound: 'not-found',
  /** A compare-and-set lost against another writer. */
  Conflict: 'conflict',
  /** The part that must answer cannot be reached now; the caller may try again. */
  Unavailable: 'unavailable',
  /** No answer within the time allowed; the operation may or may not have happened. */
  Timeout: 'timeout',
  /** Durable writes are refused for now (disk full, store failed). Reads and registrations go on. */
  StoreUnavailable: 'store-unavailable',
  /** Bytes that should be ours are not: wrong version, truncated, or damaged. */
  Malformed: 'malformed',
  /** The other side belongs to another cluster, slot count or data centre. */
  WrongCluster: 'wrong-cluster',
  /** Another Meta leads; the term in which this was asked is over. */
  NotLeader: 'not-leader',
  /** This part is stopping and takes no new work. */
  Stopped: 'stopped',
} as const;
export type RegistryErrorCode = (typeof RegistryErrorCode)[keyof typeof RegistryErrorCode];

const CODES: ReadonlySet<string> = new Set(Object.values(RegistryErrorCode));

/** The only error class that crosses a folder of the core. The text begins with the code; the true cause is kept. */
export class RegistryError extends Error {
  readonly code: RegistryErrorCode;

  constructor(code: RegistryErrorCode, message: string, options?: { cause?: unknown }) {
    super(`${code}: ${message}`, options);
    this.name = 'RegistryError';
    this.code = code;
  }

  /** The text without the code, which is for programs. */
  get sentence(): string {
    return this.message.slice(this.code.length + 2);
  }

  /** Turns anything that was caught into a RegistryError; one that already is comes back unchanged. */
  static from(caught: unknown, code: RegistryErrorCode = RegistryErrorCode.Unavailable): RegistryError {
    if (caught instanceof RegistryError) return caught;
    const message = caught instanceof Error ? caught.message : String(caught);
    return new RegistryError(code, message, { cause: caught });
  }
}

export function isRegistryErrorCode(text: string): text is RegistryErrorCode {
  return CODES.has(text);
}
