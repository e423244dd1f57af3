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

export function createLog(options: LogOptions, context: LogFields = {}): Log {
  const least = ORDER.indexOf(options.level);
  const at = (level: LogLevel) => (message: string, fields?: LogFields) => {
    if (ORDER.indexOf(level) < least) return;
    options.write(formatLine(options, level, message, { ...context, ...fields }));
  };
  return {
    debug: at(LogLevel.Debug),
    info: at(LogLevel.Info),
    warn: at(LogLevel.Warn),
    error: at(LogLevel.Error),
    with: (fields) => createLog(options, { ...context, ...fields }),
  };
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
    .map(([name, value]) => `${name}=${String(value)}`);
  const line = [time, level.toUpperCase().padEnd(5), message, ...pairs].join(' ');
  const colour = COLOURS[level];
  return options.form === 'colour' && colour !== '' ? `${colour}${line}\u001b[0m` : line;
}
