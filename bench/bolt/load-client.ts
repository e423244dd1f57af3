import { connect, type Socket } from 'node:net';
import { decodeReceivedData } from '../../adapters/sofa-bolt/codec/received-data.ts';
import { ackFrame, ID_OFFSET } from './frames.ts';

const REQUEST_HEAD_BYTES = 22;
const RESPONSE_HEAD_BYTES = 20;
const LENGTHS_BYTES = 8;
const ACK = ackFrame();
/** Frames are read synchronously, so all connections share one buffer. */
const SHARED_BUFFER = Buffer.allocUnsafe(256 * 1024);

/** What a push said, for clients that look. */
export interface ReceivedList {
  readonly dataId: string;
  readonly version: bigint;
  readonly values: readonly string[];
}

export interface LoadClientOptions {
  /** Called when the last byte of a push is there, before it is answered. */
  readonly onPush?: (bytes: number) => void;
  /** Decodes each push, for checks of what was pushed. Costs time in the load generator. */
  readonly onData?: (list: ReceivedList) => void;
}

/**
 * One SOFA client as bare bytes: it counts what comes, answers pushes, and costs so little that thousands of them fit into the process that
 * measures. Frames of protocol 1 only.
 */
export class LoadClient {
  readonly #socket: Socket;
  readonly #options: LoadClientOptions;
  readonly #head = Buffer.alloc(REQUEST_HEAD_BYTES);
  #headLength = 0;
  /** Bytes of the frame's payload that are still to come. */
  #left = 0;
  #payloadBytes = 0;
  #classBytes = 0;
  #kept: Buffer[] = [];
  #answered: (() => void)[] = [];
  isClosed = false;

  private constructor(port: number, options: LoadClientOptions, ready: () => void, failed: (error: Error) => void) {
    this.#options = options;
    const onread = { buffer: SHARED_BUFFER, callback: (bytes: number, buffer: Uint8Array) => this.#read(buffer as Buffer, bytes) };
    this.#socket = connect({ host: '127.0.0.1', port, noDelay: true, onread });
    this.#socket.once('connect', ready);
    this.#socket.on('error', failed);
    this.#socket.on('close', () => {
      this.isClosed = true;
    });
  }

  static connect(port: number, options: LoadClientOptions = {}): Promise<LoadClient> {
    return new Promise((resolve, reject) => {
      const client: LoadClient = new LoadClient(port, options, () => resolve(client), reject);
    });
  }

  /** Sends a request and waits for its answer. Answers come in the order of the requests. */
  request(frame: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      this.#answered.push(resolve);
      this.#socket.write(frame);
    });
  }

  /** Ends as a process that is killed: without a word. */
  break(): void {
    this.#socket.resetAndDestroy();
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(buffer: Buffer, bytes: number): boolean {
    let offset = 0;
    while (offset < bytes) {
      if (this.#left === 0) {
        offset = this.#readHead(buffer, offset, bytes);
        if (this.#left > 0 || this.#headLength > 0) continue;
      } else {
        const taken = Math.min(this.#left, bytes - offset);
        if (this.#options.onData !== undefined) this.#kept.push(Buffer.from(buffer.subarray(offset, offset + taken)));
        offset += taken;
        this.#left -= taken;
      }
      if (this.#left === 0) this.#frameEnds();
    }
    return true;
  }

  #readHead(buffer: Buffer, offset: number, end: number): number {
    const have = this.#headLength;
    const typeAt = offset + 1 - have;
    const type = have > 1 ? this.#head[1] : typeAt < end ? buffer[typeAt] : undefined;
    const needed = type === 0 ? RESPONSE_HEAD_BYTES : REQUEST_HEAD_BYTES;
    const taken = Math.min(type === undefined ? 1 : needed - have, end - offset);
    buffer.copy(this.#head, have, offset, offset + taken);
    this.#headLength = have + taken;
    if (this.#headLength < needed) return offset + taken;
    const lengths = needed - LENGTHS_BYTES;
    this.#classBytes = this.#head.readUInt16BE(lengths);
    this.#payloadBytes = this.#classBytes + this.#head.readUInt16BE(lengths + 2) + this.#head.readUInt32BE(lengths + 4);
    this.#left = this.#payloadBytes;
    this.#headLength = 0;
    return offset + taken;
  }

  #frameEnds(): void {
    if (this.#head[1] === 0) {
      this.#kept = [];
      this.#answered.shift()?.();
      return;
    }
    const { onPush, onData } = this.#options;
    onPush?.(this.#payloadBytes + REQUEST_HEAD_BYTES);
    if (onData !== undefined) {
      const { dataId, version, data } = decodeReceivedData(Buffer.concat(this.#kept).subarray(this.#classBytes));
      this.#kept = [];
      const values = [...(data ?? [])].flatMap(([, boxes]) => boxes.map((box) => box.data ?? ''));
      onData({ dataId: dataId ?? '', version, values });
    }
    const ack = Buffer.from(ACK);
    this.#head.copy(ack, ID_OFFSET, ID_OFFSET, ID_OFFSET + 4);
    this.#socket.write(ack);
  }
}

/** Many clients at once, but not more than the backlog of any server at a time. */
export async function connectMany(
  port: number,
  count: number,
  options: (index: number) => LoadClientOptions = () => ({}),
): Promise<LoadClient[]> {
  const clients: LoadClient[] = [];
  const AT_ONCE = 100;
  for (let start = 0; start < count; start += AT_ONCE) {
    const batch = Array.from({ length: Math.min(AT_ONCE, count - start) }, (_, i) => LoadClient.connect(port, options(start + i)));
    clients.push(...(await Promise.all(batch)));
  }
  return clients;
}
