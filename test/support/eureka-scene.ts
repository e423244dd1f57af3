import { expect } from 'vitest';
import type { ClientDriver, ClientOptions } from './client-driver.ts';
import type { EurekaOperator } from './eureka-operator.ts';
import { eventually } from './eventually.ts';

/** What the scenarios of one client share: one gateway, one process full of clients. */
export interface Stage {
  /** Service URL of the next client. */
  readonly url: () => string;
  readonly operator: EurekaOperator;
  readonly driver: ClientDriver;
  readonly delta: boolean;
}

let scenes = 0;

/** One scenario's part of the stage: an application name of its own, clients that end with it. Scenarios may run side by side. */
export class Scene {
  readonly app: string;
  readonly operator: EurekaOperator;
  readonly driver: ClientDriver;
  readonly #stage: Stage;
  readonly #running: string[] = [];

  constructor(stage: Stage) {
    scenes += 1;
    this.app = `APP${scenes}`;
    this.operator = stage.operator;
    this.driver = stage.driver;
    this.#stage = stage;
  }

  /** The name by which the driver knows a client of this scene. */
  client(name: string): string {
    return `${this.app}-${name}`;
  }

  options(name: string, changes: Partial<ClientOptions> = {}): ClientOptions {
    return {
      client: this.client(name),
      url: this.#stage.url(),
      app: this.app,
      instanceId: `127.0.0.1:${this.app}:${name}`,
      hostName: '127.0.0.1',
      ipAddr: '127.0.0.1',
      vip: this.app.toLowerCase(),
      port: 9_000,
      securePort: 0,
      leaseSeconds: 3,
      heartbeatMs: 1_000,
      fetchMs: 1_000,
      delta: this.#stage.delta,
      metadata: {},
      ...changes,
    };
  }

  /** Starts a client, which ends with the scene, and returns the id of its instance. */
  async start(name: string, changes: Partial<ClientOptions> = {}): Promise<string> {
    const options = this.options(name, changes);
    this.#running.push(name);
    await this.driver.start(options);
    return options.instanceId;
  }

  async stop(name: string): Promise<void> {
    this.#running.splice(this.#running.indexOf(name), 1);
    await this.driver.stop(this.client(name));
  }

  async idsSeenBy(name: string): Promise<readonly string[]> {
    return (await this.driver.instances(this.client(name), this.app)).map((instance) => instance.instanceId).sort();
  }

  async registered(): Promise<readonly string[]> {
    return (await this.operator.instances(this.app)).map((instance) => instance.instanceId).sort();
  }

  /** The registry and a client agree on who is there. */
  async everyoneSees(name: string, ...ids: readonly string[]): Promise<void> {
    const expected = [...ids].sort();
    await eventually(async () => expect(await this.registered()).toEqual(expected));
    await eventually(async () => expect(await this.idsSeenBy(name)).toEqual(expected));
  }

  async end(): Promise<void> {
    await Promise.all(this.#running.splice(0).map((name) => this.driver.stop(this.client(name))));
  }
}
