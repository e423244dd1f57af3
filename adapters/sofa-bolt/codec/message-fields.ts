import { RegistryError, RegistryErrorCode } from '../../../core/index.ts';
import { BoltClass } from './class-names.ts';
import { decodeHessian } from './hessian-reader.ts';
import { HessianObject, type HessianValue } from './hessian-value.ts';
import { HessianClass, type HessianWriter } from './hessian-writer.ts';

/** One published text. Java may leave it null; then it is stored and pushed as it is. */
export interface DataBox {
  readonly data: string | null;
}

const BOX = new HessianClass(BoltClass.DataBox, ['data']);

/**
 * The fields of one decoded object, by name and with Java's defaults for those that are missing or null. A value of another type than the field's is
 * `invalid-argument`, element types included: Java takes a list of texts for a list of boxes and loses it later.
 */
export class MessageFields {
  readonly #object: HessianObject;

  /**
   * What was read already, since references let a small content name one list a thousand times: it is converted once.
   */
  readonly #seen: Map<HessianValue, unknown>;

  private constructor(object: HessianObject, seen: Map<HessianValue, unknown>) {
    this.#object = object;
    this.#seen = seen;
  }

  /** Decodes a content that is one object of the first class and may hold objects of the others. */
  static decode(content: Uint8Array, className: BoltClass, ...inner: readonly BoltClass[]): MessageFields {
    const value = decodeHessian(content, new Set([className, ...inner]));
    if (!(value instanceof HessianObject) || value.className !== className) return refuse(`the content is no ${className}`);
    return new MessageFields(value, new Map());
  }

  text(field: string): string | null {
    return this.#textOrNull(this.#get(field), field);
  }

  bool(field: string): boolean {
    const value = this.#get(field) ?? false;
    return typeof value === 'boolean' ? value : this.#wrong(field, 'a boolean');
  }

  /** Ints are taken for longs, as in Java. */
  long(field: string): bigint {
    const value = this.#get(field) ?? 0n;
    if (typeof value === 'bigint') return value;
    return typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : this.#wrong(field, 'a long');
  }

  int(field: string): number | null {
    const value = this.#get(field);
    if (value === null) return null;
    const number = typeof value === 'number' || typeof value === 'bigint' ? Number(value) : Number.NaN;
    return number === (number | 0) ? number : this.#wrong(field, 'an int');
  }

  bytes(field: string): Uint8Array | null {
    const value = this.#get(field);
    return value === null || value instanceof Uint8Array ? value : this.#wrong(field, 'a byte array');
  }

  /** Null is an empty list. */
  texts(field: string): string[] {
    const value = this.#get(field) ?? [];
    if (!isList(value)) return this.#wrong(field, 'a list');
    return value.map((item) => (typeof item === 'string' ? item : this.#wrong(field, 'a list of texts')));
  }

  /** Null, as a map and as a value, is empty. */
  textMap(field: string): Map<string, string> {
    const value = this.#get(field) ?? new Map();
    if (!(value instanceof Map)) return this.#wrong(field, 'a map');
    return new Map([...value].map(([key, item]) => [this.#text(key, field), this.#textOrNull(item, field) ?? '']));
  }

  box(field: string): DataBox | null {
    const value = this.#get(field);
    return value === null ? null : this.#box(value, field);
  }

  boxes(field: string): readonly DataBox[] | null {
    const value = this.#get(field);
    return value === null ? null : this.#boxes(value, field);
  }

  /** A map from zones to boxes. */
  zones(field: string): ReadonlyMap<string, readonly DataBox[]> | null {
    const value = this.#get(field);
    if (value === null) return null;
    if (!(value instanceof Map)) return this.#wrong(field, 'a map');
    return this.#once(
      value,
      () => new Map([...value].map(([key, item]) => [this.#text(key, field), this.#once(item, () => this.#boxes(item, field))])),
    );
  }

  /** A map from texts to objects of one class; null is empty. */
  objects<T>(field: string, className: BoltClass, read: (fields: MessageFields) => T): Map<string, T> {
    const value = this.#get(field) ?? new Map();
    if (!(value instanceof Map)) return this.#wrong(field, 'a map');
    return new Map(
      [...value].map(([key, item]) => {
        if (!(item instanceof HessianObject) || item.className !== className) return this.#wrong(field, `a map of ${className}`);
        return [this.#text(key, field), read(new MessageFields(item, this.#seen))];
      }),
    );
  }

  #get(field: string): HessianValue {
    return this.#object.fields.get(field) ?? null;
  }

  #text(value: HessianValue, field: string): string {
    return typeof value === 'string' ? value : this.#wrong(field, 'a text');
  }

  #textOrNull(value: HessianValue, field: string): string | null {
    return value === null ? null : this.#text(value, field);
  }

  #boxes(value: HessianValue, field: string): readonly DataBox[] {
    if (!isList(value)) return this.#wrong(field, 'a list');
    return value.map((item) => this.#box(item, field));
  }

  #box(value: HessianValue, field: string): DataBox {
    if (!(value instanceof HessianObject) || value.className !== BoltClass.DataBox) return this.#wrong(field, 'a DataBox');
    return { data: this.#textOrNull(value.fields.get('data') ?? null, field) };
  }

  /** A value has one type in one message, so what is kept for it has the type that is asked for, or the conversion has thrown before. */
  #once<T>(value: HessianValue, convert: () => T): T {
    if (!this.#seen.has(value)) this.#seen.set(value, convert());
    return this.#seen.get(value) as T;
  }

  #wrong(field: string, wanted: string): never {
    return refuse(`${this.#object.className}.${field} is not ${wanted}`);
  }
}

export function writeBox(box: DataBox, writer: HessianWriter): void {
  writer.object(BOX).text(box.data);
}

export function writeText(text: string, writer: HessianWriter): void {
  writer.text(text);
}

function isList(value: HessianValue): value is readonly HessianValue[] {
  return Array.isArray(value);
}

function refuse(message: string): never {
  throw new RegistryError(RegistryErrorCode.InvalidArgument, message);
}
