import { LIMITS } from '../model/limits.ts';
import type { Log, LogFields } from '../seams/log.ts';

export const LogLevel = { Debug: 'debug', Info: 'info', Warn: 'warn', Error: 'error' } as const;
export type LogLevel = (typeof LogLevel)[keyof typeof LogLevel];

const ORDER: readonly LogLevel[] = [LogLevel.Debug, LogLevel.Info, LogLevel.Warn, LogLevel.Error];
const COLOURS: Readonly<Record<LogLevel, string>> = { debug: '\u001b[2m', info: '', warn: '\u001b[33m', error: '\u001b[31m' };

export interface LogOptions {
  readonly level: LogLevel;
  /** `json`: one object a line. `text` and `colour`: for a person at a terminal. */
  readonly form: 'json' | 'text' | 'colour';
  readonly write: (line: string) => void;
  readonly now: () => Date;
}

/** How many lines of one message there were counts anew after this. */
const WINDOW_MS = 10_000;

/**
 * A log that writes line by line. Of one message not more than `LIMITS.logLinesPerMessage` lines are written in ten seconds: whoever makes this
 * process complain of him cannot fill its disk. How many were left out is told afterwards. Debug lines are asked for and all written.
 */
export function createLog(options: LogOptions): Log {
  return logOf(options, new LineCounts(), {});
}

function logOf(options: LogOptions, counts: LineCounts, context: LogFields): Log {
  const least = ORDER.indexOf(options.level);
  const write = (level: LogLevel, message: string, fields: LogFields) => options.write(formatLine(options, level, message, fields));
  const at = (level: LogLevel) => (message: string, fields?: LogFields) => {
    if (ORDER.indexOf(level) < least) return;
    if (level !== LogLevel.Debug) {
      for (const [of, lines] of counts.endWindow(options.now().getTime())) write(LogLevel.Warn, 'lines were left out', { of, lines });
      if (!counts.admit(message)) return;
    }
    write(level, message, { ...context, ...fields });
  };
  return {
    debug: at(LogLevel.Debug),
    info: at(LogLevel.Info),
    warn: at(LogLevel.Warn),
    error: at(LogLevel.Error),
    with: (fields) => logOf(options, counts, { ...context, ...fields }),
  };
}

/** Lines of each message in the window that runs. */
class LineCounts {
  readonly #counts = new Map<string, number>();
  #sinceMs = Number.NEGATIVE_INFINITY;

  /** Begins a new window when this one is over, and returns how many lines of which messages were not admitted in it. */
  endWindow(nowMs: number): readonly (readonly [message: string, leftOut: number])[] {
    // A calendar that was set back ends a window, too.
    if (Math.abs(nowMs - this.#sinceMs) < WINDOW_MS) return [];
    this.#sinceMs = nowMs;
    const leftOut = [...this.#counts].flatMap(([message, count]) => {
      const more = count - LIMITS.logLinesPerMessage;
      return more > 0 ? [[message, more] as const] : [];
    });
    this.#counts.clear();
    return leftOut;
  }

  admit(message: string): boolean {
    const count = (this.#counts.get(message) ?? 0) + 1;
    this.#counts.set(message, count);
    return count <= LIMITS.logLinesPerMessage;
  }
}

function formatLine(options: LogOptions, level: LogLevel, message: string, fields: LogFields): string {
  const time = options.now().toISOString();
  if (options.form === 'json') {
    return JSON.stringify({ time, level, message, ...fields }, (_key, value: unknown) =>
      typeof value === 'bigint' ? value.toString() : value,
    );
  }
  const pairs = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${harmless(String(value))}`);
  const line = [time, level.toUpperCase().padEnd(5), message, ...pairs].join(' ');
  const colour = COLOURS[level];
  return options.form === 'colour' && colour !== '' ? `${colour}${line}\u001b[0m` : line;
}

/** Values come from clients, too: none may begin a line of its own, or command the terminal. */
function harmless(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
