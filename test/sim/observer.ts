import type { DataInfoId, DatumVersion, Push } from '../../core/index.ts';
import type { EverythingRecord } from './clients/everything-reader.ts';
import { contentText, registrationKey, type Truth } from './truth.ts';
import type { SimNode } from './world/cluster.ts';
import type { World } from './world/world.ts';

interface Seen {
  readonly version: DatumVersion;
  /** registerId to value. */
  readonly entries: ReadonlyMap<string, string>;
}

interface Pushed {
  readonly version: DatumVersion;
  readonly times: number;
  readonly atMs: number;
}

const MOST_VIOLATIONS = 6;
/** What the clients ask for (`leastPushGapMs`), less what is lost in adding up fractions of milliseconds. */
const LEAST_GAP_MS = 149.99;
/** One push, its retries after lost acknowledgements, and the same again when a client's subscription is said again. */
const MOST_PUSHES_OF_ONE_VERSION = 8;

/** What readers see, checked the moment they see it (invariants 3, 4, 6, 9 and "one version, one content"). */
export class Observer {
  readonly violations: string[] = [];
  readonly #world: World;
  readonly #truth: Truth;
  /** By reader and name: what a client holds now; a push below its version is ignored, as the real clients do. */
  readonly #held = new Map<string, Map<DataInfoId, Seen>>();
  /** By reader and name: the version pushed last on the present connection, and how often. */
  readonly #onConnection = new Map<string, Map<DataInfoId, Pushed>>();
  readonly #contents = new Map<string, string>();
  /** By reader: withdrawn values that it saw go. */
  readonly #gone = new Set<string>();
  /** Registrations that never leave and that somebody was shown who asks one Session after the other. */
  readonly #polled = new Set<string>();
  readonly #sendListeners: ((reader: string, node: SimNode) => void)[] = [];
  #isPopulationKnown = false;
  pushes = 0;

  constructor(world: World, truth: Truth) {
    this.#world = world;
    this.#truth = truth;
  }

  violate(rule: string, detail: string): void {
    this.#world.tell('CHECK', `${rule}: ${detail}`);
    if (this.violations.length < MOST_VIOLATIONS) this.violations.push(`${(this.#world.nowMs / 1_000).toFixed(3)} s ${rule}: ${detail}`);
  }

  /** Who never leaves is registered everywhere: from now on no list may lack one of them, also not the first that a reader is shown. */
  populationKnown(): void {
    this.#isPopulationKnown = true;
  }

  connected(reader: string): void {
    this.#onConnection.delete(reader);
  }

  forget(reader: string): void {
    this.#held.delete(reader);
    this.#onConnection.delete(reader);
  }

  /** `listener` hears of each push the moment it leaves its Session. */
  onSend(listener: (reader: string, node: SimNode) => void): void {
    this.#sendListeners.push(listener);
  }

  sent(reader: string, node: SimNode): void {
    for (const listener of this.#sendListeners) listener(reader, node);
  }

  received(reader: string, push: Push): void {
    this.pushes += 1;
    const { dataInfoId, version, publishers, derived } = push.view;
    const entries = [...publishers, ...derived].map(({ registerId, payload }): [string, string] => [
      registerId,
      new TextDecoder().decode(payload),
    ]);
    const content = contentText(entries);
    this.#world.tell(reader, `receives ${dataInfoId} v${version % 1_000_000_000n} [${content}]`);
    this.#checkMonotone(reader, dataInfoId, version);
    this.#checkOneContent(dataInfoId, version, content);
    this.#checkPopulation(reader, dataInfoId, new Map(entries));
    this.#hold(reader, dataInfoId, { version, entries: new Map(entries) });
  }

  /** What a reader got from one Session, which need not be newer than what it had from another: it must only be no shorter. */
  polled(reader: string, records: readonly EverythingRecord[]): void {
    const shown = new Set(records.map(({ dataInfoId, registerId }) => registrationKey(dataInfoId, registerId)));
    for (const name of this.#truth.names()) {
      for (const id of this.#truth.steadyIds(name)) {
        const key = registrationKey(name, id);
        if (shown.has(key)) this.#polled.add(key);
        else if (this.#isPopulationKnown || this.#polled.has(key))
          this.violate('shorter list', `${reader} is shown ${name} without ${id}, which never left`);
      }
    }
  }

  /** Names that clients have registered so far. */
  names(): readonly DataInfoId[] {
    return this.#truth.names();
  }

  /** A reader of everything now has this of a name. `isSettled`: it shows it. */
  shows(reader: string, name: DataInfoId, entries: ReadonlyMap<string, string>, isSettled: boolean): void {
    if (isSettled) this.#checkPopulation(reader, name, entries);
    this.#hold(reader, name, { version: 0n, entries: new Map(entries) });
  }

  contentHeldBy(reader: string, dataInfoId: DataInfoId): string | undefined {
    const entries = this.#held.get(reader)?.get(dataInfoId)?.entries;
    return entries === undefined ? undefined : contentText([...entries]);
  }

  #hold(reader: string, dataInfoId: DataInfoId, seen: Seen): void {
    const names = this.#held.get(reader) ?? new Map<DataInfoId, Seen>();
    this.#held.set(reader, names);
    const before = names.get(dataInfoId);
    if (before !== undefined && seen.version < before.version) return;
    names.set(dataInfoId, seen);
    if (before === undefined) return;
    for (const id of this.#truth.steadyIds(dataInfoId)) {
      if (before.entries.has(id) && !seen.entries.has(id))
        this.violate('shorter list', `${reader} is shown ${dataInfoId} without ${id}, which never left`);
    }
    for (const [id, value] of seen.entries) {
      const isBack = before.entries.get(id) !== value && this.#gone.has(`${reader}|${registrationKey(dataInfoId, id)}|${value}`);
      if (isBack && this.#truth.isWithdrawn(dataInfoId, id, value))
        this.violate('ghost', `${reader} is shown ${id}=${value} of ${dataInfoId} again after it was withdrawn`);
    }
    for (const [id, value] of before.entries) {
      const isGone = seen.entries.get(id) !== value && this.#truth.isWithdrawn(dataInfoId, id, value);
      if (isGone) this.#gone.add(`${reader}|${registrationKey(dataInfoId, id)}|${value}`);
    }
  }

  #checkPopulation(reader: string, dataInfoId: DataInfoId, entries: ReadonlyMap<string, string>): void {
    if (!this.#isPopulationKnown) return;
    for (const id of this.#truth.steadyIds(dataInfoId))
      if (!entries.has(id)) this.violate('incomplete list', `${reader} is shown ${dataInfoId} without ${id}, which never left`);
  }

  #checkMonotone(reader: string, dataInfoId: DataInfoId, version: DatumVersion): void {
    const versions = this.#onConnection.get(reader) ?? new Map<DataInfoId, Pushed>();
    this.#onConnection.set(reader, versions);
    const before = versions.get(dataInfoId);
    if (before !== undefined && version < before.version)
      this.violate('version fell', `${reader} is pushed ${dataInfoId} ${version} after ${before.version}`);
    const { nowMs } = this.#world;
    if (before !== undefined && nowMs - before.atMs < LEAST_GAP_MS)
      this.violate('pushed too often', `${reader} gets ${dataInfoId} again after ${nowMs - before.atMs} ms`);
    const times = before?.version === version ? before.times + 1 : 1;
    if (times > MOST_PUSHES_OF_ONE_VERSION) this.violate('pushed over and over', `${reader} gets ${dataInfoId} ${version} ${times} times`);
    versions.set(dataInfoId, { version, times, atMs: nowMs });
  }

  #checkOneContent(dataInfoId: DataInfoId, version: DatumVersion, content: string): void {
    const key = `${dataInfoId}@${version}`;
    const known = this.#contents.get(key);
    if (known !== undefined && known !== content)
      this.violate('one version, two contents', `${dataInfoId} ${version} is [${known}] and [${content}]`);
    this.#contents.set(key, content);
  }
}
