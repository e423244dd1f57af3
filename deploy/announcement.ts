import type { ListenerInfo, Log } from '../core/index.ts';
import { listenerTable } from './ports.ts';

/** What a start says of itself. */
export interface Announced {
  readonly version: string;
  /** Absolute path. */
  readonly dataDir: string;
}

/** `colour` and `text`: for a person at a terminal. `json`: one object a line. */
export type OutputForm = 'colour' | 'text' | 'json';

/**
 * The first output of the gateway: version and data folder before anything is opened, then the listeners and what to put into a
 * client, then how long it took.
 */
export class Announcement {
  readonly #form: OutputForm;
  readonly #log: Log;
  readonly #write: (text: string) => void;

  constructor(form: OutputForm, log: Log, write: (text: string) => void) {
    this.#form = form;
    this.#log = log;
    this.#write = write;
  }

  starting({ version, dataDir }: Announced): void {
    if (this.#form === 'json') this.#log.info('Isthmus', { version, dataDir });
    else this.#write(`${this.#styled('1', `Isthmus ${version}`)}\ndata folder ${dataDir}\n`);
  }

  ready(listeners: readonly ListenerInfo[], readyMs: number): void {
    if (this.#form === 'json') {
      for (const { protocol, purpose, host, port, clientSetting } of listeners)
        this.#log.info('listening', { protocol, purpose, host, port, clientSetting });
      this.#log.info(`ready in ${readyMs} ms`, { readyMs });
      return;
    }
    const [head = '', ...rows] = listenerTable(listeners).split('\n');
    const table = [this.#styled('2', head), ...rows].join('\n');
    this.#write(`\n${table}\n\n${this.#styled('32', `ready in ${readyMs} ms`)}\n`);
  }

  #styled(code: string, text: string): string {
    return this.#form === 'colour' ? `\u001b[${code}m${text}\u001b[0m` : text;
  }
}

/** Keeps the log lines of a start back until the table is out, so that a person at a terminal reads the table first. */
export class HeldLines {
  readonly #write: (text: string) => void;
  #held: string[] | undefined;

  constructor(isHolding: boolean, write: (text: string) => void) {
    this.#held = isHolding ? [] : undefined;
    this.#write = write;
  }

  write(line: string): void {
    if (this.#held === undefined) this.#write(`${line}\n`);
    else this.#held.push(line);
  }

  /** Everything that was kept, and from now on each line at once. Call when the start has succeeded, failed, or takes long. */
  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const line of held) this.#write(`${line}\n`);
  }
}
