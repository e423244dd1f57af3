// The ceiling: node:http that answers every request with fixed bytes. A process of its own.
import { createServer } from 'node:http';
import { gzipSync } from 'node:zlib';

const BODY_BYTES = Number(process.argv[2] ?? 0);
const document = gzipSync(Buffer.alloc(1_024, 'x'));
/** As large as the gateway's compressed document, without being it. */
const large = Buffer.concat([document, Buffer.alloc(Math.max(0, BODY_BYTES - document.length))]);

const server = createServer({ keepAliveTimeout: 75_000 }, (request, response) => {
  if (request.method === 'GET') {
    response.setHeader('Content-Type', 'application/json');
    response.setHeader('Content-Encoding', 'gzip');
    response.setHeader('Content-Length', large.length);
    response.end(large);
    return;
  }
  request.resume();
  response.setHeader('Content-Length', 0);
  response.end();
});
server.listen({ host: '127.0.0.1', port: 0, backlog: 4_096 }, () => {
  const address = server.address();
  process.send?.({ port: typeof address === 'object' ? address?.port : undefined });
});
process.on('SIGTERM', () => process.exit(0));
