import { type DataInfoId, DEFAULT_GROUP, parseDataInfoId } from '../model/data-info-id.ts';
import type { ServiceInstance } from '../model/service-instance.ts';

/** Ports that any HTTP client of another ecosystem can call. */
const SHARED_PORTS = ['http', 'https'] as const;

/**
 * Whether a reader of another format may see an instance: services that speak HTTP cross between the ecosystems, everything else
 * stays with its own (design: what may be seen across protocols is a policy with a safe default).
 */
export function isVisibleAcrossFormats(instance: ServiceInstance): boolean {
  return SHARED_PORTS.some((name) => instance.ports.has(name));
}

/** Only names in the default group are public names; the groups of SOFARPC and Dubbo hold interfaces. */
export function isPublicName(dataInfoId: DataInfoId): boolean {
  return parseDataInfoId(dataInfoId).group.toLowerCase() === DEFAULT_GROUP.toLowerCase();
}
