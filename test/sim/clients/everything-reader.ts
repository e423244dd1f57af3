import type { DataInfoId, GlobalChange, GlobalReading, SessionServer } from '../../../core/index.ts';
import type { Observer } from '../observer.ts';
import { registrationKey } from '../truth.ts';

/** Reads everything on one Session, as the Eureka adapter does; shows nothing before it is complete. */
export class EverythingReader {
  readonly name: string;
  readonly #observer: Observer;
  readonly #reading: GlobalReading;
  readonly #records = new Map<string, { readonly dataInfoId: string; readonly registerId: string; readonly value: string }>();

  constructor(name: string, session: SessionServer, observer: Observer) {
    this.name = name;
    this.#observer = observer;
    this.#reading = session.gateway.readEverything('sim', (changes) => this.#take(changes));
    void this.#reading.ready.then(() => this.#show());
  }

  /** The value this Session shows of a registration, as far as it shows anything yet. */
  valueOf(dataInfoId: string, registerId: string): string | undefined {
    return this.#reading.isReady() ? this.#records.get(registrationKey(dataInfoId as DataInfoId, registerId))?.value : undefined;
  }

  #take(changes: readonly GlobalChange[]): void {
    for (const change of changes) {
      if (change.kind === 'derived' || change.kind === 'derived-removed') continue;
      if (change.kind === 'remove') this.#records.delete(registrationKey(change.dataInfoId, change.registerId));
      else {
        const { dataInfoId, registerId, payload } = change.publisher;
        const record = { dataInfoId, registerId, value: new TextDecoder().decode(payload) };
        this.#records.set(registrationKey(dataInfoId, registerId), record);
      }
    }
    this.#show();
  }

  #show(): void {
    if (this.#reading.isReady()) this.#observer.showsEverything(this.name, [...this.#records.values()]);
  }
}
