import type { Host } from '../../core/index.ts';
import { element } from './codec/xml.ts';
import type { Form } from './negotiation.ts';
import { holdSentence } from './pages.ts';
import type { EurekaRegistry } from './registry.ts';

/** The server's own state as monitoring scripts read it (`GET status`): the classic fields of a StatusInfo. */
export function statusDocument(registry: EurekaRegistry, version: string, host: Host, form: Form): string {
  const general: readonly (readonly [string, string])[] = [
    ['environment', 'production'],
    ['server', `Isthmus ${version}`],
    ['node', host.nodeId],
    ['num-of-instances', String(registry.view.instanceCount)],
    ['lease-expiration-enabled', String(registry.leaseHolds().length === 0)],
    ['self-preservation', registry.leaseHolds().map(holdSentence).join('; ')],
    ['renews-threshold', String(registry.renewsThreshold)],
    ['renews-last-minute', String(registry.renewsLastMinute)],
  ];
  const replicas: readonly (readonly [string, string])[] = [
    ['registered-replicas', ''],
    ['available-replicas', ''],
    ['unavailable-replicas', ''],
  ];
  if (form === 'json')
    return JSON.stringify({ generalStats: Object.fromEntries(general), applicationStats: Object.fromEntries(replicas), isHeathly: true });
  const entries = (pairs: typeof general) => pairs.map(([name, value]) => element(name, value)).join('');
  return `<status><generalStats>${entries(general)}</generalStats><applicationStats>${entries(replicas)}</applicationStats><isHeathly>true</isHeathly></status>`;
}
