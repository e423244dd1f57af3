/**
 * Orders two registrations of the same registerId: first by the client's own version, then by the stamp that the
 * accepting Session gave (SOFARegistry's RegisterVersion). A client's clock never takes part.
 */
export interface RegisterVersion {
  /** The client's version of this registration: +1 per republish in bolt; 0 for protocols without one. Safe integer >= 0. */
  readonly version: number;
  /**
   * Hybrid logical stamp of the accepting Session: `wall milliseconds * 1024 + counter`, strictly increasing in one
   * Session and lifted above every stamp that a slot leader reported. Safe integer until the year 2248.
   */
  readonly stamp: number;
}

/** Negative when `a` is older, 0 when equal, positive when newer. */
export function compareRegisterVersion(a: RegisterVersion, b: RegisterVersion): number {
  return a.version === b.version ? a.stamp - b.stamp : a.version - b.version;
}

export const STAMPS_PER_MS = 1_024;

/** When a registration was accepted, in Unix milliseconds of the accepting Session; the same wherever it is read. */
export function acceptedAtMs({ stamp }: RegisterVersion): number {
  return Math.floor(stamp / STAMPS_PER_MS);
}

/** The next stamp: above `last` and not below the wall clock. A clock that steps back costs nothing but the resemblance to time. */
export function nextStamp(last: number, wallMs: number): number {
  return Math.max(last + 1, Math.floor(wallMs) * STAMPS_PER_MS);
}
