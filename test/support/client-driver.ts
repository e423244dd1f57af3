import { DriverProcess } from './driver-process.ts';

/** A client as the scenarios start it. Every driver understands all of this; a library that lacks something is described by `ClientAbilities`. */
export interface ClientOptions {
  readonly client: string;
  /** Ends in `/eureka`; user and password may stand in it. Netflix' clients take several, with commas between them. */
  readonly url: string;
  readonly app: string;
  readonly instanceId: string;
  readonly hostName: string;
  readonly ipAddr: string;
  readonly vip: string;
  readonly port: number;
  /** Zero leaves it off; otherwise it is the only port that is enabled. */
  readonly securePort: number;
  readonly leaseSeconds: number;
  readonly heartbeatMs: number;
  readonly fetchMs: number;
  readonly delta: boolean;
  readonly metadata: Readonly<Record<string, string>>;
  /** Opens a web server that greets, and sees only instances that are UP; for libraries that come with one. */
  readonly serves?: boolean;
  /** Asks for documents without metadata; for libraries that can. */
  readonly compact?: boolean;
  /** Reads nothing but what is behind this virtual address; for libraries that can. */
  readonly onlyVip?: string;
  /** Another HTTP client than the library takes by itself; for libraries that have several. */
  readonly transport?: 'restclient' | 'webclient';
}

/** An instance as the library hands it to its application. */
export interface ClientInstance {
  readonly instanceId: string;
  readonly status: string;
  readonly hostName: string;
  readonly ipAddr: string;
  /** The enabled one. */
  readonly port: number;
  readonly isSecure: boolean;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Real Eureka clients of one library. */
export class ClientDriver extends DriverProcess {
  start(options: ClientOptions): Promise<unknown> {
    return this.call('start', { ...options });
  }

  instances(client: string, app: string): Promise<readonly ClientInstance[]> {
    return this.call('instances', { client, app }) as Promise<readonly ClientInstance[]>;
  }

  /** The instances behind a virtual address, found in the library's own way. */
  vip(client: string, vip: string): Promise<readonly ClientInstance[]> {
    return this.call('vip', { client, vip }) as Promise<readonly ClientInstance[]>;
  }

  /** Registers anew with other metadata. */
  metadata(client: string, metadata: Readonly<Record<string, string>>): Promise<unknown> {
    return this.call('metadata', { client, metadata });
  }

  /** From now on the shortest list of an application that the client ever held is remembered. */
  watch(client: string, app: string): Promise<unknown> {
    return this.call('watch', { client, app });
  }

  least(client: string): Promise<number | null> {
    return this.call('least', { client }) as Promise<number | null>;
  }

  /** How many fetches the client has finished. */
  refreshes(client: string): Promise<number> {
    return this.call('refreshes', { client }) as Promise<number>;
  }

  /** How often the reconciliation of any client of this process found another hash than the server's. */
  mismatches(): Promise<number> {
    return this.call('mismatches') as Promise<number>;
  }

  /** What another application, called by its service id through the library's load balancer, says: the id of its instance. */
  greeting(client: string, service: string): Promise<string> {
    return this.call('call', { client, service }) as Promise<string>;
  }

  stop(client: string): Promise<unknown> {
    return this.call('stop', { client });
  }
}
