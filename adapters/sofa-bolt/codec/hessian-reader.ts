import { RegistryError, RegistryErrorCode } from '../../../core/index.ts';
import { HessianInput } from './hessian-input.ts';
import { HessianDate, HessianObject, type HessianValue } from './hessian-value.ts';
import { BOLT_LIMITS } from './limits.ts';

/*
 * The early draft of Hessian 2 that sofa-hessian 3.x writes (SOFA bolt protocol, the exact dialect), by first byte:
 *
 *     00..1f text    20..2f bytes   38..3f long    42 62 bytes     44 67..6b double    46 54 boolean   49 int     4a 4b 52 reference
 *     4c long        4d map         4e null        4f class        53 73 text          56 76 list      64 date    6f object
 *     77 long        7a end         80..d7 int     d8..ff long
 *
 * Everything else is an error; 43 tells the final Hessian 2.0, which no registry server reads.
 */

interface ClassDefinition {
  readonly name: string;
  readonly fields: readonly string[];
  /** The number of fields and their names, as they were read. */
  readonly fieldBytes: Uint8Array;
}

/**
 * Of each allowed class the definition that came last. Java defines a class in every content, and clients of one version in the same bytes, so that
 * fifteen names need not be read each time.
 */
const lastDefined = new Map<string, ClassDefinition>();

/**
 * Decodes a content that is one value. Objects of classes outside `allowed` are refused; names of list and map types are ignored, since no class is
 * ever looked up by them. A typed map named like an allowed class is an object of it, as in Java.
 *
 * @throws RegistryError `malformed` for broken bytes, `invalid-argument` for a class that is not allowed, `limit-exceeded` for a limit of BOLT_LIMITS.
 */
export function decodeHessian(content: Uint8Array, allowed: ReadonlySet<string>): HessianValue {
  return new HessianReader(content, allowed).readContent();
}

class HessianReader {
  readonly #input: HessianInput;
  readonly #allowed: ReadonlySet<string>;
  readonly #classes: ClassDefinition[] = [];
  readonly #types: string[] = [];
  /** Every list, map and object in the order in which they begin. */
  readonly #shared: HessianValue[] = [];
  #values = 0;
  #depth = 0;

  constructor(content: Uint8Array, allowed: ReadonlySet<string>) {
    this.#input = new HessianInput(content);
    this.#allowed = allowed;
  }

  readContent(): HessianValue {
    const value = this.#value();
    if (this.#input.remaining > 0) this.#input.fail(`${this.#input.remaining} bytes too many`);
    return value;
  }

  #value(): HessianValue {
    this.#values += 1;
    if (this.#values > BOLT_LIMITS.values) limit(`more than ${BOLT_LIMITS.values} values`);
    let tag = this.#input.u8();
    // A definition is a prefix of the value behind it. Their number is limited, so this ends.
    while (tag === 0x4f) {
      this.#define();
      tag = this.#input.u8();
    }
    if (tag >= 0x80) return tag < 0xd8 ? this.#input.int(tag) : this.#input.long(tag);
    if (tag < 0x20) return this.#input.text(tag);
    if (tag < 0x30) return this.#input.raw(tag - 0x20);
    if (tag >= 0x38 && tag < 0x40) return this.#input.long(tag);
    return this.#tagged(tag);
  }

  #tagged(tag: number): HessianValue {
    const input = this.#input;
    switch (tag) {
      case 0x42:
      case 0x62:
        return this.#chunkedBytes(tag);
      case 0x46:
        return false;
      case 0x49:
        return input.i32();
      case 0x4a:
        return this.#reference(input.u8());
      case 0x4b:
        return this.#reference(input.u16());
      case 0x4c:
        return input.i64();
      case 0x4d:
        return this.#nested(() => this.#map());
      case 0x4e:
        return null;
      case 0x52:
        return this.#reference(input.i32());
      case 0x53:
      case 0x73:
        return this.#chunkedText(tag);
      case 0x54:
        return true;
      case 0x56:
        return this.#nested(() => this.#list());
      case 0x64:
        return new HessianDate(input.i64());
      case 0x6f:
        return this.#nested(() => this.#object());
      case 0x76:
        return this.#nested(() => this.#shortList());
      case 0x77:
        return BigInt(input.i32());
      default:
        return input.double(tag);
    }
  }

  #chunkedText(first: number): string {
    if (first === 0x53) return this.#input.text(this.#input.u16());
    const parts: string[] = [];
    let tag = first;
    while (tag === 0x73) {
      parts.push(this.#input.text(this.#input.u16()));
      tag = this.#input.u8();
    }
    if (tag === 0x53) parts.push(this.#input.text(this.#input.u16()));
    else if (tag < 0x20) parts.push(this.#input.text(tag));
    else this.#input.fail(`0x${tag.toString(16)} continues no text`);
    return parts.join('');
  }

  #chunkedBytes(first: number): Uint8Array {
    const parts: Uint8Array[] = [];
    let tag = first;
    while (tag === 0x62) {
      parts.push(this.#input.raw(this.#input.u16()));
      tag = this.#input.u8();
    }
    if (tag === 0x42) parts.push(this.#input.raw(this.#input.u16()));
    else if (tag >= 0x20 && tag < 0x30) parts.push(this.#input.raw(tag - 0x20));
    else this.#input.fail(`0x${tag.toString(16)} continues no byte array`);
    return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts);
  }

  #reference(index: number): HessianValue {
    return this.#shared[index] ?? this.#input.fail(`there is no object ${index} to refer to`);
  }

  #nested<T>(read: () => T): T {
    this.#depth += 1;
    if (this.#depth > BOLT_LIMITS.depth) limit(`more than ${BOLT_LIMITS.depth} levels of nesting`);
    const value = read();
    this.#depth -= 1;
    return value;
  }

  #list(): HessianValue {
    const items: HessianValue[] = [];
    this.#shared.push(items);
    this.#type();
    const declared = this.#length();
    while (this.#input.peek() !== 0x7a) items.push(this.#value());
    this.#input.u8();
    if (declared !== undefined && declared !== items.length) this.#input.fail(`a list of ${declared} has ${items.length} items`);
    return items;
  }

  /** A list whose type was written before: no tag before its length, and no end. */
  #shortList(): HessianValue {
    const items: HessianValue[] = [];
    this.#shared.push(items);
    this.#typeReference();
    const length = this.#checkedLength(this.#input.int());
    for (let i = 0; i < length; i += 1) items.push(this.#value());
    return items;
  }

  #length(): number | undefined {
    const tag = this.#input.peek();
    if (tag !== 0x6e && tag !== 0x6c) return undefined;
    this.#input.u8();
    return this.#checkedLength(tag === 0x6e ? this.#input.u8() : this.#input.i32());
  }

  /** Each item takes at least one byte. */
  #checkedLength(length: number): number {
    if (length < 0 || length > this.#input.remaining) this.#input.fail(`a list of ${length} items does not fit into the content`);
    return length;
  }

  #map(): HessianValue {
    const type = this.#type();
    if (type !== undefined && this.#allowed.has(type)) {
      const fields = new Map<string, HessianValue>();
      const value = new HessianObject(type, fields);
      this.#shared.push(value);
      this.#entries((key, item) => {
        if (typeof key !== 'string') this.#input.fail('a field name is no text');
        fields.set(key, item);
      });
      return value;
    }
    const entries = new Map<HessianValue, HessianValue>();
    this.#shared.push(entries);
    this.#entries((key, item) => entries.set(key, item));
    return entries;
  }

  #entries(add: (key: HessianValue, item: HessianValue) => void): void {
    while (this.#input.peek() !== 0x7a) {
      const key = this.#value();
      add(key, this.#value());
    }
    this.#input.u8();
  }

  #object(): HessianValue {
    const index = this.#input.int();
    const definition = this.#classes[index] ?? this.#input.fail(`there is no class ${index}`);
    const fields = new Map<string, HessianValue>();
    const value = new HessianObject(definition.name, fields);
    this.#shared.push(value);
    for (const field of definition.fields) fields.set(field, this.#value());
    return value;
  }

  #define(): void {
    if (this.#classes.length === BOLT_LIMITS.classDefinitions) limit(`more than ${BOLT_LIMITS.classDefinitions} classes`);
    const name = this.#name(this.#input.int());
    if (!this.#allowed.has(name)) throw new RegistryError(RegistryErrorCode.InvalidArgument, `the class ${name} is not allowed`);
    let definition = lastDefined.get(name);
    if (definition === undefined || !this.#input.skip(definition.fieldBytes)) {
      definition = this.#fieldsOf(name);
      lastDefined.set(name, definition);
    }
    this.#classes.push(definition);
  }

  #fieldsOf(name: string): ClassDefinition {
    const { offset } = this.#input;
    const count = this.#input.int();
    if (count < 0) this.#input.fail(`a class has ${count} fields`);
    if (count > BOLT_LIMITS.fieldsPerClass) limit(`the class ${name} has ${count} fields, more than ${BOLT_LIMITS.fieldsPerClass}`);
    const fields: string[] = [];
    for (let i = 0; i < count; i += 1) fields.push(this.#fieldName());
    if (new Set(fields).size !== count) this.#input.fail(`the class ${name} has a field twice`);
    return { name, fields, fieldBytes: this.#input.since(offset) };
  }

  /** A field name is an ordinary text, but none that goes over chunks. */
  #fieldName(): string {
    const tag = this.#input.u8();
    if (tag < 0x20) return this.#input.text(tag);
    if (tag !== 0x53) this.#input.fail(`0x${tag.toString(16)} begins no field name`);
    return this.#name(this.#input.u16());
  }

  #name(length: number): string {
    if (length < 0) this.#input.fail(`a name has ${length} characters`);
    if (length > BOLT_LIMITS.nameLength) limit(`a name has ${length} characters, more than ${BOLT_LIMITS.nameLength}`);
    return this.#input.text(length);
  }

  /** The optional type of a list or map. */
  #type(): string | undefined {
    const tag = this.#input.peek();
    if (tag === 0x74) {
      this.#input.u8();
      const type = this.#name(this.#input.u16());
      this.#types.push(type);
      return type;
    }
    // Java's reader takes 0x54 here too, but its writer never does, and it could as well be the value `true`.
    if (tag !== 0x75) return undefined;
    this.#input.u8();
    return this.#typeReference();
  }

  #typeReference(): string {
    const index = this.#input.int();
    return this.#types[index] ?? this.#input.fail(`there is no type ${index}`);
  }
}

function limit(message: string): never {
  throw new RegistryError(RegistryErrorCode.LimitExceeded, message);
}
