import { createServer, type RequestListener, type Server } from 'node:http';

/** A request that is not whole after this is cut off, headers sooner: what is asked here has some hundred bytes, or is an operator's upload. */
const REQUEST_MS = 10_000;
const HEADERS_MS = 5_000;
const CHECK_EVERY_MS = 1_000;
/** A connection on which nothing moves, its reader's end included, is gone after this. */
const STILL_MS = 15_000;

/** Of one connection: whoever asks all at once and reads nothing has no more answers waiting for him. The last one says that it is the last. */
const REQUESTS_PER_CONNECTION = 100;

/**
 * An HTTP server for short questions and answers, of callers that nobody knows: whoever does not send, or does not take his answers, is cut
 * off. `stillMs` is for tests.
 */
export function createShortHttpServer(answer: RequestListener, stillMs: number = STILL_MS): Server {
  const server = createServer(
    { requestTimeout: REQUEST_MS, headersTimeout: HEADERS_MS, connectionsCheckingInterval: CHECK_EVERY_MS },
    answer,
  );
  server.timeout = stillMs;
  server.maxRequestsPerSocket = REQUESTS_PER_CONNECTION;
  return server;
}
