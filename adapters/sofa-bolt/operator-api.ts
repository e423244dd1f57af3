import {
  type DataInfoId,
  DEFAULT_INSTANCE_ID,
  type DocumentGateway,
  type DocumentWatch,
  decodeStopPush,
  encodeStopPush,
  formatDataInfoId,
  type Host,
  LIMITS,
  parseDataInfoId,
  RegistryError,
  RegistryErrorCode,
  STOP_PUSH_KEY,
  type StoredDocument,
} from '../../core/index.ts';
import { SOFA_LIMITS } from './limits.ts';
import {
  ADDRESS_BLACKLIST,
  CONFIGURATIONS,
  decodeConfiguration,
  decodeJson,
  encodeConfiguration,
  encodeJson,
  isRecord,
  isTexts,
  NAME_BLACKLIST,
  readAddressBlacklist,
} from './operator-records.ts';

export interface OperatorRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: string;
}

export interface OperatorAnswer {
  readonly status: number;
  readonly json: unknown;
}

type Handler = (request: OperatorRequest) => Promise<OperatorAnswer>;

/**
 * What operators and scripts of a SOFARegistry call on its Meta port, in its own words (SOFA bolt protocol, HTTP admin API): the push switch, the
 * data of configurators, blacklists. The caller has been admitted already. Every change is a durable document that all Sessions follow.
 */
export class SofaOperatorApi {
  readonly #documents: DocumentGateway;
  readonly #host: Host;
  readonly #watches: readonly DocumentWatch[];
  readonly #routes: ReadonlyMap<string, Handler>;

  constructor(documents: DocumentGateway, host: Host) {
    this.#documents = documents;
    this.#host = host;
    this.#watches = [documents.watch('sofa/', () => undefined), documents.watch(STOP_PUSH_KEY, () => undefined)];
    this.#routes = new Map<string, Handler>([
      // "Open" opens the switch that stops pushing. Upstream changes it by GET, and so do the scripts that call it.
      ...both('/stopPushDataSwitch/open', () => this.#stopPush([])),
      ...both('/stopPushDataSwitch/close', () => this.#resumePush()),
      ['POST /stopPushDataSwitch/grayOpen', ({ body }) => this.#stopPush(readAddresses(body))],
      ['GET /digest/pushSwitch', async () => ok(this.#pushSwitch())],
      ['POST /persistentData/put', ({ body }) => this.#putConfiguration(readJson(body))],
      ['POST /persistentData/remove', ({ body }) => this.#removeConfiguration(readJson(body))],
      ['GET /persistentData/query', async ({ query }) => ok({ success: true, message: null, data: this.#configuration(query) })],
      ['POST /blacklist/update', ({ body }) => this.#putBlacklist(readJson(body))],
      ['POST /datainfoid/blacklist/add', ({ body }) => this.#changeNames(body, (names, name) => names.add(name))],
      ['POST /datainfoid/blacklist/delete', ({ body }) => this.#changeNames(body, (names, name) => names.delete(name))],
      ['GET /datainfoid/blacklist/query', async () => ok({ success: true, message: null, data: this.#names() ?? null })],
    ]);
  }

  /** undefined for a path that is none of this API's. */
  async answer(request: OperatorRequest): Promise<OperatorAnswer | undefined> {
    const handler = this.#routes.get(`${request.method} ${request.path}`);
    if (handler === undefined) return undefined;
    await Promise.all(this.#watches.map((watch) => watch.ready));
    try {
      return await handler(request);
    } catch (caught) {
      const error = RegistryError.from(caught);
      return { status: STATUS.get(error.code) ?? 500, json: { success: false, message: error.message } };
    }
  }

  close(): void {
    for (const watch of this.#watches) watch.close();
  }

  async #stopPush(except: readonly string[]): Promise<OperatorAnswer> {
    await this.#documents.put(STOP_PUSH_KEY, encodeStopPush({ except }));
    this.#host.log.warn('an operator has stopped pushing', { except: except.join(' ') });
    return ok(RESULT);
  }

  async #resumePush(): Promise<OperatorAnswer> {
    if (await this.#documents.delete(STOP_PUSH_KEY)) this.#host.log.warn('an operator has resumed pushing', {});
    return ok(RESULT);
  }

  /** All values are texts, as upstream writes them. */
  #pushSwitch(): unknown {
    const document = this.#get(STOP_PUSH_KEY);
    const except = document === undefined ? [] : decodeStopPush(document.value).except;
    const stopPush = String(document !== undefined);
    if (except.length === 0) return { stopPush, 'gray push switch msg': 'data is empty', grayPushSwitch: '' };
    return { stopPush, grayPushSwitch: JSON.stringify({ ips: except }) };
  }

  async #putConfiguration(value: unknown): Promise<OperatorAnswer> {
    const name = nameOf(value);
    const data = isRecord(value) ? value['data'] : undefined;
    if (typeof data !== 'string') throw invalid('data must be a text');
    if (data.length > SOFA_LIMITS.configurationLength)
      throw new RegistryError(RegistryErrorCode.LimitExceeded, `data has at most ${SOFA_LIMITS.configurationLength} characters`);
    const version = versionOf(value) ?? BigInt(this.#host.clock.wallMs());
    const known = this.#get(`${CONFIGURATIONS}${name}`);
    const before = known === undefined ? undefined : decodeConfiguration(known.value);
    // Upstream's words for "outdated or repeated" are no words at all.
    if (before !== undefined && version <= before.version) return ok({ success: false, message: null });
    await this.#documents.put(`${CONFIGURATIONS}${name}`, encodeConfiguration({ version, data }), known?.revision ?? 0);
    return ok(RESULT);
  }

  async #removeConfiguration(value: unknown): Promise<OperatorAnswer> {
    await this.#documents.delete(`${CONFIGURATIONS}${nameOf(value)}`);
    return ok(RESULT);
  }

  #configuration(query: URLSearchParams): unknown {
    const name = query.get('dataInfoId') ?? '';
    const { dataId, group, instanceId } = parseDataInfoId(name);
    const document = this.#get(`${CONFIGURATIONS}${name}`);
    const configuration = document === undefined ? undefined : decodeConfiguration(document.value);
    return configuration === undefined
      ? null
      : { dataId, group, instanceId, version: Number(configuration.version), data: configuration.data };
  }

  async #putBlacklist(value: unknown): Promise<OperatorAnswer> {
    await this.#documents.put(ADDRESS_BLACKLIST, encodeJson(readAddressBlacklist(value)));
    return ok(RESULT);
  }

  #names(): readonly string[] | undefined {
    const document = this.#get(NAME_BLACKLIST);
    const names = document === undefined ? undefined : decodeJson(document.value);
    return isTexts(names) ? names : undefined;
  }

  async #changeNames(form: string, change: (names: Set<string>, name: DataInfoId) => void): Promise<OperatorAnswer> {
    const name = nameOf(Object.fromEntries(new URLSearchParams(form)));
    const names = new Set(this.#names() ?? []);
    change(names, name);
    await this.#documents.put(NAME_BLACKLIST, encodeJson([...names].sort()), this.#get(NAME_BLACKLIST)?.revision ?? 0);
    return ok(RESULT);
  }

  #get(key: string): StoredDocument | undefined {
    for (const watch of this.#watches) {
      const document = watch.get(key);
      if (document !== undefined) return document;
    }
    return undefined;
  }
}

const RESULT = { success: true, message: null };

const STATUS: ReadonlyMap<RegistryErrorCode, number> = new Map([
  [RegistryErrorCode.InvalidArgument, 400],
  [RegistryErrorCode.Malformed, 400],
  [RegistryErrorCode.LimitExceeded, 413],
  [RegistryErrorCode.Conflict, 409],
  [RegistryErrorCode.Unavailable, 503],
  [RegistryErrorCode.StoreUnavailable, 503],
]);

function ok(json: unknown): OperatorAnswer {
  return { status: 200, json };
}

function both(path: string, handler: Handler): readonly [string, Handler][] {
  return [
    [`GET ${path}`, handler],
    [`POST ${path}`, handler],
  ];
}

function readJson(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch (cause) {
    throw new RegistryError(RegistryErrorCode.Malformed, 'the body is no JSON', { cause });
  }
}

function readAddresses(body: string): readonly string[] {
  const value = readJson(body);
  const ips = isRecord(value) ? value['ips'] : undefined;
  if (!isTexts(ips)) throw invalid('ips must be an array of addresses');
  return ips;
}

/** The DataInfoId of `{dataId, group, instanceId}`. */
function nameOf(value: unknown): DataInfoId {
  if (!isRecord(value)) throw invalid('the body must be an object');
  const { dataId, group, instanceId = DEFAULT_INSTANCE_ID } = value;
  if (typeof dataId !== 'string' || typeof group !== 'string' || typeof instanceId !== 'string')
    throw invalid('dataId, group and instanceId must be texts');
  const name = formatDataInfoId({ dataId, group, instanceId: instanceId === '' ? DEFAULT_INSTANCE_ID : instanceId });
  if (CONFIGURATIONS.length + name.length > LIMITS.documentKeyLength) throw invalid('dataId, group and instanceId are too long');
  return name;
}

/** Upstream's clients send milliseconds since 1970. undefined when there is none. */
function versionOf(value: unknown): bigint | undefined {
  const version = isRecord(value) ? value['version'] : undefined;
  if (version === undefined || version === null) return undefined;
  if (typeof version !== 'number' || !Number.isSafeInteger(version)) throw invalid('version must be a whole number');
  return BigInt(version);
}

function invalid(message: string): RegistryError {
  return new RegistryError(RegistryErrorCode.InvalidArgument, message);
}
