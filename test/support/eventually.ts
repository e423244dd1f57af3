const DEADLINE_MS = 12_000;
const PAUSE_MS = 25;

/** Tries until it does not throw, or throws the last reason after the deadline. Tests wait for conditions, never for time. */
export async function eventually<T>(attempt: () => T | Promise<T>, deadlineMs = DEADLINE_MS): Promise<T> {
  const endMs = performance.now() + deadlineMs;
  for (;;) {
    try {
      return await attempt();
    } catch (caught) {
      if (performance.now() > endMs) throw caught;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}
