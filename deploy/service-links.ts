/**
 * Whether a variable of the environment was put there by Kubernetes, or by Docker's links, for a Service whose name begins with `isthmus`, and is no
 * setting: both tell every container of a Service `isthmus-eureka` by `ISTHMUS_EUREKA_SERVICE_HOST`, `ISTHMUS_EUREKA_PORT=tcp://10.0.0.1:8761`,
 * `ISTHMUS_EUREKA_PORT_8761_TCP_ADDR` and the like (Kubernetes, "Accessing the Service", environment variables).
 */
export function isServiceLink(name: string, value: string): boolean {
  if (/_SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)$/.test(name)) return true;
  if (/_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/.test(name)) return true;
  return name.endsWith('_PORT') && /^(tcp|udp|sctp):\/\//.test(value);
}
