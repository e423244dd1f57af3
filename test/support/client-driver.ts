import { DriverProcess } from './driver-process.ts';

/** A client as the scenarios start it. */
export interface ClientOptions {
  readonly client: string;
  readonly url: string;
  readonly app: string;
  readonly instanceId: string;
  readonly port: number;
  readonly leaseSeconds: number;
  readonly heartbeatMs: number;
  readonly fetchMs: number;
  readonly delta: boolean;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface ClientInstance {
  readonly instanceId: string;
  readonly status: string;
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

  /** How often the client's own reconciliation found another hash than the server's. */
  mismatches(client: string): Promise<number> {
    return this.call('mismatches', { client }) as Promise<number>;
  }

  stop(client: string): Promise<unknown> {
    return this.call('stop', { client });
  }
}
