import { connect, type Socket } from 'node:net';
import { BoltClass } from '../../adapters/sofa-bolt/codec/class-names.ts';
import {
  BoltCodec,
  BoltCommand,
  type BoltDialect,
  type BoltFrame,
  type BoltRequest,
  type BoltResponse,
  BoltStatus,
  BoltType,
  encodeHeartbeat,
  encodeRequest,
  encodeResponse,
  responseTo,
} from '../../adapters/sofa-bolt/codec/frame.ts';
import { FrameReader } from '../../adapters/sofa-bolt/codec/frame-reader.ts';
import {
  type BaseRegister,
  decodeRegisterResponse,
  encodeConfiguratorRegister,
  encodePublisherRegister,
  encodeResult,
  encodeSubscriberRegister,
  type RegisterResponse,
} from '../../adapters/sofa-bolt/codec/messages.ts';
import { decodeReceivedConfigData, decodeReceivedData, type ReceivedConfigData } from '../../adapters/sofa-bolt/codec/received-data.ts';
import { encodeProtobuf, PROTOBUF_PACKAGE } from './bolt-protobuf.ts';

const V1: BoltDialect = { protocol: 1, version: 1, switches: 0 };
const TIMEOUT_MS = 1_000;

/** What one push of data said. */
export interface ReceivedPush {
  readonly dataId: string | null;
  readonly version: bigint;
  readonly registIds: readonly string[];
  /** All values of all zones, sorted; null stands for a box without data. */
  readonly values: readonly (string | null)[];
  readonly atMs: number;
}

export interface BoltOptions {
  readonly dialect?: BoltDialect;
  /** False: pushes are never answered. */
  readonly answersPushes?: boolean;
  /** An address of the loopback network, for clients that are to be told apart by it. */
  readonly localAddress?: string;
}

/** A bolt client that keeps every frame it gets: it shows what a real client hides, and does what a real client never does. */
export class BoltConnection {
  readonly socket: Socket;
  readonly pushes: ReceivedPush[] = [];
  readonly configs: ReceivedConfigData[] = [];
  /** Every request of the server, pushes included. */
  readonly requests: BoltRequest[] = [];
  readonly closed: Promise<void>;
  readonly #dialect: BoltDialect;
  readonly #answersPushes: boolean;
  readonly #reader = new FrameReader();
  readonly #waiting = new Map<number, { resolve(answer: BoltResponse): void; reject(error: Error): void }>();
  #nextId = 1;

  private constructor(socket: Socket, options: BoltOptions) {
    this.socket = socket;
    this.#dialect = options.dialect ?? V1;
    this.#answersPushes = options.answersPushes ?? true;
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) =>
      socket.on('close', () => {
        for (const { reject } of this.#waiting.values()) reject(new Error('the connection was closed'));
        this.#waiting.clear();
        resolve();
      }),
    );
    socket.on('data', (chunk: Buffer) => {
      for (const frame of this.#reader.push(chunk)) this.#take(frame);
    });
  }

  static async open(port: number, options: BoltOptions = {}): Promise<BoltConnection> {
    const { localAddress = '127.0.0.1' } = options;
    const socket = connect({ port, host: '127.0.0.1', localAddress, noDelay: true });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new BoltConnection(socket, options);
  }

  /** Rejects when the connection ends before the answer, or has ended. */
  request(className: string, content: Uint8Array, codec: number = BoltCodec.Hessian): Promise<BoltResponse> {
    const requestId = this.#nextId;
    this.#nextId += 1;
    const head = { ...this.#dialect, type: BoltType.Request, command: BoltCommand.Request, requestId, codec, className } as const;
    return this.#exchange(requestId, encodeRequest({ ...head, timeoutMs: TIMEOUT_MS }, content));
  }

  heartbeat(): Promise<BoltResponse> {
    const requestId = this.#nextId;
    this.#nextId += 1;
    return this.#exchange(requestId, encodeHeartbeat(this.#dialect, requestId));
  }

  /** The answer, which must come with status 0. */
  async publish(register: Partial<BaseRegister>, values: readonly (string | null)[]): Promise<RegisterResponse> {
    const dataList = values.map((data) => ({ data }));
    return answerOf(await this.request(BoltClass.PublisherRegister, encodePublisherRegister({ ...baseRegister(register), dataList })));
  }

  async subscribe(register: Partial<BaseRegister>, scope = 'global', acceptMulti = false): Promise<RegisterResponse> {
    const message = { ...baseRegister(register), scope, acceptEncoding: null, acceptMulti };
    return answerOf(await this.request(BoltClass.SubscriberRegister, encodeSubscriberRegister(message)));
  }

  async configure(register: Partial<BaseRegister>): Promise<RegisterResponse> {
    return answerOf(await this.request(BoltClass.ConfiguratorRegister, encodeConfiguratorRegister(baseRegister(register))));
  }

  /** The values of the newest push for a name, undefined before the first. */
  newest(dataId: string): readonly (string | null)[] | undefined {
    return this.pushes.filter((push) => push.dataId === dataId).at(-1)?.values;
  }

  async close(): Promise<void> {
    this.socket.destroy();
    await this.closed;
  }

  #exchange(requestId: number, bytes: Uint8Array): Promise<BoltResponse> {
    if (this.socket.destroyed) return Promise.reject(new Error('the connection was closed'));
    return new Promise((resolve, reject) => {
      this.#waiting.set(requestId, { resolve, reject });
      this.socket.write(bytes);
    });
  }

  #take(frame: BoltFrame): void {
    if (frame.type === BoltType.Response) {
      this.#waiting.get(frame.requestId)?.resolve(frame);
      this.#waiting.delete(frame.requestId);
      return;
    }
    this.requests.push(frame);
    if (frame.className === BoltClass.ReceivedData) this.#keep(frame.content);
    if (frame.className === BoltClass.ReceivedConfigData) this.configs.push(decodeReceivedConfigData(frame.content));
    if (!this.#answersPushes) return;
    const isProtobuf = frame.codec === BoltCodec.Protobuf;
    const className = isProtobuf ? `${PROTOBUF_PACKAGE}.ResultPb` : BoltClass.Result;
    const result = isProtobuf ? encodeProtobuf('ResultPb', { success: true }) : encodeResult({ success: true, message: null });
    this.socket.write(encodeResponse(responseTo(frame, BoltStatus.Success, className), result));
  }

  #keep(content: Uint8Array): void {
    const { dataId, version, subscriberRegistIds, data } = decodeReceivedData(content);
    const values = [...(data ?? new Map()).values()].flat().map((box: { readonly data: string | null }) => box.data);
    this.pushes.push({ dataId, version, registIds: subscriberRegistIds, values: values.sort(), atMs: performance.now() });
  }
}

/** A register as the Java client fills it. */
export function baseRegister(fields: Partial<BaseRegister> = {}): BaseRegister {
  return {
    instanceId: null,
    zone: 'DEFAULT_ZONE',
    appName: 'app',
    dataId: null,
    group: 'DEFAULT_GROUP',
    processId: null,
    registId: null,
    clientId: null,
    dataInfoId: null,
    ip: null,
    port: null,
    eventType: 'REGISTER',
    version: 1n,
    timestamp: 0n,
    attributes: new Map(),
    ...fields,
  };
}

function answerOf(response: BoltResponse): RegisterResponse {
  if (response.status !== BoltStatus.Success) throw new Error(`answered with status ${response.status}`);
  return decodeRegisterResponse(response.content);
}
