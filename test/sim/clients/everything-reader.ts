import type { DataInfoId, GlobalChange, GlobalReading, SessionServer } from '../../../core/index.ts';
import { LEASE_FORMAT, publicName } from '../formats.ts';
import type { Observer } from '../observer.ts';

export interface EverythingRecord {
  readonly dataInfoId: DataInfoId;
  readonly registerId: string;
  readonly value: string;
}

/** Reads everything on one Session in the format of heartbeats, as the Eureka adapter does; shows nothing before it is complete. */
export class EverythingReader {
  readonly name: string;
  readonly #observer: Observer;
  readonly #reading: GlobalReading;
  readonly #names = new Map<DataInfoId, Map<string, string>>();

  constructor(name: string, session: SessionServer, observer: Observer) {
    this.name = name;
    this.#observer = observer;
    this.#reading = session.gateway.readEverything(LEASE_FORMAT, (changes) => this.#take(changes));
    void this.#reading.ready.then(() => this.#show([...this.#names.keys(), ...observer.names()]));
  }

  /** The value this Session shows of a registration, as far as it shows anything yet. */
  valueOf(dataInfoId: string, registerId: string): string | undefined {
    return this.#reading.isReady() ? this.#names.get(dataInfoId as DataInfoId)?.get(registerId) : undefined;
  }

  /** False while its lists may be shorter than what was seen before a restart, and are shown to nobody. */
  get isSettled(): boolean {
    return this.#reading.isSettled();
  }

  records(): readonly EverythingRecord[] {
    return [...this.#names].flatMap(([dataInfoId, values]) =>
      [...values].map(([registerId, value]) => ({ dataInfoId, registerId, value })),
    );
  }

  #take(changes: readonly GlobalChange[]): void {
    const changed = new Set<DataInfoId>();
    for (const change of changes) {
      const { dataInfoId: spelled, registerId } = change.kind === 'remove' ? change : change.publisher;
      const dataInfoId = publicName(spelled);
      const values = this.#names.get(dataInfoId) ?? new Map<string, string>();
      this.#names.set(dataInfoId, values);
      changed.add(dataInfoId);
      if (change.kind === 'remove' || change.kind === 'derived-removed') values.delete(registerId);
      else values.set(registerId, new TextDecoder().decode(change.publisher.payload));
    }
    this.#show(changed);
  }

  #show(names: Iterable<DataInfoId>): void {
    if (!this.#reading.isReady()) return;
    for (const name of new Set(names)) this.#observer.shows(this.name, name, this.#names.get(name) ?? new Map(), this.isSettled);
  }
}
