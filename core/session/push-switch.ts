import { decodeStopPush, STOP_PUSH_KEY } from '../model/stop-push.ts';
import type { DocumentGateway, DocumentWatch } from '../seams/session-gateway.ts';

/** Follows the operator's switch that stops pushing. */
export class PushSwitch {
  readonly #watch: DocumentWatch;
  #isStopped = false;
  #except: ReadonlySet<string> = new Set();

  constructor(documents: DocumentGateway, changed: () => void) {
    this.#watch = documents.watch(STOP_PUSH_KEY, () => {
      const document = this.#watch.get(STOP_PUSH_KEY);
      this.#isStopped = document !== undefined;
      this.#except = new Set(document === undefined ? [] : decodeStopPush(document.value).except);
      changed();
    });
  }

  /** Resolves when it is known how the switch stands: nobody is pushed to before. */
  get ready(): Promise<void> {
    return this.#watch.ready;
  }

  /** Whether a client at this `ip:port` must be left alone. */
  isStopped(address: string): boolean {
    return this.#isStopped && !this.#except.has(address.slice(0, address.lastIndexOf(':')));
  }
}
