import type { DocumentGateway, DocumentWatch } from '../../core/index.ts';
import { InstanceStatus, isStatus } from './codec/instance-info.ts';

const PREFIX = 'override/eureka/';

/** Operators' status overrides: durable documents of their own, keyed by application and instance id, that survive a client's reconnect. */
export class Overrides {
  readonly #documents: DocumentGateway;
  readonly #watch: DocumentWatch;

  constructor(documents: DocumentGateway) {
    this.#documents = documents;
    this.#watch = documents.watch(PREFIX, () => undefined);
  }

  get ready(): Promise<void> {
    return this.#watch.ready;
  }

  get(app: string, instanceId: string): InstanceStatus | undefined {
    const document = this.#watch.get(keyOf(app, instanceId));
    if (document === undefined) return undefined;
    const text = new TextDecoder().decode(document.value);
    return isStatus(text) ? text : InstanceStatus.Unknown;
  }

  /** @throws RegistryError `store-unavailable` when nothing durable can be written. */
  async set(app: string, instanceId: string, status: InstanceStatus): Promise<void> {
    await this.#documents.put(keyOf(app, instanceId), new TextEncoder().encode(status));
  }

  async delete(app: string, instanceId: string): Promise<void> {
    if (this.get(app, instanceId) !== undefined) await this.#documents.delete(keyOf(app, instanceId));
  }

  close(): void {
    this.#watch.close();
  }
}

function keyOf(app: string, instanceId: string): string {
  return `${PREFIX}${app}/${encodeURIComponent(instanceId)}`;
}
