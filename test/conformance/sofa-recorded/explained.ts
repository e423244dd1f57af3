const METADATA = 'application metadata is not served yet';
const CLIENT_MANAGER = 'taking clients out of service is not served yet';
const ADMIN_PORT = 'members, leader and health are shown on the admin port in its own form';

/** Requests that are answered otherwise than by the recorded server, with the reason; docs/protocols/sofa-bolt.md says the same. */
export const EXPLAINED_REQUESTS: ReadonlyMap<string, string> = new Map([
  ['SyncConfigRequest', 'an empty list of segments hides none of them from the application'],
  ['MetaRegister', METADATA],
  ['MetaHeartbeatRequest', METADATA],
  ['GetRevisionsRequest', METADATA],
  ['ServiceAppMappingRequest', METADATA],
]);

/** Calls over HTTP, likewise. */
export const EXPLAINED_CALLS: ReadonlyMap<string, string> = new Map([
  ['GET /api/servers/query?zone=NO_SUCH_ZONE', 'clients of every zone may connect here'],
  ['GET /api/servers/queryWithWeight?zone=NO_SUCH_ZONE', 'clients of every zone may connect here'],
  ['GET /api/servers/slot', 'slots are shown on the admin port'],
  ['GET /health/check', ADMIN_PORT],
  ['GET /meta/leader/query', ADMIN_PORT],
  ['GET /digest/meta/node/query', ADMIN_PORT],
  ['GET /digest/data/node/query', ADMIN_PORT],
  ['GET /digest/session/node/query', ADMIN_PORT],
  ['GET /datacenter/query', ADMIN_PORT],
  ['GET /shutdown/query', 'there is no such switch'],
  ['GET /api/clientManager/query', CLIENT_MANAGER],
  ['POST /api/clientManager/clientOff', CLIENT_MANAGER],
  ['POST /api/clientManager/clientOffWithSub', CLIENT_MANAGER],
  ['POST /api/clientManager/reduce', CLIENT_MANAGER],
  ['POST /api/clientManager/clientOpen', CLIENT_MANAGER],
]);
