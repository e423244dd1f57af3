import { ByteReader } from '../codec/byte-reader.ts';
import { ByteWriter } from '../codec/byte-writer.ts';
import { RegistryError, RegistryErrorCode } from '../model/errors.ts';

/**
 * What travels on a link between two nodes.
 *
 *     frame := length:u32 kind:u8 body            length counts kind and body
 *     Request := id:u32 from:u8 to:u8 message     from, to: roles, index in LINK_ROLES
 *     Send    := from:u8 to:u8 message
 *     Answer  := id:u32 message
 *     Failure := id:u32 code:text reason:text
 *     Ping, Pong :=
 *
 * The handshake's frames are described in `tcp-handshake.ts`.
 */
export const LinkFrame = {
  Hello: 1,
  Challenge: 2,
  Proof: 3,
  Accepted: 4,
  Refused: 5,
  Request: 16,
  Send: 17,
  Answer: 18,
  Failure: 19,
  Ping: 20,
  Pong: 21,
} as const;
export type LinkFrame = (typeof LinkFrame)[keyof typeof LinkFrame];

const LENGTH_BYTES = 4;
const NOTHING = new Uint8Array(0);

/** A whole frame as it was received: its kind and body. */
export interface ReceivedFrame {
  readonly kind: number;
  readonly body: Uint8Array;
}

/** Head of a frame whose body is `fields` and then `message`; the message is not copied. */
export function frameHead(kind: LinkFrame, fields: Uint8Array = NOTHING, messageBytes = 0): Uint8Array {
  return new ByteWriter(LENGTH_BYTES + 1 + fields.length)
    .u32(1 + fields.length + messageBytes)
    .u8(kind)
    .raw(fields)
    .finish();
}

/**
 * Cuts a stream into frames, wherever the network cut it. A length is checked before a byte of its frame is kept, so memory is bounded by
 * `limitBytes` and what has really arrived.
 */
export class FrameAssembler {
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  /** Largest length taken; smaller until the other side has proved who it is. */
  limitBytes: number;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  /** Bytes that wait for the rest of their frame. */
  get waitingBytes(): number {
    return this.#bytes;
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
  }

  /** The next whole frame. @throws RegistryError `malformed` for a length of 0 or above the limit; the stream is lost then. */
  next(): ReceivedFrame | undefined {
    if (this.#bytes < LENGTH_BYTES) return undefined;
    const length = this.#peekLength();
    if (length === 0 || length > this.limitBytes) {
      throw new RegistryError(RegistryErrorCode.Malformed, `a link frame of ${length} bytes (1 to ${this.limitBytes} are taken)`);
    }
    if (this.#bytes < LENGTH_BYTES + length) return undefined;
    const frame = this.#take(LENGTH_BYTES + length);
    return { kind: frame[LENGTH_BYTES] ?? 0, body: frame.subarray(LENGTH_BYTES + 1) };
  }

  #peekLength(): number {
    const [first = NOTHING] = this.#chunks;
    const head = first.length >= LENGTH_BYTES ? first : joined(this.#chunks, LENGTH_BYTES);
    return new DataView(head.buffer, head.byteOffset, LENGTH_BYTES).getUint32(0);
  }

  #take(count: number): Uint8Array {
    const [first = NOTHING] = this.#chunks;
    this.#bytes -= count;
    if (first.length >= count) {
      if (first.length === count) this.#chunks.shift();
      else this.#chunks[0] = first.subarray(count);
      return first.subarray(0, count);
    }
    const taken = joined(this.#chunks, count);
    let left = count;
    let used = 0;
    for (const chunk of this.#chunks) {
      if (chunk.length > left) {
        this.#chunks[used] = chunk.subarray(left);
        break;
      }
      left -= chunk.length;
      used += 1;
    }
    this.#chunks.splice(0, used);
    return taken;
  }
}

function joined(chunks: readonly Uint8Array[], count: number): Uint8Array {
  const whole = new Uint8Array(count);
  let at = 0;
  for (const chunk of chunks) {
    if (at === count) break;
    const part = chunk.subarray(0, count - at);
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** A reader over the fields at the start of a body. */
export function bodyReader(frame: ReceivedFrame): ByteReader {
  return new ByteReader(frame.body);
}
