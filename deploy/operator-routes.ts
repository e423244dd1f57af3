import type { IncomingMessage } from 'node:http';
import type { SofaOperatorApi } from '../adapters/sofa-bolt/operator-api.ts';
import { LIMITS, RegistryError, RegistryErrorCode, type SessionServer } from '../core/index.ts';
import type { NodeParts } from './roles.ts';

export interface OperatorAnswer {
  readonly status: number;
  readonly body: string;
}

/** The operators' API on the admin port of a node with a Session. It is loaded with the first request that is meant for it. */
export class OperatorRoutes {
  readonly #parts: NodeParts;
  #api: Promise<SofaOperatorApi> | undefined;

  constructor(parts: NodeParts) {
    this.#parts = parts;
  }

  /** The caller is admitted already. undefined for a path that is not served. */
  async answer(request: IncomingMessage, path: string, query: string): Promise<OperatorAnswer | undefined> {
    const { session } = this.#parts;
    if (session === undefined) return undefined;
    this.#api ??= this.#load(session);
    const api = await this.#api;
    try {
      const body = await readBody(request);
      const answer = await api.answer({ method: request.method ?? 'GET', path, query: new URLSearchParams(query), body });
      return answer === undefined ? undefined : { status: answer.status, body: `${JSON.stringify(answer.json)}\n` };
    } catch (caught) {
      const error = RegistryError.from(caught);
      if (error.code !== RegistryErrorCode.LimitExceeded) throw error;
      return { status: 413, body: `${JSON.stringify({ success: false, message: error.message })}\n` };
    }
  }

  async stop(): Promise<void> {
    (await this.#api)?.close();
  }

  async #load(session: SessionServer): Promise<SofaOperatorApi> {
    const { SofaOperatorApi } = await import('../adapters/sofa-bolt/operator-api.ts');
    return new SofaOperatorApi(session.gateway.documents, this.#parts.host);
  }
}

/** What is over the limit is read and thrown away, so that the sender hears the answer; the server's request timeout ends it. */
function readBody(request: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    let chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= LIMITS.operatorBodyBytes) chunks.push(chunk);
      else chunks = [];
    });
    request.on('error', reject);
    request.on('end', () => {
      if (bytes <= LIMITS.operatorBodyBytes) resolve(Buffer.concat(chunks).toString('utf8'));
      else reject(new RegistryError(RegistryErrorCode.LimitExceeded, `a body has at most ${LIMITS.operatorBodyBytes} bytes`));
    });
  });
}
