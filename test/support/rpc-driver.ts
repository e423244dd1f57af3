import { fileURLToPath } from 'node:url';
import { DriverProcess } from './driver-process.ts';
import { buildMavenDriver } from './maven-driver.ts';

const MODULES = fileURLToPath(new URL('../conformance/sofa-java/', import.meta.url));

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

/** Starts a virtual machine with the framework of a module, which is built when it has changed. */
export function rpcDriver(module: string): () => Promise<RpcDriver> {
  let built: Promise<readonly string[]> | undefined;
  return async () => {
    built ??= buildMavenDriver(`${MODULES}${module}/`, { sharedSources: `${MODULES}rpc` });
    const [java = 'java', ...args] = await built;
    return new RpcDriver(java, args);
  };
}
