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

  /** Every override by its instance id; the last one where applications share an id. */
  byInstanceId(): ReadonlyMap<string, InstanceStatus> {
    const overrides = new Map<string, InstanceStatus>();
    for (const { key, value } of this.#watch.entries()) {
      const text = new TextDecoder().decode(value);
      const id = decodeURIComponent(key.slice(key.lastIndexOf('/') + 1));
      overrides.set(id, isStatus(text) ? text : InstanceStatus.Unknown);
    }
    return overrides;
  }

  /** @throws RegistryError `store-unavailable` when nothing durable can be written. */
  async set(app: string, instanceId: string, status: InstanceStatus): Promise<void> {
    await this.#documents.put(keyOf(app, instanceId), new TextEncoder().encode(status));
  }

  /** Whether or not this Session has heard of it. @throws RegistryError `store-unavailable`. */
  async remove(app: string, instanceId: string): Promise<void> {
    await this.#documents.delete(keyOf(app, instanceId));
  }

  /** When this Session knows one. @throws RegistryError `store-unavailable`. */
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
