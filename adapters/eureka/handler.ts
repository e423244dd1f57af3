import { type Host, RegistryError, RegistryErrorCode } from '../../core/index.ts';
import { EurekaRequestError, UNPARSABLE } from './codec/errors.ts';
import { InstanceStatus, isStatus, isTree, parseTimestamp, readInstanceInfo, type Tree, toStatus } from './codec/instance-info.ts';
import { parseJsonBody } from './codec/json.ts';
import { parseXmlBody } from './codec/xml.ts';
import { bodyForm, chooseRepresentation, type Representation } from './negotiation.ts';
import { lastLeasesPage, statusPage } from './pages.ts';
import type { EurekaRegistry } from './registry.ts';
import type { EncodedDocument } from './registry-view.ts';

/** What the handler needs of a request; no sockets. */
export interface EurekaRequest {
  readonly query: URLSearchParams;
  readonly accept: string | undefined;
  readonly acceptEncoding: string | undefined;
  readonly contentType: string | undefined;
  /** IP of the client. */
  readonly clientAddress: string;
}

export interface EurekaResponse {
  readonly status: number;
  readonly type?: string;
  readonly body?: Buffer | string;
  readonly isGzip?: boolean;
}

/** Compresses off the event loop. */
export type Gzip = (body: Buffer) => Promise<Buffer>;

const EMPTY = (status: number): EurekaResponse => ({ status });
const TYPES = { json: 'application/json', xml: 'application/xml' } as const;
/** A read that comes before the view is complete waits this long, then is told to try another server. */
const READY_WAIT_MS = 5_000;

/** Means every operation of the protocol (R1-R7, W1-W6) over the registry. */
export class EurekaHandler {
  readonly #registry: EurekaRegistry;
  readonly #host: Host;
  readonly #gzip: Gzip;
  readonly #version: string;

  constructor(registry: EurekaRegistry, host: Host, gzip: Gzip, version: string) {
    this.#registry = registry;
    this.#host = host;
    this.#gzip = gzip;
    this.#version = version;
  }

  async applications(request: EurekaRequest): Promise<EurekaResponse> {
    if (!(await this.#isReady())) return EMPTY(403);
    const representation = this.#representation(request);
    return this.#document(this.#registry.view.full(representation.form), representation);
  }

  async delta(request: EurekaRequest): Promise<EurekaResponse> {
    if (!(await this.#isReady())) return EMPTY(403);
    const representation = this.#representation(request);
    return this.#document(this.#registry.view.delta(representation.form, this.#host.clock.monotonicMs()), representation);
  }

  async application(request: EurekaRequest, app: string): Promise<EurekaResponse> {
    if (!(await this.#isReady())) return EMPTY(403);
    const { form } = this.#representation(request);
    const document = this.#registry.view.application(app.toUpperCase(), form);
    return document === undefined ? EMPTY(404) : this.#document(document, { form, isGzip: false });
  }

  async instance(request: EurekaRequest, app: string | undefined, instanceId: string): Promise<EurekaResponse> {
    if (!(await this.#isReady())) return EMPTY(403);
    const { view } = this.#registry;
    const found = app === undefined ? view.findById(instanceId) : view.find(app.toUpperCase(), instanceId);
    if (found === undefined) return EMPTY(404);
    const { form } = this.#representation(request);
    return { status: 200, type: TYPES[form], body: view.instance(found, form) };
  }

  async vip(request: EurekaRequest, address: string, isSecure: boolean): Promise<EurekaResponse> {
    if (!(await this.#isReady())) return EMPTY(403);
    const { form } = this.#representation(request);
    return this.#document(this.#registry.view.vip(address, isSecure, form), { form, isGzip: false });
  }

  async register(request: EurekaRequest, app: string, body: string): Promise<EurekaResponse> {
    const tree = parseBody(request.contentType, body);
    if (!isTree(tree['instance'])) throw new EurekaRequestError(400, UNPARSABLE);
    const info = readInstanceInfo(tree['instance'], this.#host.clock.wallMs());
    const expected = app.toUpperCase();
    if (expected !== info.app) throw new EurekaRequestError(400, `Mismatched appName, expecting ${expected} but was ${info.app}`);
    await this.#assertReady();
    await this.#registry.register(info, request.clientAddress);
    return EMPTY(204);
  }

  /** Answers synchronously once the view is complete: the hottest request of all. */
  heartbeat(request: EurekaRequest, app: string, instanceId: string): EurekaResponse | Promise<EurekaResponse> {
    const dirty = request.query.get('lastDirtyTimestamp');
    const dirtyTimestamp = dirty === null ? undefined : parseTimestamp(dirty);
    if (!this.#registry.isReady()) return this.#lateHeartbeat(app.toUpperCase(), instanceId, dirtyTimestamp);
    const status = this.#registry.heartbeat(app.toUpperCase(), instanceId, dirtyTimestamp);
    return typeof status === 'number' ? EMPTY(status) : status.then(EMPTY);
  }

  async cancel(app: string, instanceId: string): Promise<EurekaResponse> {
    await this.#assertReady();
    return EMPTY((await this.#registry.cancel(app.toUpperCase(), instanceId)) ? 200 : 404);
  }

  async setStatus(request: EurekaRequest, app: string, instanceId: string): Promise<EurekaResponse> {
    const value = request.query.get('value') ?? '';
    if (!isStatus(value)) throw new EurekaRequestError(400, `value must be one of ${Object.values(InstanceStatus).join(', ')}`);
    await this.#assertReady();
    return EMPTY((await this.#registry.setStatus(app.toUpperCase(), instanceId, value, dirtyOf(request))) ? 200 : 404);
  }

  async deleteStatus(request: EurekaRequest, app: string, instanceId: string): Promise<EurekaResponse> {
    const value = request.query.get('value');
    const status = value === null || value === '' ? InstanceStatus.Unknown : toStatus(value);
    await this.#assertReady();
    return EMPTY((await this.#registry.deleteStatus(app.toUpperCase(), instanceId, status, dirtyOf(request))) ? 200 : 404);
  }

  async setMetadata(request: EurekaRequest, app: string, instanceId: string): Promise<EurekaResponse> {
    const entries = new Map<string, string>();
    for (const [key, value] of request.query) if (!entries.has(key)) entries.set(key, value);
    await this.#assertReady();
    return EMPTY((await this.#registry.addMetadata(app.toUpperCase(), instanceId, entries)) ? 200 : 404);
  }

  async statusPage(): Promise<EurekaResponse> {
    await this.#isReady();
    return {
      status: 200,
      type: 'text/html; charset=utf-8',
      body: statusPage(this.#registry, this.#version, new Date(this.#host.clock.wallMs())),
    };
  }

  lastLeasesPage(): EurekaResponse {
    return { status: 200, type: 'text/html; charset=utf-8', body: lastLeasesPage(this.#registry) };
  }

  #representation(request: EurekaRequest): Representation {
    return chooseRepresentation(request.accept, request.acceptEncoding);
  }

  async #document(document: EncodedDocument, { form, isGzip }: Representation): Promise<EurekaResponse> {
    const head = { status: 200, type: TYPES[form] };
    if (!isGzip) return { ...head, body: document.body };
    document.gzip ??= this.#gzip(document.body);
    return { ...head, body: await document.gzip, isGzip: true };
  }

  async #lateHeartbeat(app: string, instanceId: string, dirtyTimestamp: number | undefined): Promise<EurekaResponse> {
    await this.#assertReady();
    return EMPTY(await this.#registry.heartbeat(app, instanceId, dirtyTimestamp));
  }

  async #isReady(): Promise<boolean> {
    if (this.#registry.isReady()) return true;
    const late = new Promise<void>((resolve) => this.#host.clock.schedule(READY_WAIT_MS, resolve));
    await Promise.race([this.#registry.whenReady(), late]);
    return this.#registry.isReady();
  }

  async #assertReady(): Promise<void> {
    if (!(await this.#isReady())) throw new EurekaRequestError(503, 'the registry is starting');
  }
}

function parseBody(contentType: string | undefined, body: string): Tree {
  const form = bodyForm(contentType, body);
  if (form === undefined) throw new EurekaRequestError(415, 'application/json or application/xml is expected');
  return form === 'json' ? parseJsonBody(body) : parseXmlBody(body);
}

function dirtyOf(request: EurekaRequest): number | undefined {
  const dirty = request.query.get('lastDirtyTimestamp');
  return dirty === null || dirty === '' ? undefined : parseTimestamp(dirty);
}

/** The protocol's answer to whatever was thrown: the one table from the core's codes to Eureka's statuses. */
export function toErrorResponse(caught: unknown): EurekaResponse {
  if (caught instanceof EurekaRequestError) return { status: caught.status, type: errorType(caught.message), body: caught.message };
  const error = RegistryError.from(caught);
  const status = STATUS_BY_CODE[error.code] ?? 500;
  return { status, type: 'text/plain', body: error.message };
}

function errorType(message: string): string {
  return message.startsWith('{') ? TYPES.json : message.startsWith('<') ? TYPES.xml : 'text/plain';
}

const STATUS_BY_CODE: Readonly<Partial<Record<RegistryErrorCode, number>>> = {
  [RegistryErrorCode.InvalidArgument]: 400,
  [RegistryErrorCode.LimitExceeded]: 413,
  [RegistryErrorCode.NotFound]: 404,
  [RegistryErrorCode.Conflict]: 409,
  [RegistryErrorCode.Unavailable]: 503,
  [RegistryErrorCode.Timeout]: 503,
  [RegistryErrorCode.StoreUnavailable]: 503,
  [RegistryErrorCode.Stopped]: 503,
};
