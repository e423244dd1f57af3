import { createHmac, randomBytes } from 'node:crypto';
import { readFileSync, type Stats, statSync, unwatchFile, watchFile } from 'node:fs';
import { type Host, RegistryError, RegistryErrorCode } from '../../core/index.ts';
import { type CredentialsFile, isPassword, parseCredentials, type Secret } from './credentials.ts';
import { EUREKA_LIMITS } from './limits.ts';

export interface AuthenticationOptions {
  /** The credentials file. */
  readonly file: string;
  /** `observe` lets everybody in and reports who would be refused. */
  readonly mode: 'enforce' | 'observe';
}

/** `busy`: too many passwords are being checked; to be told to come back. */
export type Admission = 'admitted' | 'refused' | 'busy';

const REREAD_EVERY_MS = 1_000;
const REPORT_EVERY_MS = 60_000;
/** Compared with when there is no such user, so that an answer takes as long as for a wrong password. */
const NOBODY: Secret = {
  kind: 'scrypt',
  cost: 16_384,
  blockSize: 8,
  parallelization: 1,
  salt: randomBytes(16),
  hash: randomBytes(32),
};

/** Problems of a credentials file that a start must not go on with; empty when it can be used. */
export function credentialsProblems(file: string): readonly string[] {
  try {
    return read(file).problems.map((problem) => `${file}: ${problem}`);
  } catch (caught) {
    return [`${file} cannot be read: ${caught instanceof Error ? caught.message : String(caught)}`];
  }
}

function read(file: string): CredentialsFile {
  return parseCredentials(readFileSync(file, 'utf8'));
}

/** Basic authentication against a file that is read again when it changes. A changed file that is wrong leaves the earlier one in force. */
export class Authentication {
  readonly mode: AuthenticationOptions['mode'];
  readonly #file: string;
  readonly #host: Host;
  readonly #key = randomBytes(32);
  readonly #outcomes = new Map<string, boolean>();
  readonly #checking = new Map<string, Promise<boolean>>();
  readonly #onChange = (now: Stats) => this.#reread(now);
  #secrets: ReadonlyMap<string, Secret>;
  /** Of the file; outcomes of an earlier one are worth nothing. */
  #generation = 0;
  #running = 0;
  #waiting: (() => void)[] = [];
  #reportedMs = Number.NEGATIVE_INFINITY;

  /** @throws RegistryError `invalid-argument` when the file cannot be used. */
  constructor({ file, mode }: AuthenticationOptions, host: Host) {
    this.mode = mode;
    this.#file = file;
    this.#host = host;
    const problems = credentialsProblems(file);
    if (problems.length > 0) throw new RegistryError(RegistryErrorCode.InvalidArgument, problems.join('; '));
    this.#secrets = read(file).secrets;
    this.#warn();
    // Polled: a file that is replaced, or mounted anew behind a link, is noticed as well.
    watchFile(file, { interval: REREAD_EVERY_MS, persistent: false }, this.#onChange);
  }

  /** Synchronous for credentials that were checked before: heartbeats do not wait. */
  admit(authorization: string | undefined, clientAddress: string): Admission | Promise<Admission> {
    const credentials = decode(authorization);
    if (credentials === undefined) return this.#outcome(false, '', clientAddress);
    const key = createHmac('sha256', this.#key).update(`${credentials.user}\u0000${credentials.password}`).digest('base64');
    const known = this.#outcomes.get(key);
    if (known !== undefined) return this.#outcome(known, credentials.user, clientAddress);
    if (this.#waiting.length >= EUREKA_LIMITS.passwordChecksWaiting && !this.#checking.has(key)) return 'busy';
    return this.#check(key, credentials).then((isRight) => this.#outcome(isRight, credentials.user, clientAddress));
  }

  close(): void {
    unwatchFile(this.#file, this.#onChange);
  }

  #outcome(isRight: boolean, user: string, clientAddress: string): Admission {
    if (isRight) return 'admitted';
    const nowMs = this.#host.clock.monotonicMs();
    if (nowMs - this.#reportedMs > REPORT_EVERY_MS) {
      this.#reportedMs = nowMs;
      const what = this.mode === 'observe' ? 'a request would be refused' : 'a request is refused';
      this.#host.log.warn(`${what}: ${user === '' ? 'it has no credentials' : 'the credentials are wrong'}`, { user, clientAddress });
    }
    return this.mode === 'observe' ? 'admitted' : 'refused';
  }

  /** One check for all requests that bring the same credentials at the same time. */
  #check(key: string, { user, password }: Credentials): Promise<boolean> {
    const running = this.#checking.get(key);
    if (running !== undefined) return running;
    const generation = this.#generation;
    const check = this.#turn(async () => {
      const secret = this.#secrets.get(user);
      const isRight = (await isPassword(secret ?? NOBODY, password)) && secret !== undefined;
      if (generation === this.#generation) this.#remember(key, isRight);
      return isRight;
    }).finally(() => this.#checking.delete(key));
    this.#checking.set(key, check);
    return check;
  }

  async #turn<T>(run: () => Promise<T>): Promise<T> {
    if (this.#running >= EUREKA_LIMITS.passwordChecksAtATime) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#running += 1;
    try {
      return await run();
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }

  #remember(key: string, isRight: boolean): void {
    this.#outcomes.set(key, isRight);
    if (this.#outcomes.size <= EUREKA_LIMITS.passwordOutcomes) return;
    const [oldest] = this.#outcomes.keys();
    if (oldest !== undefined) this.#outcomes.delete(oldest);
  }

  #reread(now: Stats): void {
    // A file that is gone for a moment is being replaced.
    if (now.nlink === 0) return;
    const problems = credentialsProblems(this.#file);
    if (problems.length > 0) {
      this.#host.log.error('the changed credentials are wrong; the earlier ones stay in force', { reason: problems.join('; ') });
      return;
    }
    this.#secrets = read(this.#file).secrets;
    this.#generation += 1;
    this.#outcomes.clear();
    this.#checking.clear();
    this.#host.log.info('the credentials were read again', { file: this.#file, users: this.#secrets.size });
    this.#warn();
  }

  #warn(): void {
    const plain = [...this.#secrets.values()].filter(({ kind }) => kind === 'plain').length;
    if (plain > 0)
      this.#host.log.warn('passwords stand in the credentials file as they are; `npm run hash-password` makes hashes', {
        file: this.#file,
        plain,
      });
    if ((statSync(this.#file).mode & 0o077) !== 0)
      this.#host.log.warn('the credentials file can be read by other users of this machine', { file: this.#file });
  }
}

interface Credentials {
  readonly user: string;
  readonly password: string;
}

function decode(authorization: string | undefined): Credentials | undefined {
  const [, encoded] = /^basic ([A-Za-z0-9+/=_-]+)$/i.exec(authorization ?? '') ?? [];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon === -1 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}
