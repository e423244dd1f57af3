/**
 * An operator's switch: while the document of this key exists nothing is pushed to connected clients, except to the addresses it names. A
 * subscriber that comes meanwhile gets its first push when the switch is opened again.
 */
export const STOP_PUSH_KEY = 'switch/stop-push';

export interface StopPush {
  /** Addresses, without ports, that are pushed to all the same. */
  readonly except: readonly string[];
}

/** The document: JSON, so that an operator can read what is stored. */
export function encodeStopPush(stop: StopPush): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ except: stop.except }));
}

/** Whatever the document says, its existence stops pushing: one that cannot be read excepts nobody. */
export function decodeStopPush(value: Uint8Array): StopPush {
  try {
    const { except } = JSON.parse(new TextDecoder().decode(value)) as { readonly except?: unknown };
    return { except: Array.isArray(except) ? except.filter((address) => typeof address === 'string') : [] };
  } catch {
    return { except: [] };
  }
}
