import { foldDataInfoId } from '../model/data-info-id.ts';
import type { LeaseDomainKind } from '../model/lease-hold.ts';
import type { Publisher } from '../model/publisher.ts';

/** A set of leases with a common cause to fall silent. The counts belong to the keeper and its guard. */
export interface LeaseDomain {
  readonly kind: LeaseDomainKind;
  readonly name: string;
  /** Running leases, overdue ones included. */
  total: number;
  /** Of one decision: leases of it that are silent and not explained by another domain. */
  silent: number;
  /** It explained a silence, and its leases have the time of one renewal from then on to come back. */
  suspectUntilMs: number;
  /** Leases that expired not long ago: they were part of it when the silence began. */
  expired: { readonly atMs: number; readonly count: number }[];
}

/** The domains that leases belong to, one object for each. */
export class LeaseDomains {
  readonly #domains = new Map<string, LeaseDomain>();

  /** Adds a lease of this publisher to its domains. */
  enter({ dataInfoId, owner, zone, clientAddress }: Publisher): readonly LeaseDomain[] {
    const domains = [this.#get('service', foldDataInfoId(dataInfoId)), this.#get('session', owner)];
    if (zone !== '') domains.push(this.#get('zone', zone));
    const segment = segmentOf(clientAddress);
    if (segment !== '') domains.push(this.#get('segment', segment));
    for (const domain of domains) domain.total += 1;
    return domains;
  }

  leave(domains: readonly LeaseDomain[]): void {
    for (const domain of domains) {
      domain.total -= 1;
      if (domain.total === 0 && domain.expired.length === 0) this.#domains.delete(keyOf(domain.kind, domain.name));
    }
  }

  all(): Iterable<LeaseDomain> {
    return this.#domains.values();
  }

  /** Forgets expiries of before `sinceMs`. */
  forgetExpired(sinceMs: number): void {
    for (const domain of this.#domains.values()) {
      if (domain.expired.length === 0) continue;
      domain.expired = domain.expired.filter(({ atMs }) => atMs >= sinceMs);
      if (domain.total === 0 && domain.expired.length === 0) this.#domains.delete(keyOf(domain.kind, domain.name));
    }
  }

  #get(kind: LeaseDomainKind, name: string): LeaseDomain {
    const key = keyOf(kind, name);
    let domain = this.#domains.get(key);
    if (domain === undefined) {
      domain = { kind, name, total: 0, silent: 0, suspectUntilMs: 0, expired: [] };
      this.#domains.set(key, domain);
    }
    return domain;
  }
}

function keyOf(kind: LeaseDomainKind, name: string): string {
  return `${kind}\u0000${name}`;
}

/** `10.1.2.0/24`, or the first four groups of an IPv6 address; '' for what is no address. */
export function segmentOf(clientAddress: string): string {
  const mapped = clientAddress.startsWith('::ffff:') ? clientAddress.slice(7) : clientAddress;
  const v4 = /^(\d{1,3}\.\d{1,3}\.\d{1,3})\.\d{1,3}$/.exec(mapped);
  if (v4 !== null) return `${v4[1]}.0/24`;
  if (!clientAddress.includes(':') || !/^[0-9a-fA-F:.]+$/.test(clientAddress)) return '';
  const [head = '', tail] = clientAddress.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const groups =
    tail === undefined ? left : [...left, ...new Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0'), ...right];
  return `${groups.slice(0, 4).join(':')}::/64`;
}
