import type { IncomingMessage } from 'node:http';
import type { EurekaRequest } from './handler.ts';

/** What the handler needs of a request. */
export function toEurekaRequest({ headers, socket }: IncomingMessage, rawQuery: string): EurekaRequest {
  return {
    query: new URLSearchParams(rawQuery),
    accept: headers.accept,
    acceptEncoding: headers['accept-encoding']?.toString(),
    eurekaAccept: headers['x-eureka-accept']?.toString(),
    isMarkedReplicated: headers['x-netflix-discovery-replication'] === 'true',
    contentType: headers['content-type'],
    clientAddress: socket.remoteAddress ?? '',
  };
}
