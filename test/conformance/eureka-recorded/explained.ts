/** Differences from the recorded server, by case or `case#step`, each with its reason. The same table stands in docs/protocols/eureka.md. */
const CLIENT_MISTAKE = 'a mistake of the client is answered 400; the real server answers 500';

export const EXPLAINED: Readonly<Record<string, string>> = {
  'batch-heartbeat-override':
    'a status that the rules change with a heartbeat is listed as MODIFIED; the real server keeps it out of the delta',
  'heartbeat-dirty-nonsense': CLIENT_MISTAKE,
  'heartbeat-extra-headers': CLIENT_MISTAKE,
  'override-bad-value': CLIENT_MISTAKE,
  'paths-slashes': 'the base path /v2 and doubled slashes are accepted, because clients are configured with them',
  'register-amazon': 'a returned instance always has an instanceId; clients index by it',
  'register-status-lower': 'a status is upper-cased before it is read; the real server makes it UNKNOWN',
};
