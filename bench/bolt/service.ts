import { randomUUID } from 'node:crypto';
import { providerUrl, publisherFrame } from './frames.ts';
import { LoadClient } from './load-client.ts';

/** One client that publishes a whole service and can change one of its publishers at a time. */
export class PublishedService {
  readonly dataId: string;
  readonly #client: LoadClient;
  readonly #registIds: readonly string[];
  #changes = 0;

  private constructor(dataId: string, client: LoadClient, publishers: number) {
    this.dataId = dataId;
    this.#client = client;
    this.#registIds = Array.from({ length: publishers }, () => randomUUID());
  }

  static async publish(port: number, publishers: number): Promise<PublishedService> {
    const service = new PublishedService(`com.example.bench.${randomUUID()}`, await LoadClient.connect(port), publishers);
    const frames = service.#registIds.map((registId, index) => service.#frame(registId, 1, index));
    await Promise.all(frames.map((frame) => service.#client.request(frame)));
    return service;
  }

  /** The next change as a frame that is ready to go: encoding it is not part of what is measured. */
  prepareChange(): () => Promise<void> {
    this.#changes += 1;
    const index = this.#changes % this.#registIds.length;
    const frame = this.#frame(this.#registIds[index] ?? '', 1 + this.#changes, 1_000_000 + this.#changes);
    return () => this.#client.request(frame);
  }

  close(): void {
    this.#client.close();
  }

  #frame(registId: string, version: number, value: number): Uint8Array {
    return publisherFrame({ dataId: this.dataId, registId, version, values: [providerUrl(value)] });
  }
}
