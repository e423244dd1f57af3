/**
 * Something that was started. Its start function resolves when it is ready to serve. `drain` ends new work and finishes
 * what runs; `stop` ends everything and releases all timers and handles. Both may be called twice, and stop without drain.
 */
export interface RunningRole {
  drain(): Promise<void>;
  stop(): Promise<void>;
}
