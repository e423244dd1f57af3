import type { Socket } from 'node:net';
import { RegistryError } from '../model/errors.ts';
import type { Clock } from '../seams/clock.ts';
import { FrameAssembler, frameHead, type LinkFrame, type ReceivedFrame } from './tcp-frames.ts';

/** Parts up to this size are copied together: one large write is cheaper than many small ones. */
const COALESCE_BYTES = 16 * 1024;

/**
 * A socket that sends and receives link frames. What is sent in one turn is written in one piece after it; what arrives is handed over frame
 * by frame. Bytes that are no frames end it.
 */
export class FramedSocket {
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #assembler: FrameAssembler;
  #batch: Uint8Array[] = [];
  #batchBytes = 0;
  #isFlushPlanned = false;
  #closed: ((reason: string) => void) | undefined;
  #reason = 'the other side ended the connection';
  #silentTicks = 0;
  /** Receives every frame. What it throws ends the connection. */
  onFrame: (frame: ReceivedFrame) => void = () => undefined;

  /** `closed` is called once, with the reason. */
  constructor(socket: Socket, clock: Clock, limitBytes: number, closed: (reason: string) => void) {
    this.#socket = socket;
    this.#clock = clock;
    this.#assembler = new FrameAssembler(limitBytes);
    this.#closed = closed;
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', (cause: Error) => {
      this.#reason = cause.message;
    });
    socket.on('close', () => this.#end());
  }

  get remote(): string {
    return `${(this.#socket.remoteAddress ?? '').replace(/^::ffff:/, '')}:${this.#socket.remotePort ?? 0}`;
  }

  /** Bytes handed over that the network has not taken yet. */
  get queuedBytes(): number {
    return this.#batchBytes + this.#socket.writableLength;
  }

  get isOpen(): boolean {
    return this.#closed !== undefined;
  }

  /** From now on frames up to this size are taken: the other side has proved who it is. */
  trust(limitBytes: number): void {
    this.#assembler.limitBytes = limitBytes;
  }

  send(kind: LinkFrame, fields?: Uint8Array, message?: Uint8Array): void {
    if (this.#closed === undefined) return;
    this.#push(frameHead(kind, fields, message?.length ?? 0));
    if (message !== undefined && message.length > 0) this.#push(message);
    if (this.#isFlushPlanned) return;
    this.#isFlushPlanned = true;
    this.#clock.soon(() => this.#flush());
  }

  /** Ticks in a row, this one included, in which not a byte arrived. Counting ticks forgives this process its own sleeps. */
  tick(): number {
    this.#silentTicks += 1;
    return this.#silentTicks;
  }

  /** Stops reading until `resume`, so that the other side's writes wait in the network. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    if (this.#closed !== undefined) this.#socket.resume();
  }

  /** Sends what was handed over and ends; whoever does not take it is cut off by `destroy`. */
  end(reason: string): void {
    this.#reason = reason;
    this.#flush();
    this.#socket.end();
  }

  destroy(reason: string): void {
    this.#reason = reason;
    this.#socket.destroy();
    this.#end();
  }

  #push(bytes: Uint8Array): void {
    this.#batch.push(bytes);
    this.#batchBytes += bytes.length;
  }

  #flush(): void {
    this.#isFlushPlanned = false;
    const batch = this.#batch;
    if (batch.length === 0) return;
    this.#batch = [];
    this.#batchBytes = 0;
    if (this.#closed === undefined) return;
    this.#socket.cork();
    for (const part of coalesce(batch)) this.#socket.write(part);
    this.#socket.uncork();
  }

  #read(chunk: Buffer): void {
    this.#silentTicks = 0;
    if (this.#closed === undefined) return;
    try {
      this.#assembler.push(chunk);
      for (let frame = this.#assembler.next(); frame !== undefined && this.isOpen; frame = this.#assembler.next()) this.onFrame(frame);
    } catch (caught) {
      this.destroy(RegistryError.from(caught).message);
    }
  }

  #end(): void {
    const closed = this.#closed;
    this.#closed = undefined;
    this.#batch = [];
    this.#batchBytes = 0;
    closed?.(this.#reason);
  }
}

function coalesce(parts: readonly Uint8Array[]): readonly Uint8Array[] {
  if (parts.length === 1) return parts;
  const pieces: Uint8Array[] = [];
  let small: Uint8Array[] = [];
  let smallBytes = 0;
  const close = () => {
    if (small.length > 0) pieces.push(small.length === 1 ? (small[0] as Uint8Array) : Buffer.concat(small, smallBytes));
    small = [];
    smallBytes = 0;
  };
  for (const part of parts) {
    if (part.length > COALESCE_BYTES) {
      close();
      pieces.push(part);
      continue;
    }
    small.push(part);
    smallBytes += part.length;
    if (smallBytes > COALESCE_BYTES) close();
  }
  close();
  return pieces;
}
