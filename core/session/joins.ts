import type { DataInfoId, FoldedId } from '../model/data-info-id.ts';
import type { DerivedPublisher } from '../model/derived-publisher.ts';
import type { Publisher } from '../model/publisher.ts';
import type { ServiceInstance } from '../model/service-instance.ts';
import type { Composer, FormatReader, Formats } from '../seams/protocol-adapter.ts';
import type { Visibility } from './visibility.ts';

/** What could be shown of one instance, before own registrations and other candidates are looked at. */
export interface Candidate {
  readonly derived: DerivedPublisher;
  readonly instance: ServiceInstance;
  readonly addresses: readonly string[];
}

const NOTHING: readonly DerivedPublisher[] = [];
const NO_CANDIDATES: readonly Candidate[] = [];

/**
 * The join of one public name: what readers of one format are shown of publishers of all others (design: stored by native name, joined
 * by public name). Pure over its arguments; what was read and composed of a publisher is remembered as long as that lives.
 */
export class Joins {
  readonly #visibility: Visibility;
  readonly #readers: ReadonlyMap<string, FormatReader>;
  readonly #composers: ReadonlyMap<string, readonly Composer[]>;
  readonly #instances = new WeakMap<Publisher, readonly ServiceInstance[]>();
  /** By readers' format, then by publisher. */
  readonly #candidates = new Map<string, WeakMap<Publisher, readonly Candidate[]>>();

  constructor({ readers, composers }: Formats, visibility: Visibility) {
    this.#visibility = visibility;
    this.#readers = new Map(readers.map((reader) => [reader.format, reader]));
    this.#composers = new Map(composers.map(({ format }) => [format, composers.filter((composer) => composer.format === format)]));
  }

  /** Formats whose readers are shown what others publish. */
  get formats(): readonly string[] {
    return [...this.#composers.keys()].sort();
  }

  /** See `Visibility.whyPrivate`. */
  whyPrivate(dataInfoId: DataInfoId): string | undefined {
    return this.#visibility.whyPrivate(dataInfoId);
  }

  /** See `Visibility.isVisible`. */
  isVisible(instance: ServiceInstance): boolean {
    return this.#visibility.isVisible(instance);
  }

  /** See `Visibility.publicNamespace`. */
  publicNamespace(dataInfoId: DataInfoId): string | undefined {
    return this.#visibility.publicNamespace(dataInfoId);
  }

  /** Whether somebody of another format may be shown something of a name. */
  mayBePublic(foldedId: FoldedId): boolean {
    return this.#visibility.mayBePublic(foldedId);
  }

  /**
   * `own`: the publishers that the readers see natively; what has the address or the registerId of one of them is not shown again, because
   * applications that move are registered twice for a while. `foreign`: publishers of other formats under the same public name.
   */
  derive(format: string, own: Iterable<Publisher>, foreign: readonly Publisher[]): readonly DerivedPublisher[] {
    if (foreign.length === 0 || !this.#composers.has(format)) return NOTHING;
    const candidates = [...foreign].sort(inOrder).flatMap((publisher) => this.candidatesOf(format, publisher));
    if (candidates.length === 0) return NOTHING;
    const takenIds = new Set<string>();
    const takenAddresses = new Set<string>();
    for (const publisher of own) {
      takenIds.add(publisher.registerId);
      for (const instance of this.instancesOf(publisher)) for (const address of addressesOf(instance)) takenAddresses.add(address);
    }
    const shown: DerivedPublisher[] = [];
    for (const { derived, addresses } of candidates) {
      if (takenIds.has(derived.registerId) || addresses.some((address) => takenAddresses.has(address))) continue;
      takenIds.add(derived.registerId);
      shown.push(derived);
    }
    return shown;
  }

  /** In the order of the publisher's instances; empty for a name that stays with its own. */
  candidatesOf(format: string, source: Publisher): readonly Candidate[] {
    let known = this.#candidates.get(format);
    if (known === undefined) {
      known = new WeakMap();
      this.#candidates.set(format, known);
    }
    let candidates = known.get(source);
    if (candidates === undefined) {
      candidates = this.#compose(format, source);
      known.set(source, candidates);
    }
    return candidates;
  }

  #compose(format: string, source: Publisher): readonly Candidate[] {
    if (this.publicNamespace(source.dataInfoId) === undefined) return NO_CANDIDATES;
    const { dataInfoId } = source;
    return this.instancesOf(source)
      .filter((instance) => this.#visibility.isVisible(instance))
      .flatMap((instance) =>
        (this.#composers.get(format) ?? []).flatMap((composer) =>
          composer.compose(instance, source).map(({ registerId, payload }) => ({
            derived: { derived: true as const, dataInfoId, registerId, format, payload, source },
            instance,
            addresses: addressesOf(instance),
          })),
        ),
      );
  }

  /** What other formats can read of a publisher, whether or not they may see it. */
  instancesOf(publisher: Publisher): readonly ServiceInstance[] {
    let instances = this.#instances.get(publisher);
    if (instances === undefined) {
      instances = this.#readers.get(publisher.format)?.readInstances(publisher) ?? [];
      this.#instances.set(publisher, instances);
    }
    return instances;
  }
}

function addressesOf({ host, ports }: ServiceInstance): readonly string[] {
  return [...ports.values()].map((port) => `${host.toLowerCase()} ${port}`);
}

function inOrder(a: Publisher, b: Publisher): number {
  return compareText(a.format, b.format) || compareText(a.dataInfoId, b.dataInfoId) || compareText(a.registerId, b.registerId);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
