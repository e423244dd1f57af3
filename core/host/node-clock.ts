import type { Clock } from '../seams/clock.ts';

/** Node's clocks and timers. Timers are unreferenced: the listeners keep the process alive, not its housekeeping. */
export function createNodeClock(): Clock {
  return {
    monotonicMs: () => performance.now(),
    wallMs: () => Date.now(),
    schedule(delayMs, run) {
      const timer = setTimeout(run, Math.max(0, Math.ceil(delayMs)));
      timer.unref();
      return { cancel: () => clearTimeout(timer) };
    },
    soon: (run) => void setImmediate(run),
  };
}
