/** What leases may lose together: their service, the Session they live at, their zone, their network segment. */
export type LeaseDomainKind = 'service' | 'session' | 'zone' | 'segment';

/** A domain whose overdue leases are kept, for operators. Times are durations, because the clocks of nodes differ. */
export interface LeaseHold {
  readonly kind: LeaseDomainKind;
  readonly name: string;
  /** Overdue leases that are kept because of it. */
  readonly held: number;
  /** Leases of the domain. */
  readonly total: number;
  readonly heldForMs: number;
  /** Until the first of them expires although nothing was heard of it. */
  readonly endsInMs: number;
}
