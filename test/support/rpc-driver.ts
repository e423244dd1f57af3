import { DriverProcess } from './driver-process.ts';

/** A real provider and consumer of a remote-call framework that finds its services in a SOFARegistry. One of each per process at most. */
export class RpcDriver extends DriverProcess {
  /** `registry` is `host:port` of the session list; the service answers on `port`. */
  provide(registry: string, port: number): Promise<unknown> {
    return this.call('provide', { registry, port });
  }

  consume(registry: string): Promise<unknown> {
    return this.call('consume', { registry });
  }

  /** Calls the service, which answers with the text and the port of the provider. */
  greet(text: string): Promise<string> {
    return this.call('call', { text }) as Promise<string>;
  }

  /** Unregisters and closes both. */
  stop(): Promise<unknown> {
    return this.call('stop');
  }
}
