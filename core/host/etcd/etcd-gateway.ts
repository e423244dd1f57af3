import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Closeable } from '../../seams/transport.ts';

/** What etcd's JSON gateway says when it refuses: the numbers are those of gRPC. */
export const EtcdCode = { InvalidArgument: 3, NotFound: 5, ResourceExhausted: 8, OutOfRange: 11, Unauthenticated: 16 } as const;

/** An etcd that refused, or could not be reached. */
export class EtcdError extends Error {
  /** Of gRPC; undefined when no answer came. */
  readonly code: number | undefined;
  /** True when the request may have been carried out all the same. */
  readonly isOutcomeUnknown: boolean;

  constructor(message: string, code: number | undefined, isOutcomeUnknown: boolean) {
    super(message);
    this.name = 'EtcdError';
    this.code = code;
    this.isOutcomeUnknown = isOutcomeUnknown;
  }

  /** The quota is used up: writes are refused until space is freed and the alarm is put off. */
  get isOutOfSpace(): boolean {
    return this.code === EtcdCode.ResourceExhausted && this.message.includes('space exceeded');
  }
}

export interface EtcdGatewayOptions {
  /** `http://host:port` or `https://host:port`, one per member. */
  readonly endpoints: readonly string[];
  /** PEM texts, for https. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  /** For an etcd with authentication. */
  readonly user?: { readonly name: string; readonly password: string };
}

/** Refused by the gateway with these: another member may do it, and nothing was done. */
const NOT_DONE = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH', 'ENETUNREACH', 'EAI_AGAIN']);
const REQUEST_TIMEOUT_MS = 2_000;
/** No new try is begun after this long; who asks has a lease or a client that waits. */
const ASK_MOST_MS = 3_000;
/** Answers are bounded: a page of values is, and nothing else is large. */
const MOST_ANSWER_BYTES = 64 * 1024 * 1024;
/** Half-open connections of a watch are noticed by the kernel. */
const KEEP_ALIVE_MS = 5_000;

/**
 * etcd's own v3 JSON gateway over HTTP, which every etcd since 3.4 serves on its client port: POST /v3/..., 64-bit numbers as strings,
 * bytes as base64. Requests go to the member that answered last, and to the next one when it fails.
 */
export class EtcdGateway {
  readonly #options: EtcdGatewayOptions;
  readonly #agents = { http: new HttpAgent({ keepAlive: true }), https: new HttpsAgent({ keepAlive: true }) };
  #at = 0;
  #token: string | undefined;

  constructor(options: EtcdGatewayOptions) {
    this.#options = options;
  }

  get endpoints(): readonly string[] {
    return this.#options.endpoints;
  }

  /**
   * A request that may be sent twice. Tried at every member, twice around, for some seconds at most.
   * @throws EtcdError of the last try, or the first one that another member would answer alike.
   */
  async ask<Answer>(path: string, body: object): Promise<Answer> {
    const untilMs = performance.now() + ASK_MOST_MS;
    let failure: EtcdError | undefined;
    for (let attempt = 0; attempt < 2 * this.endpoints.length && performance.now() < untilMs; attempt += 1) {
      try {
        return await this.#send<Answer>(this.#endpoint(), path, body);
      } catch (caught) {
        failure = toEtcdError(caught);
        if (!failure.isOutcomeUnknown && failure.code !== undefined) throw failure;
        this.#at += 1;
      }
    }
    throw failure ?? new EtcdError('no etcd endpoints are configured', undefined, false);
  }

  /**
   * A request that must not be sent twice: the next member is only asked when the one before certainly did nothing.
   * @throws EtcdError, whose `isOutcomeUnknown` tells whether it may have been carried out.
   */
  async askOnce<Answer>(path: string, body: object): Promise<Answer> {
    let failure: EtcdError | undefined;
    for (let attempt = 0; attempt < this.endpoints.length; attempt += 1) {
      try {
        return await this.#send<Answer>(this.#endpoint(), path, body);
      } catch (caught) {
        failure = toEtcdError(caught);
        if (failure.code !== undefined && !failure.isOutcomeUnknown) throw failure;
        this.#at += 1;
        if (failure.isOutcomeUnknown) throw failure;
      }
    }
    throw failure ?? new EtcdError('no etcd endpoints are configured', undefined, false);
  }

  /** Of one member: upkeep concerns each of them. */
  askMember<Answer>(endpoint: string, path: string, body: object, timeoutMs: number): Promise<Answer> {
    return this.#send<Answer>(endpoint, path, body, timeoutMs);
  }

  /** An answer without end, one JSON object per line. `ended` is called once, also after `close`. */
  stream<Message>(path: string, body: object, message: (message: Message) => void, ended: (reason: string) => void): Closeable {
    const endpoint = this.#endpoint();
    let isEnded = false;
    const end = (reason: string) => {
      if (isEnded) return;
      isEnded = true;
      this.#at += 1;
      ended(reason);
    };
    const request = this.#open(endpoint, path, (answer) => {
      answer.setEncoding('utf8');
      let rest = '';
      answer.on('data', (text: string) => {
        const lines = (rest + text).split('\n');
        rest = lines.pop() ?? '';
        try {
          for (const line of lines) if (line.trim() !== '' && !isEnded) message(JSON.parse(line) as Message);
        } catch (caught) {
          request.destroy(caught instanceof Error ? caught : new Error(String(caught)));
        }
      });
      answer.on('close', () => end('the stream ended'));
    });
    request.on('socket', (socket) => socket.setKeepAlive(true, KEEP_ALIVE_MS));
    request.on('error', (error) => end(error.message));
    request.end(JSON.stringify(body));
    return { close: () => request.destroy() };
  }

  close(): void {
    this.#agents.http.destroy();
    this.#agents.https.destroy();
  }

  #endpoint(): string {
    return this.endpoints[this.#at % this.endpoints.length] ?? '';
  }

  async #send<Answer>(endpoint: string, path: string, body: object, timeoutMs = REQUEST_TIMEOUT_MS): Promise<Answer> {
    if (this.#options.user !== undefined && this.#token === undefined) await this.#authenticate(endpoint, timeoutMs);
    try {
      return await this.#exchange<Answer>(endpoint, path, body, timeoutMs);
    } catch (caught) {
      const isTokenOld = caught instanceof EtcdError && caught.code === EtcdCode.Unauthenticated && this.#options.user !== undefined;
      if (!isTokenOld) throw caught;
      await this.#authenticate(endpoint, timeoutMs);
      return this.#exchange<Answer>(endpoint, path, body, timeoutMs);
    }
  }

  async #authenticate(endpoint: string, timeoutMs: number): Promise<void> {
    this.#token = undefined;
    const { token } = await this.#exchange<{ readonly token: string }>(endpoint, 'auth/authenticate', this.#options.user ?? {}, timeoutMs);
    this.#token = token;
  }

  #exchange<Answer>(endpoint: string, path: string, body: object, timeoutMs: number): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const request = this.#open(endpoint, path, (answer) => {
        const parts: Buffer[] = [];
        let length = 0;
        answer.on('data', (part: Buffer) => {
          length += part.length;
          if (length > MOST_ANSWER_BYTES)
            request.destroy(new EtcdError(`an answer of more than ${MOST_ANSWER_BYTES} bytes`, undefined, true));
          else parts.push(part);
        });
        answer.on('error', reject);
        answer.on('end', () => {
          try {
            resolve(readAnswer<Answer>(answer.statusCode ?? 0, Buffer.concat(parts).toString('utf8')));
          } catch (caught) {
            reject(caught);
          }
        });
      });
      request.setTimeout(timeoutMs, () =>
        request.destroy(new EtcdError(`${endpoint} did not answer within ${timeoutMs} ms`, undefined, true)),
      );
      request.on('error', reject);
      request.end(JSON.stringify(body));
    });
  }

  #open(endpoint: string, path: string, answered: (answer: IncomingMessage) => void): ClientRequest {
    const url = new URL(`/v3/${path}`, endpoint);
    const headers = { 'content-type': 'application/json', ...(this.#token === undefined ? {} : { authorization: this.#token }) };
    if (url.protocol === 'https:') {
      return httpsRequest(url, { method: 'POST', headers, agent: this.#agents.https, ...this.#options.tls }, answered);
    }
    return httpRequest(url, { method: 'POST', headers, agent: this.#agents.http }, answered);
  }
}

/** @throws EtcdError for everything but a good answer. */
function readAnswer<Answer>(status: number, text: string): Answer {
  if (status === 200) return JSON.parse(text) as Answer;
  let refusal: { readonly message?: string; readonly error?: string; readonly code?: number } = {};
  try {
    refusal = JSON.parse(text);
  } catch {
    // Not of the gateway: a proxy in between, or something else on this port.
  }
  const message = refusal.message ?? refusal.error ?? `HTTP ${status} ${text.slice(0, 100)}`;
  const { code } = refusal;
  // Unavailable, deadline, internal and unknown may come after the proposal was made: "etcdserver: request timed out", "leader changed".
  const isCertain = code !== undefined && [3, 5, 6, 7, 8, 9, 11, 12, 16].includes(code);
  return fail(new EtcdError(message, code, !isCertain));
}

function fail(error: EtcdError): never {
  throw error;
}

function toEtcdError(caught: unknown): EtcdError {
  if (caught instanceof EtcdError) return caught;
  const message = caught instanceof Error ? caught.message : String(caught);
  const reason = caught instanceof Error && 'code' in caught ? String(caught.code) : '';
  return new EtcdError(message === '' ? reason : message, undefined, !NOT_DONE.has(reason));
}
