import { randomUUID } from 'node:crypto';
import { BoltCodec, encodeHeartbeat } from '../../../adapters/sofa-bolt/codec/frame.ts';
import { publisherFrame, subscriberFrame } from '../../../bench/bolt/frames.ts';
import { LoadClient, type ReceivedList } from '../../../bench/bolt/load-client.ts';

const DIALECT = { protocol: 1, version: 1, switches: 0, codec: BoltCodec.Hessian } as const;
const LOOK_MS = 20;
const HEARTBEAT_EVERY_MS = 10_000;

interface OwnPublisher {
  readonly dataId: string;
  readonly registId: string;
  version: number;
  /** undefined: withdrawn, and to be told so. */
  value: string | undefined;
}

/**
 * An application with a SOFA client: it keeps one connection to some Session, and when that ends goes to another one and registers all it has
 * again, as the Java client does.
 */
export class BoltApp {
  readonly #ports: () => readonly number[];
  readonly #publishers = new Map<string, OwnPublisher>();
  readonly #subscriptions = new Map<string, { readonly registId: string; readonly onData: (list: ReceivedList) => void }>();
  readonly #timer: NodeJS.Timeout;
  #client: LoadClient | undefined;
  #port = 0;
  #isConnecting = false;
  #lastHeartbeatMs = performance.now();
  #stopped = false;
  /** How often it went to another Session. */
  moves = -1;

  /** `ports`: bolt ports of the Sessions, the preferred one first. */
  constructor(ports: () => readonly number[]) {
    this.#ports = ports;
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  /** Bolt port of the Session it is connected to; 0 for none. */
  get port(): number {
    return this.#client === undefined || this.#client.isClosed ? 0 : this.#port;
  }

  publish(dataId: string, value: string): void {
    const known = this.#publishers.get(dataId);
    const publisher = known ?? { dataId, registId: randomUUID(), version: 0, value };
    publisher.value = value;
    publisher.version += 1;
    this.#publishers.set(dataId, publisher);
    this.#send(publisher);
  }

  unpublish(dataId: string): void {
    const publisher = this.#publishers.get(dataId);
    if (publisher === undefined) return;
    publisher.value = undefined;
    publisher.version += 1;
    this.#send(publisher);
  }

  subscribe(dataId: string, onData: (list: ReceivedList) => void): void {
    const registId = randomUUID();
    this.#subscriptions.set(dataId, { registId, onData });
    void this.#client?.request(subscriberFrame(dataId, registId));
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
    this.#client?.close();
  }

  #send({ dataId, registId, version, value }: OwnPublisher): void {
    const frame = publisherFrame(
      { dataId, registId, version, values: value === undefined ? [] : [value] },
      value === undefined ? 'UNREGISTER' : 'REGISTER',
    );
    void this.#client?.request(frame);
  }

  #look(): void {
    if (this.#isConnecting || this.#stopped) return;
    if (this.#client === undefined || this.#client.isClosed) {
      this.#isConnecting = true;
      void this.#connect().finally(() => {
        this.#isConnecting = false;
      });
    } else if (performance.now() - this.#lastHeartbeatMs > HEARTBEAT_EVERY_MS) {
      this.#lastHeartbeatMs = performance.now();
      void this.#client.request(encodeHeartbeat(DIALECT, 0x7fff0000));
    }
  }

  async #connect(): Promise<void> {
    for (const port of this.#ports()) {
      try {
        const client = await LoadClient.connect(port, { onData: (list) => this.#subscriptions.get(list.dataId)?.onData(list) });
        this.#client = client;
        this.#port = port;
        this.moves += 1;
        for (const publisher of this.#publishers.values()) this.#send(publisher);
        for (const [dataId, { registId }] of this.#subscriptions) void client.request(subscriberFrame(dataId, registId));
        return;
      } catch {
        // That Session is not there: the next one.
      }
    }
  }
}
