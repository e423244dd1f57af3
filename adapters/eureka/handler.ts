import { type Host, RegistryError, RegistryErrorCode } from '../../core/index.ts';
import { EurekaRequestError, UNPARSABLE } from './codec/errors.ts';
import { InstanceStatus, isStatus, isTree, parseTimestamp, readInstanceInfo, type Tree, toStatus } from './codec/instance-info.ts';
import { parseJsonBody } from './codec/json.ts';
import { parseXmlBody, parseXmlBodyInTurns } from './codec/xml.ts';
import type { Deflate } from './documents/deflated.ts';
import type { EncodedDocument } from './documents/document.ts';
import { EUREKA_LIMITS } from './limits.ts';
import { bodyForm, chooseRepresentation, mediaType, type Representation, wholeForm } from './negotiation.ts';
import { lastLeasesPage, statusPage } from './pages.ts';
import type { PeerAddresses } from './peers.ts';
import type { EurekaRegistry } from './registry.ts';
import { applyBatch, replicated } from './replication.ts';
import { statusDocument } from './status-document.ts';

/** What the handler needs of a request; no sockets. */
export interface EurekaRequest {
  readonly query: URLSearchParams;
  readonly accept: string | undefined;
  readonly acceptEncoding: string | undefined;
  /** `X-Eureka-Accept`. */
  readonly eurekaAccept: string | undefined;
  /** The caller says that a peer hands this operation on. Believed of peers only. */
  readonly isMarkedReplicated: boolean;
  readonly contentType: string | undefined;
  /** IP of the client. */
  readonly clientAddress: string;
}

export interface EurekaResponse {
  readonly status: number;
  readonly type?: string;
  /** Several buffers are one body, in order. */
  readonly body?: Buffer | string | readonly Buffer[];
  readonly isGzip?: boolean;
}

export interface EurekaHandlerOptions {
  readonly registry: EurekaRegistry;
  readonly host: Host;
  readonly deflate: Deflate;
  readonly peers: PeerAddresses;
  /** Shown on the status page. */
  readonly version: string;
}

const EMPTY = (status: number): EurekaResponse => ({ status });
/** A read that comes before the view is complete waits this long, then is told to try another server. */
const READY_WAIT_MS = 5_000;

/** An XML body up to this length is parsed at once: real registrations have some KiB. */
const XML_AT_ONCE_LENGTH = 16 * 1024;
/** How often a stranger that sends batches is reported. */
const STRANGER_LOG_MS = 60_000;

/** Means every operation of the protocol (R1-R7, W1-W6, P1, S1, S2) over the registry. */
export class EurekaHandler {
  readonly #registry: EurekaRegistry;
  readonly #host: Host;
  readonly #deflate: Deflate;
  readonly #peers: PeerAddresses;
  readonly #version: string;
  #strangerReportedMs = Number.NEGATIVE_INFINITY;
  #largeXml: Promise<unknown> = Promise.resolve();

  constructor({ registry, host, deflate, peers, version }: EurekaHandlerOptions) {
    this.#registry = registry;
    this.#host = host;
    this.#deflate = deflate;
    this.#peers = peers;
    this.#version = version;
  }

  async applications(request: EurekaRequest): Promise<EurekaResponse> {
    if (!(await this.#isShowable())) return EMPTY(403);
    const representation = this.#representation(request);
    return this.#document(this.#registry.view.full(representation.form), representation);
  }

  async delta(request: EurekaRequest): Promise<EurekaResponse> {
    if (!(await this.#isShowable())) return EMPTY(403);
    const representation = this.#representation(request);
    return this.#document(this.#registry.view.delta(representation.form, this.#host.clock.monotonicMs()), representation);
  }

  async application(request: EurekaRequest, app: string): Promise<EurekaResponse> {
    if (!(await this.#isShowable())) return EMPTY(403);
    const { form } = this.#representation(request);
    const document = this.#registry.view.application(app.toUpperCase(), form);
    return document === undefined ? EMPTY(404) : this.#document(document, { form, isGzip: false });
  }

  /** Whole always: there is no compact document of one instance. */
  async instance(request: EurekaRequest, app: string | undefined, instanceId: string): Promise<EurekaResponse> {
    if (!(await this.#isShowable())) return EMPTY(403);
    const { view } = this.#registry;
    const found = app === undefined ? view.findById(instanceId) : view.find(app.toUpperCase(), instanceId);
    if (found === undefined) return EMPTY(404);
    const form = wholeForm(this.#representation(request).form);
    return { status: 200, type: mediaType(form), body: view.instance(found, form) };
  }

  async vip(request: EurekaRequest, address: string, isSecure: boolean): Promise<EurekaResponse> {
    if (!(await this.#isShowable())) return EMPTY(403);
    const { form } = this.#representation(request);
    return this.#document(this.#registry.view.vip(address, isSecure, form), { form, isGzip: false });
  }

  async register(request: EurekaRequest, app: string, body: string): Promise<EurekaResponse> {
    const tree = await this.#parseBody(request.contentType, body);
    if (!isTree(tree['instance'])) throw new EurekaRequestError(400, UNPARSABLE);
    const info = readInstanceInfo(tree['instance'], this.#host.clock.wallMs());
    const expected = app.toUpperCase();
    if (expected !== info.app) throw new EurekaRequestError(400, `Mismatched appName, expecting ${expected} but was ${info.app}`);
    await this.#assertReady();
    await this.#registry.register(info, request.clientAddress, this.#isReplicated(request));
    return EMPTY(204);
  }

  /** Answers synchronously once the view is complete: the hottest request of all. */
  heartbeat(request: EurekaRequest, app: string, instanceId: string): EurekaResponse | Promise<EurekaResponse> {
    const dirtyTimestamp = dirtyOfHeartbeat(request.query);
    const name = app.toUpperCase();
    if (!this.#registry.isReady()) return this.#lateHeartbeat(request, name, instanceId, dirtyTimestamp);
    if (request.isMarkedReplicated && this.#isReplicated(request)) return this.#peerHeartbeat(request, name, instanceId, dirtyTimestamp);
    const status = this.#registry.heartbeat(name, instanceId, dirtyTimestamp);
    return typeof status === 'number'
      ? this.#written(name, instanceId, status)
      : status.then((each) => this.#written(name, instanceId, each));
  }

  async cancel(app: string, instanceId: string): Promise<EurekaResponse> {
    await this.#assertReady();
    return this.#written(app.toUpperCase(), instanceId, await this.#registry.cancel(app.toUpperCase(), instanceId));
  }

  async setStatus(request: EurekaRequest, app: string, instanceId: string): Promise<EurekaResponse> {
    const value = request.query.get('value') ?? '';
    if (!isStatus(value)) throw new EurekaRequestError(400, `value must be one of ${Object.values(InstanceStatus).join(', ')}`);
    await this.#assertReady();
    const name = app.toUpperCase();
    return this.#written(name, instanceId, await this.#registry.setStatus(name, instanceId, value, dirtyOf(request)));
  }

  async deleteStatus(request: EurekaRequest, app: string, instanceId: string): Promise<EurekaResponse> {
    const value = request.query.get('value');
    const status = value === null || value === '' ? InstanceStatus.Unknown : toStatus(value);
    await this.#assertReady();
    const name = app.toUpperCase();
    return this.#written(name, instanceId, await this.#registry.deleteStatus(name, instanceId, status, dirtyOf(request)));
  }

  async setMetadata(request: EurekaRequest, app: string, instanceId: string): Promise<EurekaResponse> {
    const entries = new Map<string, string>();
    for (const [key, value] of request.query) if (!entries.has(key)) entries.set(key, value);
    await this.#assertReady();
    return this.#written(app.toUpperCase(), instanceId, await this.#registry.addMetadata(app.toUpperCase(), instanceId, entries));
  }

  /** A peer's batch; answered as soon as it is applied, because existing servers wait 200 ms for it (Eureka protocol, replication). */
  async batch(request: EurekaRequest, body: string): Promise<EurekaResponse> {
    const form = bodyForm(request.contentType, body);
    if (form !== 'json') throw new EurekaRequestError(415, 'application/json is expected');
    const document = parseJsonBody(body, EUREKA_LIMITS.batchNodes);
    await this.#assertReady();
    return {
      status: 200,
      type: 'application/json',
      body: await applyBatch(document, this.#registry, this.#host, request.clientAddress),
    };
  }

  /**
   * Before the body of a batch is read: from anybody but a peer it is refused, because it could write into everybody's records, and because
   * what a peer sends must never be handed on again.
   *
   * @throws EurekaRequestError 403.
   */
  assertPeer(request: EurekaRequest): void {
    if (this.#peers.has(request.clientAddress)) return;
    const nowMs = this.#host.clock.monotonicMs();
    if (nowMs - this.#strangerReportedMs > STRANGER_LOG_MS) {
      this.#strangerReportedMs = nowMs;
      this.#host.log.warn('a replication batch is refused; is its sender missing in eureka.peer-addresses?', {
        address: request.clientAddress,
      });
    }
    throw new EurekaRequestError(403, 'replication is accepted from the addresses in eureka.peer-addresses only');
  }

  async status(request: EurekaRequest): Promise<EurekaResponse> {
    await this.#isReady();
    const form = wholeForm(this.#representation(request).form);
    return { status: 200, type: mediaType(form), body: statusDocument(this.#registry, this.#version, this.#host, form) };
  }

  async statusOverrides(): Promise<EurekaResponse> {
    await this.#assertReady();
    const overrides = Object.fromEntries(this.#registry.overrides.byInstanceId());
    return { status: 200, type: 'application/json', body: JSON.stringify(overrides) };
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

  #representation({ accept, acceptEncoding, eurekaAccept }: EurekaRequest): Representation {
    return chooseRepresentation({ accept, acceptEncoding, eurekaAccept });
  }

  /**
   * The answer to a write. What another protocol registered is not Eureka's to change: 404, which makes a client that means its own
   * registration register it, and a sentence for people.
   */
  #written(app: string, instanceId: string, outcome: number | boolean): EurekaResponse {
    const status = typeof outcome === 'number' ? outcome : outcome ? 200 : 404;
    if (status !== 404 || this.#registry.view.find(app, instanceId)?.isDerived !== true) return EMPTY(status);
    return { status, type: 'text/plain', body: `${instanceId} is registered through another protocol and can only be changed there\n` };
  }

  async #parseBody(contentType: string | undefined, body: string): Promise<Tree> {
    const form = bodyForm(contentType, body);
    if (form === undefined) throw new EurekaRequestError(415, 'application/json or application/xml is expected');
    if (form === 'json') return parseJsonBody(body);
    if (body.length > EUREKA_LIMITS.xmlLength)
      throw new EurekaRequestError(413, `an XML body has at most ${EUREKA_LIMITS.xmlLength} characters`);
    if (body.length <= XML_AT_ONCE_LENGTH) return parseXmlBody(body);
    // One large document at a time: the parser takes many times its length while it runs.
    const parsing = this.#largeXml
      .catch(() => undefined)
      .then(() => parseXmlBodyInTurns(body, () => new Promise((resolve) => this.#host.clock.soon(resolve))));
    this.#largeXml = parsing;
    return parsing;
  }

  #isReplicated(request: EurekaRequest): boolean {
    return request.isMarkedReplicated && this.#peers.has(request.clientAddress);
  }

  async #document(document: EncodedDocument, { form, isGzip }: Representation): Promise<EurekaResponse> {
    const head = { status: 200, type: mediaType(form) };
    return isGzip ? { ...head, body: await document.gzip(this.#deflate), isGzip } : { ...head, body: document.buffers };
  }

  async #peerHeartbeat(request: EurekaRequest, app: string, instanceId: string, dirty: number | undefined): Promise<EurekaResponse> {
    const status = await this.#registry.heartbeat(app, instanceId, dirty, replicated(request.query.get('overriddenstatus')));
    const newer = status === 409 ? this.#registry.view.find(app, instanceId) : undefined;
    if (newer === undefined) return EMPTY(status);
    const form = wholeForm(this.#representation(request).form);
    return { status, type: mediaType(form), body: this.#registry.view.instance(newer, form) };
  }

  async #lateHeartbeat(request: EurekaRequest, app: string, instanceId: string, dirty: number | undefined): Promise<EurekaResponse> {
    await this.#assertReady();
    if (this.#isReplicated(request)) return this.#peerHeartbeat(request, app, instanceId, dirty);
    return this.#written(app, instanceId, await this.#registry.heartbeat(app, instanceId, dirty));
  }

  async #isReady(): Promise<boolean> {
    if (this.#registry.isReady()) return true;
    const late = new Promise<void>((resolve) => this.#host.clock.schedule(READY_WAIT_MS, resolve));
    await Promise.race([this.#registry.whenReady(), late]);
    return this.#registry.isReady();
  }

  /** After a restart nobody is shown a list that lacks what is about to come back (another server, or the list of before, is better). */
  async #isShowable(): Promise<boolean> {
    if (this.#registry.isShowable()) return true;
    const late = new Promise<void>((resolve) => this.#host.clock.schedule(READY_WAIT_MS, resolve));
    await Promise.race([this.#registry.whenShowable(), late]);
    return this.#registry.isShowable();
  }

  async #assertReady(): Promise<void> {
    if (!(await this.#isReady())) throw new EurekaRequestError(503, 'the registry is starting');
  }
}

function dirtyOfHeartbeat(query: URLSearchParams): number | undefined {
  const dirty = query.get('lastDirtyTimestamp');
  return dirty === null ? undefined : parseTimestamp(dirty);
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
  return message.startsWith('{') ? mediaType('json') : message.startsWith('<') ? mediaType('xml') : 'text/plain';
}

const STATUS_BY_CODE: Readonly<Partial<Record<RegistryErrorCode, number>>> = {
  [RegistryErrorCode.InvalidArgument]: 400,
  [RegistryErrorCode.LimitExceeded]: 413,
  [RegistryErrorCode.NotFound]: 404,
  [RegistryErrorCode.Conflict]: 409,
  [RegistryErrorCode.Unavailable]: 503,
  [RegistryErrorCode.Timeout]: 503,
  [RegistryErrorCode.NotLeader]: 503,
  [RegistryErrorCode.StoreUnavailable]: 503,
  [RegistryErrorCode.Stopped]: 503,
};
