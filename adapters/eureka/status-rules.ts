import { InstanceStatus } from './codec/instance-info.ts';

/** What the rules look at. */
export interface StatusInput {
  /** Status in the data under evaluation: a registration's own, or the stored one for a heartbeat. */
  readonly own: InstanceStatus;
  readonly override: InstanceStatus | undefined;
  /** Effective status of the existing lease, undefined when there is none. */
  readonly existing: InstanceStatus | undefined;
  readonly isReplicated: boolean;
}

/** The overridden-status rule chain; the first rule that matches wins (Eureka protocol, rule chain). */
export function effectiveStatus({ own, override, existing, isReplicated }: StatusInput): InstanceStatus {
  if (own !== InstanceStatus.Up && own !== InstanceStatus.OutOfService) return own;
  if (override !== undefined) return override;
  const isSettled = existing === InstanceStatus.Up || existing === InstanceStatus.OutOfService;
  return !isReplicated && existing !== undefined && isSettled ? existing : own;
}

/** Documents and registrations reach a Session by different ways, which differ by less than this while Meta can be reached. */
const OVERRIDE_SETTLES_MS = 2_000;

/**
 * The override in force: `document` is this Session's copy of the operators' overrides, `registration` what stands in the instance (both
 * undefined for none), `ageMs` how long ago the instance came to be as it is. While it is fresh it knows better: an override that was
 * just taken away at another Session would otherwise be put back here, by a heartbeat, from a copy that has not heard of it.
 */
export function overrideInForce(
  document: InstanceStatus | undefined,
  registration: InstanceStatus | undefined,
  ageMs: number,
): InstanceStatus | undefined {
  return document !== registration && ageMs < OVERRIDE_SETTLES_MS ? registration : document;
}

export interface HeartbeatInput {
  readonly exists: boolean;
  /** Result of the rule chain over the stored instance. */
  readonly status: InstanceStatus;
  readonly storedDirtyTimestamp: number;
  /** undefined when the client sent none. */
  readonly dirtyTimestamp: number | undefined;
  readonly isReplicated: boolean;
}

/** `isRenewed`: the lease runs again whatever the answer is. */
export interface HeartbeatDecision {
  readonly status: 200 | 404 | 409;
  readonly isRenewed: boolean;
}

/** The heartbeat decision table (Eureka protocol, heartbeats). */
export function decideHeartbeat(input: HeartbeatInput): HeartbeatDecision {
  if (!input.exists || input.status === InstanceStatus.Unknown) return { status: 404, isRenewed: false };
  const { dirtyTimestamp, storedDirtyTimestamp } = input;
  if (dirtyTimestamp === undefined || dirtyTimestamp === storedDirtyTimestamp) return { status: 200, isRenewed: true };
  if (dirtyTimestamp > storedDirtyTimestamp) return { status: 404, isRenewed: true };
  return { status: input.isReplicated ? 409 : 200, isRenewed: true };
}
