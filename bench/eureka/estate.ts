/** The registry that is loaded: applications of ten instances each, as Spring applications register. */
export const INSTANCES_PER_APPLICATION = 10;

export interface EstateInstance {
  readonly app: string;
  readonly id: string;
  readonly path: string;
  /** The registration body with this dirty timestamp and status. */
  body(dirtyTimestamp: number, status?: string): string;
}

/** Instance `index` of the estate. Its lease is an hour, so that nobody has to renew it while something else is measured. */
export function estateInstance(index: number): EstateInstance {
  const service = `service-${String(Math.floor(index / INSTANCES_PER_APPLICATION)).padStart(4, '0')}`;
  const app = service.toUpperCase();
  const address = `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`;
  const host = `host-${index}.example.internal`;
  const id = `${host}:${service}:8080`;
  const url = `http://${host}:8080`;
  return {
    app,
    id,
    path: `/eureka/apps/${app}/${encodeURIComponent(id)}`,
    body: (dirtyTimestamp, status = 'UP') =>
      JSON.stringify({
        instance: {
          instanceId: id,
          hostName: host,
          app,
          ipAddr: address,
          status,
          overriddenStatus: 'UNKNOWN',
          port: { $: 8080, '@enabled': 'true' },
          securePort: { $: 443, '@enabled': 'false' },
          countryId: 1,
          dataCenterInfo: { '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo', name: 'MyOwn' },
          leaseInfo: {
            renewalIntervalInSecs: 30,
            durationInSecs: 3_600,
            registrationTimestamp: 0,
            lastRenewalTimestamp: 0,
            evictionTimestamp: 0,
            serviceUpTimestamp: 0,
          },
          metadata: { 'management.port': '8081', zone: `zone-${index % 3}`, version: '1.4.2', commit: hex(index) },
          homePageUrl: `${url}/`,
          statusPageUrl: `${url}/actuator/info`,
          healthCheckUrl: `${url}/actuator/health`,
          vipAddress: service,
          secureVipAddress: service,
          isCoordinatingDiscoveryServer: 'false',
          lastUpdatedTimestamp: String(dirtyTimestamp),
          lastDirtyTimestamp: String(dirtyTimestamp),
        },
      }),
  };
}

/** Twenty digits that differ from instance to instance as a commit does. */
function hex(index: number): string {
  return Array.from({ length: 5 }, (_, i) => ((index * 2_654_435_761 + i * 40_503) >>> 0).toString(16).padStart(8, '0').slice(0, 4)).join(
    '',
  );
}
