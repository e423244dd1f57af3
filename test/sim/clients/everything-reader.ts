import type { DataInfoId, GlobalChange, GlobalReading, SessionServer } from '../../../core/index.ts';
import { LEASE_FORMAT, publicName } from '../formats.ts';
import type { Observer } from '../observer.ts';
import { registrationKey } from '../truth.ts';

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
  readonly #records = new Map<string, EverythingRecord>();

  constructor(name: string, session: SessionServer, observer: Observer) {
    this.name = name;
    this.#observer = observer;
    this.#reading = session.gateway.readEverything(LEASE_FORMAT, (changes) => this.#take(changes));
    void this.#reading.ready.then(() => this.#show());
  }

  /** The value this Session shows of a registration, as far as it shows anything yet. */
  valueOf(dataInfoId: string, registerId: string): string | undefined {
    return this.#reading.isReady() ? this.#records.get(registrationKey(dataInfoId as DataInfoId, registerId))?.value : undefined;
  }

  get isSettled(): boolean {
    return this.#reading.isSettled();
  }

  records(): readonly EverythingRecord[] {
    return [...this.#records.values()];
  }

  #take(changes: readonly GlobalChange[]): void {
    for (const change of changes) {
      const { dataInfoId: spelled, registerId } = change.kind === 'remove' ? change : change.publisher;
      const dataInfoId = publicName(spelled);
      const key = registrationKey(dataInfoId, registerId);
      if (change.kind === 'remove' || change.kind === 'derived-removed') this.#records.delete(key);
      else this.#records.set(key, { dataInfoId, registerId, value: new TextDecoder().decode(change.publisher.payload) });
    }
    this.#show();
  }

  #show(): void {
    if (this.#reading.isReady()) this.#observer.showsEverything(this.name, this.records());
  }
}
