import { type DataInfoId, RegistryError, RegistryErrorCode } from '../../core/index.ts';

/*
 * What operators decide, as durable documents that every Session follows. Values are JSON.
 *
 *     sofa/config/<dataInfoId>      {"version":"<whole number>","data":"..."}                     for configurators
 *     sofa/blacklist/addresses      {"FORBIDDEN_PUB":{"IP_FULL":["10.0.0.1"]},...}                as SOFARegistry's operators write it
 *     sofa/blacklist/names          ["<dataInfoId>",...]
 */
export const CONFIGURATIONS = 'sofa/config/';
export const BLACKLISTS = 'sofa/blacklist/';
export const ADDRESS_BLACKLIST = 'sofa/blacklist/addresses';
export const NAME_BLACKLIST = 'sofa/blacklist/names';

/** Configuration data of one name. The version is the operator's own, by which a repeated or outdated change is told. */
export interface Configuration {
  readonly version: bigint;
  readonly data: string;
}

/** Which addresses may not do what: by operation (`FORBIDDEN_PUB`, `FORBIDDEN_SUB_BY_PREFIX`) and kind of match (`IP_FULL`). */
export type AddressBlacklist = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

export function configurationName(key: string): DataInfoId {
  return key.slice(CONFIGURATIONS.length) as DataInfoId;
}

export function encodeConfiguration({ version, data }: Configuration): Uint8Array {
  return encodeJson({ version: String(version), data });
}

/** undefined for a document that somebody else has written. */
export function decodeConfiguration(bytes: Uint8Array): Configuration | undefined {
  const value = decodeJson(bytes);
  if (!isRecord(value)) return undefined;
  const { version, data } = value;
  if (typeof version !== 'string' || !/^-?\d{1,19}$/.test(version) || typeof data !== 'string') return undefined;
  return { version: BigInt(version), data };
}

/** @throws RegistryError `invalid-argument` when it has another shape. */
export function readAddressBlacklist(value: unknown): AddressBlacklist {
  if (!isRecord(value)) throw invalid('the blacklist must be an object');
  for (const [operation, matches] of Object.entries(value)) {
    if (!isRecord(matches)) throw invalid(`${operation} must be an object`);
    for (const [kind, addresses] of Object.entries(matches)) {
      if (!isTexts(addresses)) throw invalid(`${operation}.${kind} must be an array of texts`);
    }
  }
  return value as AddressBlacklist;
}

export function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function encodeJson(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

/** undefined for what is no JSON. */
export function decodeJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as unknown;
  } catch {
    return undefined;
  }
}

function invalid(message: string): RegistryError {
  return new RegistryError(RegistryErrorCode.InvalidArgument, message);
}
