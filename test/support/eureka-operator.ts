import { type HttpAnswer, type HttpRequest, http } from './http.ts';

export interface SeenInstance {
  readonly instanceId: string;
  readonly app: string;
  readonly status: string;
  readonly overriddenStatus: string;
  readonly hostName: string;
  readonly leaseInfo: { readonly registrationTimestamp: number };
  readonly port: { readonly $: number; readonly '@enabled': string };
  readonly securePort: { readonly $: number; readonly '@enabled': string };
  readonly metadata: Readonly<Record<string, string>>;
}

/** What an operator or another client does to the registry by plain HTTP, beside the client under test. */
export class EurekaOperator {
  readonly #port: number;
  readonly #credentials: Readonly<Record<string, string>>;
  readonly #instancePorts = new Map<string, number>();

  /** `credentials` are `user:password`, for a gateway that asks for them. */
  constructor(port: number, credentials?: string) {
    this.#port = port;
    this.#credentials = credentials === undefined ? {} : { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` };
  }

  async instances(app: string): Promise<readonly SeenInstance[]> {
    const answer = await this.#request({ path: `/eureka/apps/${app}`, headers: { accept: 'application/json' } });
    if (answer.status === 404) return [];
    return (JSON.parse(answer.text) as { application: { instance: SeenInstance[] } }).application.instance;
  }

  async all(): Promise<readonly SeenInstance[]> {
    const answer = await this.#request({ path: '/eureka/apps', headers: { accept: 'application/json' } });
    if (answer.status !== 200) throw new Error(`apps answered ${answer.status}`);
    const { applications } = JSON.parse(answer.text) as { applications: { application: { instance: SeenInstance[] }[] } };
    return applications.application.flatMap((application) => application.instance);
  }

  async delta(): Promise<readonly (SeenInstance & { readonly actionType: string })[]> {
    const answer = await this.#request({ path: '/eureka/apps/delta', headers: { accept: 'application/json' } });
    const parsed = JSON.parse(answer.text) as { applications: { application: { instance: (SeenInstance & { actionType: string })[] }[] } };
    return parsed.applications.application.flatMap((application) => application.instance);
  }

  async register(app: string, instanceId: string, changes: Readonly<Record<string, unknown>> = {}): Promise<number> {
    const instance = {
      instanceId,
      hostName: '127.0.0.1',
      app,
      ipAddr: '127.0.0.1',
      status: 'UP',
      port: { $: this.#instancePort(instanceId), '@enabled': 'true' },
      vipAddress: app.toLowerCase(),
      dataCenterInfo: { '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo', name: 'MyOwn' },
      leaseInfo: { renewalIntervalInSecs: 30, durationInSecs: 90 },
      ...changes,
    };
    const headers = { 'content-type': 'application/json' };
    return (await this.#request({ method: 'POST', path: `/eureka/apps/${app}`, headers, body: JSON.stringify({ instance }) })).status;
  }

  async heartbeat(app: string, instanceId: string): Promise<number> {
    return (await this.#request({ method: 'PUT', path: `/eureka/apps/${app}/${encodeURIComponent(instanceId)}` })).status;
  }

  async setStatus(app: string, instanceId: string, status: string): Promise<number> {
    const path = `/eureka/apps/${app}/${encodeURIComponent(instanceId)}/status?value=${status}`;
    return (await this.#request({ method: 'PUT', path })).status;
  }

  async deleteStatus(app: string, instanceId: string, status: string): Promise<number> {
    const path = `/eureka/apps/${app}/${encodeURIComponent(instanceId)}/status?value=${status}`;
    return (await this.#request({ method: 'DELETE', path })).status;
  }

  async setMetadata(app: string, instanceId: string, metadata: Readonly<Record<string, string>>): Promise<number> {
    const path = `/eureka/apps/${app}/${encodeURIComponent(instanceId)}/metadata?${new URLSearchParams(metadata).toString()}`;
    return (await this.#request({ method: 'PUT', path })).status;
  }

  async cancel(app: string, instanceId: string): Promise<number> {
    return (await this.#request({ method: 'DELETE', path: `/eureka/apps/${app}/${encodeURIComponent(instanceId)}` })).status;
  }

  #request(request: HttpRequest): Promise<HttpAnswer> {
    return http(this.#port, { ...request, headers: { ...request.headers, ...this.#credentials } });
  }

  /** One port per instance id: some clients take two instances with the same host and port for one. */
  #instancePort(instanceId: string): number {
    const port = this.#instancePorts.get(instanceId) ?? 10_000 + this.#instancePorts.size;
    this.#instancePorts.set(instanceId, port);
    return port;
  }
}
