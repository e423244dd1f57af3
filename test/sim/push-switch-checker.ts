import { type DocumentWatch, type SessionServer, STOP_PUSH_KEY } from '../../core/index.ts';
import type { Observer } from './observer.ts';
import type { SimNode } from './world/cluster.ts';
import type { SimProcess, World } from './world/world.ts';

interface Stop {
  /** Revision of the switch in the store. */
  readonly revision: number;
  readonly acknowledgedAtMs: number;
  /** Clients that are pushed to all the same. */
  readonly except: ReadonlySet<string>;
}

/**
 * While the operator's switch stops pushing, nobody but the excepted is pushed to: no change, no first list, no repetition. A Session is held
 * to it from the moment it can know: when it was started after the operator had his answer, when it has read the switch, and at quiet at once.
 */
export class PushSwitchChecker {
  readonly #world: World;
  readonly #observer: Observer;
  /** What each Session has read of the switch. */
  readonly #read = new WeakMap<SimProcess, DocumentWatch>();
  #stop: Stop | undefined;
  #isAtRest = false;

  constructor(world: World, observer: Observer) {
    this.#world = world;
    this.#observer = observer;
    observer.onSend((reader, node) => this.#sending(reader, node));
  }

  sessionStarted({ process }: SimNode, session: SessionServer): void {
    if (process !== undefined)
      this.#read.set(
        process,
        session.gateway.documents.watch(STOP_PUSH_KEY, () => undefined),
      );
  }

  /** The operator was told that pushing is stopped. */
  stopped(revision: number, except: readonly string[]): void {
    this.#stop = { revision, acknowledgedAtMs: this.#world.nowMs, except: new Set(except) };
  }

  /** No fault lasts and nothing is on its way any more: all Sessions must know of the switch. */
  rests(): void {
    this.#isAtRest = true;
  }

  /** The operator asks for pushing again: from now on any Session may know that. */
  resuming(): void {
    this.#stop = undefined;
    this.#isAtRest = false;
  }

  #sending(reader: string, { name, process }: SimNode): void {
    const stop = this.#stop;
    if (stop === undefined || process === undefined || stop.except.has(reader)) return;
    const read = this.#read.get(process)?.get(STOP_PUSH_KEY);
    const knows = this.#isAtRest || process.startedAtMs > stop.acknowledgedAtMs || (read?.revision ?? 0) >= stop.revision;
    if (knows) this.#observer.violate('pushed while stopped', `${name} pushes to ${reader} though the operator has stopped pushing`);
  }
}
