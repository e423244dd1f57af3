import type { DataInfoId } from '../../core/index.ts';

/** One registration as its client means it. `value` is its payload. */
export interface MeantRegistration {
  readonly dataInfoId: DataInfoId;
  readonly registerId: string;
  value: string;
  /** Lives through the whole run without a pause: no reader may ever miss it once it was shown. */
  readonly isSteady: boolean;
  readonly livesBy: 'connection' | 'lease';
}

/** What all clients together mean to be registered: the truth that the registry is measured by. */
export class Truth {
  readonly #names = new Map<DataInfoId, Map<string, MeantRegistration>>();
  /** Values whose withdrawal was acknowledged: they must never come back to a reader who saw them gone since. */
  readonly #withdrawn = new Set<string>();

  put(registration: MeantRegistration): void {
    const { dataInfoId, registerId } = registration;
    const name = this.#names.get(dataInfoId) ?? new Map<string, MeantRegistration>();
    name.set(registerId, registration);
    this.#names.set(dataInfoId, name);
  }

  remove(dataInfoId: DataInfoId, registerId: string): void {
    this.#names.get(dataInfoId)?.delete(registerId);
  }

  withdrawalAcknowledged(dataInfoId: DataInfoId, registerId: string, value: string): void {
    this.#withdrawn.add(`${registrationKey(dataInfoId, registerId)}\u0000${value}`);
  }

  isWithdrawn(dataInfoId: DataInfoId, registerId: string, value: string): boolean {
    return this.#withdrawn.has(`${registrationKey(dataInfoId, registerId)}\u0000${value}`);
  }

  /** Registrations of all names together, of one kind of client. */
  count(livesBy: MeantRegistration['livesBy']): number {
    return [...this.#names.values()].flatMap((registrations) => [...registrations.values()]).filter((each) => each.livesBy === livesBy)
      .length;
  }

  names(): readonly DataInfoId[] {
    return [...this.#names.keys()].sort();
  }

  steadyIds(dataInfoId: DataInfoId): readonly string[] {
    return [...(this.#names.get(dataInfoId)?.values() ?? [])].filter((each) => each.isSteady).map((each) => each.registerId);
  }

  /** `registerId=value`, sorted and joined: what a reader must end up with. */
  contentOf(dataInfoId: DataInfoId): string {
    return contentText([...(this.#names.get(dataInfoId)?.values() ?? [])].map(({ registerId, value }) => [registerId, value]));
  }
}

export function contentText(entries: readonly (readonly [string, string])[]): string {
  return entries
    .map(([registerId, value]) => `${registerId}=${value}`)
    .sort()
    .join(' ');
}

export function registrationKey(dataInfoId: DataInfoId, registerId: string): string {
  return `${dataInfoId}\u0000${registerId}`;
}
