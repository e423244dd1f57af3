import type { LeaseDomain } from './lease-domain.ts';

/** When expiry is held back because too many leases fell silent together (the network is more likely at fault than they are). */
export interface LeaseGuardConfig {
  /** Share of a domain's leases that may fall silent together, 0 to 1. 1 switches the guard off. */
  readonly share: number;
  /** Never held for fewer leases than this. */
  readonly least: number;
  /** A lease is held for this long at most, whatever happens: no dead instance is kept beyond it. */
  readonly mostHoldMs: number;
}

export const DEFAULT_LEASE_GUARD: LeaseGuardConfig = { share: 0.15, least: 5, mostHoldMs: 15 * 60_000 };

/** A lease that has not been renewed for so long that it is due, or will be in a moment. */
export interface SilentLease {
  readonly domains: readonly LeaseDomain[];
}

/**
 * Says which domain explains each silent lease. The domain that lost the greatest share of its leases comes first and takes its own with
 * it; what is left over is judged without them. So that a Session that is cut off protects its own clients and nobody else's, and one
 * service that is shut down protects nobody in its zone. Pure.
 */
export function explainSilence<L extends SilentLease>(
  silent: readonly L[],
  domains: Iterable<LeaseDomain>,
  { share, least }: LeaseGuardConfig,
): ReadonlyMap<L, LeaseDomain> {
  const explained = new Map<L, LeaseDomain>();
  if (share >= 1) return explained;
  const suspects = new Set<LeaseDomain>();
  for (const domain of domains) domain.silent = domain.expired.reduce((sum, { count }) => sum + count, 0);
  for (const lease of silent) {
    for (const domain of lease.domains) {
      domain.silent += 1;
      suspects.add(domain);
    }
  }
  for (;;) {
    const worst = worstOf(suspects, share, least);
    if (worst === undefined) return explained;
    suspects.delete(worst);
    for (const lease of silent) {
      if (explained.has(lease) || !lease.domains.includes(worst)) continue;
      explained.set(lease, worst);
      for (const domain of lease.domains) domain.silent -= 1;
    }
  }
}

/** The suspect that lost the greatest share, and the most leases among equals. Those below the limits are no suspects any more. */
function worstOf(suspects: Set<LeaseDomain>, share: number, least: number): LeaseDomain | undefined {
  let worst: LeaseDomain | undefined;
  let worstShare = 0;
  for (const domain of suspects) {
    const population = domain.total + domain.expired.reduce((sum, { count }) => sum + count, 0);
    if (domain.silent < least || domain.silent <= share * population) {
      suspects.delete(domain);
      continue;
    }
    const lost = domain.silent / population;
    if (worst === undefined || lost > worstShare || (lost === worstShare && domain.silent > worst.silent)) {
      worst = domain;
      worstShare = lost;
    }
  }
  return worst;
}
