import { DriverProcess } from './driver-process.ts';

/** What a subscriber of the real client holds: how often it was called back, and the newest data by zone. */
export interface SofaReceived {
  readonly count: number;
  readonly localZone: string | null;
  readonly zones: Readonly<Record<string, readonly string[]>>;
  /** How many values each callback brought, from the first on. */
  readonly sizes: readonly number[];
}

export type SofaScope = 'zone' | 'dataCenter' | 'global';

/** Real SOFARegistry clients of one version. `client` names one of them, `key` one of its registrations. */
export class SofaDriver extends DriverProcess {
  start(client: string, options: Readonly<Record<string, unknown>>): Promise<unknown> {
    return this.call('start', { client, ...options });
  }

  publish(client: string, key: string, dataId: string, values: readonly (string | null)[], group?: string): Promise<unknown> {
    return this.call('publish', { client, key, dataId, values, group });
  }

  republish(client: string, key: string, values: readonly string[]): Promise<unknown> {
    return this.call('republish', { client, key, values });
  }

  unpublish(client: string, key: string): Promise<unknown> {
    return this.call('unpublish', { client, key });
  }

  subscribe(client: string, key: string, dataId: string, scope: SofaScope, group?: string): Promise<unknown> {
    return this.call('subscribe', { client, key, dataId, scope, group });
  }

  received(client: string, key: string): Promise<SofaReceived> {
    return this.call('received', { client, key }) as Promise<SofaReceived>;
  }

  /** All values of the newest data, sorted; undefined before the first callback. */
  async values(client: string, key: string): Promise<readonly string[] | undefined> {
    const { count, zones } = await this.received(client, key);
    return count === 0 ? undefined : Object.values(zones).flat().sort();
  }

  unsubscribe(client: string, key: string): Promise<unknown> {
    return this.call('unsubscribe', { client, key });
  }

  configurator(client: string, key: string, dataId: string): Promise<unknown> {
    return this.call('configurator', { client, key, dataId });
  }

  config(client: string, key: string): Promise<string | null> {
    return this.call('config', { client, key }) as Promise<string | null>;
  }

  configCount(client: string, key: string): Promise<number> {
    return this.call('configCount', { client, key }) as Promise<number>;
  }

  registered(client: string, key: string): Promise<boolean> {
    return this.call('registered', { client, key }) as Promise<boolean>;
  }

  /** Breaks the client's connection with a reset. */
  cut(client: string): Promise<unknown> {
    return this.call('cut', { client });
  }

  stop(client: string): Promise<unknown> {
    return this.call('stop', { client });
  }
}
