export type LogFields = Readonly<Record<string, string | number | bigint | boolean | undefined>>;

/** A log context that is passed on, never global. One line per decision that an operator may have to explain. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** The same log with fields added to every line. */
  with(fields: LogFields): Log;
}
