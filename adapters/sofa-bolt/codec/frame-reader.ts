import { RegistryError, RegistryErrorCode } from '../../../core/index.ts';
import { crc32 } from './crc32.ts';
import { BoltCommand, type BoltFrame, BoltStatus, BoltType, hasCrc, headBytes } from './frame.ts';
import { BOLT_LIMITS } from './limits.ts';

const EMPTY = Buffer.alloc(0);
const FIRST_BUFFER_BYTES = 256;
const LENGTHS_BYTES = 8;
const CRC_BYTES = 4;
const MOST_SWITCHES = 127;
const STATUSES: ReadonlySet<number> = new Set(Object.values(BoltStatus));

/**
 * Cuts a stream into frames, whatever the size of its chunks. It keeps at most one partial frame, in a buffer that grows with the bytes that
 * arrived and not with the length that was announced. Version and type may differ from frame to frame.
 */
export class FrameReader {
  #partial: Buffer = EMPTY;
  #length = 0;
  /** How many bytes the partial frame must have before looking at it again tells more. */
  #needed = 1;
  #failure: RegistryError | undefined;

  /** Bytes of the partial frame. */
  get bufferedBytes(): number {
    return this.#length;
  }

  /**
   * The frames that are complete with this chunk. Their sections are windows on the chunk, not copies: it must not be changed while they are in use.
   *
   * @throws RegistryError `malformed` for what no bolt peer sends, `limit-exceeded` for a length beyond BOLT_LIMITS. The stream cannot be resumed:
   * the connection is to be closed, and later calls throw the same error.
   */
  push(chunk: Uint8Array): BoltFrame[] {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      return this.#read(Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length));
    } catch (caught) {
      this.#failure = RegistryError.from(caught, RegistryErrorCode.Malformed);
      this.#partial = EMPTY;
      this.#length = 0;
      throw this.#failure;
    }
  }

  #read(chunk: Buffer): BoltFrame[] {
    const frames: BoltFrame[] = [];
    let offset = 0;
    while (this.#length > 0 && offset < chunk.length) {
      offset = this.#keep(chunk, offset);
      if (this.#length < this.#needed) return frames;
      this.#needed = neededBytes(this.#partial.subarray(0, this.#length));
      if (this.#needed > this.#length) continue;
      // The frame's sections are windows on the buffer, so the next partial frame gets a new one.
      frames.push(decodeFrame(this.#partial.subarray(0, this.#length)));
      this.#partial = EMPTY;
      this.#length = 0;
    }
    while (offset < chunk.length) {
      const rest = offset === 0 ? chunk : chunk.subarray(offset);
      const needed = neededBytes(rest);
      if (needed > rest.length) {
        this.#needed = needed;
        this.#keep(chunk, offset);
        return frames;
      }
      frames.push(decodeFrame(rest.length === needed ? rest : rest.subarray(0, needed)));
      offset += needed;
    }
    return frames;
  }

  /** Takes over what the partial frame still needs and returns the offset behind it. */
  #keep(chunk: Buffer, offset: number): number {
    const end = Math.min(chunk.length, offset + this.#needed - this.#length);
    const length = this.#length + end - offset;
    if (length > this.#partial.length) {
      const roomy = Math.max(length, this.#partial.length * 2, FIRST_BUFFER_BYTES);
      const grown = Buffer.alloc(Math.max(length, Math.min(roomy, this.#needed)));
      grown.set(this.#partial.subarray(0, this.#length));
      this.#partial = grown;
    }
    this.#partial.set(chunk.subarray(offset, end), this.#length);
    this.#length = length;
    return end;
  }
}

/** Bytes from the start of a frame that are needed to go on: more than are there, or exactly those of the complete frame. */
function neededBytes(bytes: Buffer): number {
  const protocol = bytes[0];
  if (protocol === undefined) return 1;
  if (protocol !== 1 && protocol !== 2) return fail(`a frame begins with 1 or 2, not ${protocol}`);
  const type = bytes[protocol];
  const version = bytes[1] ?? 1;
  if (protocol === 2 && version !== 1 && version !== 2) return fail(`the version of a v2 frame is 1 or 2, not ${version}`);
  if (type === undefined) return bytes.length + 1;
  if (type !== BoltType.Response && type !== BoltType.Request && type !== BoltType.OneWay) return fail(`${type} is no frame type`);
  const fixed = headBytes(protocol, type);
  if (bytes.length < fixed) return fixed;
  const switches = protocol === 2 ? (bytes[11] ?? 0) : 0;
  if (switches > MOST_SWITCHES) fail(`${switches} is no switch`);
  const lengthsAt = fixed - LENGTHS_BYTES;
  const className = section('class name', bytes.readInt16BE(lengthsAt), BOLT_LIMITS.classNameBytes);
  const header = section('header', bytes.readInt16BE(lengthsAt + 2), BOLT_LIMITS.headerBytes);
  const content = section('content', bytes.readInt32BE(lengthsAt + 4), BOLT_LIMITS.contentBytes);
  const isTrailed = protocol === 2 && hasCrc({ protocol, version: version === 2 ? 2 : 1, switches });
  return fixed + className + header + content + (isTrailed ? CRC_BYTES : 0);
}

function section(name: string, length: number, limit: number): number {
  if (length < 0) fail(`the ${name} of a frame has a negative length`);
  if (length > limit)
    throw new RegistryError(RegistryErrorCode.LimitExceeded, `the ${name} of a frame has ${length} bytes, more than ${limit}`);
  return length;
}

/** Reads the bytes of exactly one frame, whose lengths `neededBytes` has checked. */
function decodeFrame(buffer: Buffer): BoltFrame {
  const protocol = buffer[0] === 2 ? 2 : 1;
  const version = protocol === 2 && buffer[1] === 2 ? 2 : 1;
  // From here both versions have the same fields up to the codec.
  const type = buffer.readUInt8(protocol) as BoltType;
  const command = buffer.readUInt16BE(protocol + 1);
  const commandVersion = buffer.readUInt8(protocol + 3);
  const requestId = buffer.readInt32BE(protocol + 4);
  const codec = buffer.readUInt8(protocol + 8);
  const switches = protocol === 2 ? buffer.readUInt8(11) : 0;
  const end = checkCrc(buffer, protocol === 2 && hasCrc({ protocol, version, switches }));
  const fixed = headBytes(protocol, type);
  const classEnd = fixed + buffer.readInt16BE(fixed - LENGTHS_BYTES);
  const headerEnd = classEnd + buffer.readInt16BE(fixed - LENGTHS_BYTES + 2);
  const className = buffer.toString('utf8', fixed, classEnd);
  const header = headerEnd === classEnd ? EMPTY : buffer.subarray(classEnd, headerEnd);
  const content = buffer.subarray(headerEnd, end);
  const own = fixed - LENGTHS_BYTES - (type === BoltType.Response ? 2 : 4);
  if (type === BoltType.Response) {
    if (command !== BoltCommand.Heartbeat && command !== BoltCommand.Response) return fail(`${command} is no command code of a response`);
    const status = readStatus(buffer.readUInt16BE(own));
    return { protocol, version, switches, type, command, commandVersion, requestId, codec, status, className, header, content };
  }
  if (command !== BoltCommand.Heartbeat && command !== BoltCommand.Request) return fail(`${command} is no command code of a request`);
  const timeoutMs = buffer.readInt32BE(own);
  return { protocol, version, switches, type, command, commandVersion, requestId, codec, timeoutMs, className, header, content };
}

/** Where the frame ends without its CRC. */
function checkCrc(frame: Buffer, isThere: boolean): number {
  if (!isThere) return frame.length;
  const end = frame.length - CRC_BYTES;
  if (crc32(frame.subarray(0, end)) !== frame.readUInt32BE(end)) fail('the CRC of a frame is wrong');
  return end;
}

function readStatus(status: number): BoltStatus {
  if (!STATUSES.has(status)) fail(`${status} is no response status`);
  return status as BoltStatus;
}

function fail(message: string): never {
  throw new RegistryError(RegistryErrorCode.Malformed, message);
}
