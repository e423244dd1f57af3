/** A Java object: its class and its fields by name. Field sets and orders differ between client versions, so nobody reads them by position. */
export class HessianObject {
  readonly className: string;
  readonly fields: ReadonlyMap<string, HessianValue>;

  constructor(className: string, fields: ReadonlyMap<string, HessianValue>) {
    this.className = className;
    this.fields = fields;
  }
}

/** A `java.util.Date`. */
export class HessianDate {
  readonly epochMs: bigint;

  constructor(epochMs: bigint) {
    this.epochMs = epochMs;
  }
}

/**
 * What a Hessian content can hold: int and double are numbers, long is bigint, a list is an array, a map a Map (so that no key is special), a byte
 * array a window on the content. References make values shared, and a list may even contain itself.
 */
export type HessianValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | HessianDate
  | HessianObject
  | readonly HessianValue[]
  | ReadonlyMap<HessianValue, HessianValue>;
