/** Differences from the recorded server, by case or `case#step`, each with its reason. The same table stands in docs/protocols/eureka.md. */
const BATCH = 'replication between peers is not served yet';
const COMPACT = 'compact documents are answered in the full form, which every client that asks for them reads';
const CLIENT_MISTAKE = 'a mistake of the client is answered 400; the real server answers 500';

export const EXPLAINED: Readonly<Record<string, string>> = {
  'apps-compact': COMPACT,
  'compact-json': COMPACT,
  'batch-content-types': BATCH,
  'batch-heartbeat-override': BATCH,
  'batch-register-heartbeat-cancel': BATCH,
  'batch-register-variants': BATCH,
  'batch-spec-a5': BATCH,
  'batch-status': BATCH,
  'heartbeat-dirty-nonsense': CLIENT_MISTAKE,
  'heartbeat-extra-headers': CLIENT_MISTAKE,
  'override-bad-value': CLIENT_MISTAKE,
  'heartbeat-replicated-older': 'the replication header of a caller that is no peer is ignored: anyone could inject records with it',
  'spec-script-a4': 'the replication header of a caller that is no peer is ignored: anyone could inject records with it',
  'paths-slashes': 'the base path /v2 and doubled slashes are accepted, because clients are configured with them',
  'register-amazon': 'a returned instance always has an instanceId; clients index by it',
  'register-status-lower': 'a status is upper-cased before it is read; the real server makes it UNKNOWN',
};
