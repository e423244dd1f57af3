/**
 * Version of a datum: `(milliseconds since 2019-01-01T00:00+08:00) * 32768 + sequence`, as a bigint because it passes
 * 2^53 on 2027-09-17. The numbering is SOFARegistry's, so that clients which once talked to a real SOFARegistry accept
 * our pushes: they ignore every version that is not greater than the last one they saw (bolt protocol, datum versions).
 */
export type DatumVersion = bigint;

/** 2019-01-01 00:00 +08:00 in Unix milliseconds, SOFARegistry's epoch. */
export const DATUM_VERSION_EPOCH_MS = 1_546_272_000_000;

const SEQUENCE_SPAN = 32_768n;

/** What a reader is told about a name nobody has ever published: below every real version, so it never masks later data. */
export const UNKNOWN_DATUM_VERSION: DatumVersion = 1n;

/** The smallest version of a wall-clock millisecond. */
export function datumVersionAt(wallMs: number): DatumVersion {
  const sinceEpochMs = Math.max(0, Math.floor(wallMs) - DATUM_VERSION_EPOCH_MS);
  return BigInt(sinceEpochMs) * SEQUENCE_SPAN;
}

/** The version after `last` at this moment: never goes back, whatever the wall clock does. */
export function nextDatumVersion(last: DatumVersion, wallMs: number): DatumVersion {
  const now = datumVersionAt(wallMs);
  return now > last ? now : last + 1n;
}
