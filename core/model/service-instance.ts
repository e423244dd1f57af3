/**
 * One address that serves a name, in no protocol's words. Read from a publisher's native payload by the FormatReader of
 * its protocol; never stored, replicated or read back.
 */
export interface ServiceInstance {
  /** Unique among the instances of one publisher's name: the native instance id, or `host:port`. */
  readonly instanceId: string;
  /** Host name or IP literal without brackets, never empty. */
  readonly host: string;
  /** Port by protocol name in lower case, e.g. `http`, `https`, `dubbo`, `bolt`, `tri`. At least one. */
  readonly ports: ReadonlyMap<string, number>;
  /** Relative share of traffic, 1 where the protocol has none; 0 takes no traffic. */
  readonly weight: number;
  /** False when the owner or the registry says that it cannot serve now. */
  readonly healthy: boolean;
  /** False when somebody has taken it out of service on purpose. */
  readonly enabled: boolean;
  /** Free text pairs of the owner. Never null values. */
  readonly metadata: ReadonlyMap<string, string>;
  readonly zone: string;
  /** The format it came from, e.g. `eureka`: the reader's own kind is not foreign. */
  readonly origin: string;
}
