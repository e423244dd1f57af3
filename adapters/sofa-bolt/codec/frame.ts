import { crc32 } from './crc32.ts';

/**
 * Frames of SOFA bolt, both versions; all integers are big-endian and signed as in Java (SOFA bolt protocol, transport).
 *
 *     request v1   01          type cmd(2) cmdver id(4) codec         timeout(4) class(2) header(2) content(4)  payload
 *     response v1  01          00   cmd(2) cmdver id(4) codec         status(2)  class(2) header(2) content(4)  payload
 *     v2           02 version  type cmd(2) cmdver id(4) codec switch  ...as v1...                               payload [crc(4)]
 *
 * The payload is class name, header and content. The CRC follows if and only if `version` is 2 and bit 0 of the frame's own switch is set.
 */
export const BoltType = { Response: 0, Request: 1, OneWay: 2 } as const;
export type BoltType = (typeof BoltType)[keyof typeof BoltType];

/** A heartbeat is told by its command code, never by its length or class name. */
export const BoltCommand = { Heartbeat: 0, Request: 1, Response: 2 } as const;
export type BoltCommand = (typeof BoltCommand)[keyof typeof BoltCommand];

/** What the content is written in. Other numbers are passed on as they are. */
export const BoltCodec = { Hessian: 1, Protobuf: 11 } as const;

/** Bit of the switch byte that asks for the CRC trailer. */
export const CRC_SWITCH = 1;

/** Status of a response. Any other number makes a Java client close the connection; note the jump from 9 to 16. */
export const BoltStatus = {
  Success: 0x00,
  Error: 0x01,
  ServerException: 0x02,
  Unknown: 0x03,
  ServerThreadpoolBusy: 0x04,
  ErrorComm: 0x05,
  NoProcessor: 0x06,
  Timeout: 0x07,
  ClientSendError: 0x08,
  CodecException: 0x09,
  ConnectionClosed: 0x10,
  ServerSerialException: 0x11,
  ServerDeserialException: 0x12,
} as const;
export type BoltStatus = (typeof BoltStatus)[keyof typeof BoltStatus];

/** How one side writes: frames of a connection are encoded as the first frame of the client was. */
export interface BoltDialect {
  readonly protocol: 1 | 2;
  /** The version byte of a v2 frame; 1 for v1 frames, which have none. */
  readonly version: 1 | 2;
  /** Bits 0..127 of a v2 frame; 0 for v1 frames, which have none. */
  readonly switches: number;
}

interface BoltHead extends BoltDialect {
  /** 1 from Java, 0 from some others; nobody checks it. 1 when absent. */
  readonly commandVersion?: number;
  /** Signed 32-bit. The two directions count independently. */
  readonly requestId: number;
  readonly codec: number;
  readonly className: string;
}

export interface BoltRequestHead extends BoltHead {
  readonly type: typeof BoltType.Request | typeof BoltType.OneWay;
  readonly command: typeof BoltCommand.Heartbeat | typeof BoltCommand.Request;
  /** How long the sender waits, in milliseconds; -1 for heartbeats and one-way requests. */
  readonly timeoutMs: number;
}

export interface BoltResponseHead extends BoltHead {
  readonly type: typeof BoltType.Response;
  readonly command: typeof BoltCommand.Heartbeat | typeof BoltCommand.Response;
  readonly status: BoltStatus;
}

interface BoltPayload {
  readonly header: Uint8Array;
  readonly content: Uint8Array;
}

export type BoltRequest = BoltRequestHead & BoltPayload;
export type BoltResponse = BoltResponseHead & BoltPayload;
export type BoltFrame = BoltRequest | BoltResponse;

const LENGTHS_BYTES = 8;
const CRC_BYTES = 4;
const MOST_CLASS_NAME_BYTES = 32_767;
const V1: BoltDialect = { protocol: 1, version: 1, switches: 0 };

/** Whether a frame of this dialect ends in a CRC. */
export function hasCrc(dialect: BoltDialect): boolean {
  return dialect.protocol === 2 && dialect.version === 2 && (dialect.switches & CRC_SWITCH) !== 0;
}

/** The dialect in which a connection is answered that began with this frame. */
export function dialectOf(frame: BoltFrame): BoltDialect {
  return frame.protocol === 1 ? V1 : { protocol: 2, version: frame.version, switches: frame.switches };
}

/** Bytes of the fixed head: 22 and 20 in v1, two more in v2. */
export function headBytes(protocol: 1 | 2, type: BoltType): number {
  return (type === BoltType.Response ? 18 : 20) + 2 * protocol;
}

/** The fixed head and the class name of a request whose content has `contentBytes` bytes; the content follows it on the wire. */
export function encodeRequestHead(head: BoltRequestHead, contentBytes: number): Uint8Array {
  return encodeHead(head, contentBytes, 0);
}

/**
 * A request in the pieces that go out one after another: head, the given contents as they are, and the CRC if the dialect has one. A content that
 * many clients share is not copied; a CRC costs one pass over it for each.
 */
export function requestParts(head: BoltRequestHead, ...contents: readonly Uint8Array[]): Uint8Array[] {
  return withCrc(head, [encodeHead(head, total(contents), 0), ...contents]);
}

/**
 * Requests that differ in their id and in the middle of their content only, as the pushes of one view do: head, class name and the content's
 * beginning are encoded once and copied.
 */
export class RequestTemplate {
  readonly #head: BoltRequestHead;
  readonly #bytes: Buffer;
  readonly #startBytes: number;

  constructor(head: BoltRequestHead, contentStart: Uint8Array) {
    this.#head = head;
    this.#bytes = Buffer.concat([encodeHead(head, 0, 0), contentStart]);
    this.#startBytes = contentStart.length;
  }

  /** One request in two pieces, and the CRC if the dialect has one: its own bytes behind the beginning, then `shared` as it is. */
  parts(requestId: number, own: Uint8Array, shared: Uint8Array): Uint8Array[] {
    const { protocol, type } = this.#head;
    const bytes = Buffer.allocUnsafe(this.#bytes.length + own.length);
    this.#bytes.copy(bytes);
    bytes.set(own, this.#bytes.length);
    bytes.writeInt32BE(requestId, protocol + 4);
    bytes.writeInt32BE(this.#startBytes + own.length + shared.length, headBytes(protocol, type) - 4);
    return withCrc(this.#head, [bytes, shared]);
  }
}

/** A complete request in one piece. */
export function encodeRequest(head: BoltRequestHead, ...contents: readonly Uint8Array[]): Uint8Array {
  return join(requestParts(head, ...contents));
}

/** A complete response in one piece. Without contents it is the error answer that all clients accept. */
export function encodeResponse(head: BoltResponseHead, ...contents: readonly Uint8Array[]): Uint8Array {
  return join(withCrc(head, [encodeHead(head, total(contents), 0), ...contents]));
}

/** Exactly the bytes of a frame that was read, its header section and CRC included. */
export function encodeFrame(frame: BoltFrame): Uint8Array {
  return join(withCrc(frame, [encodeHead(frame, frame.content.length, frame.header.length), frame.header, frame.content]));
}

/** The head of the answer to a request: its dialect, id and codec, since a Java client fails on any other codec. */
export function responseTo(request: BoltRequest, status: BoltStatus, className = ''): BoltResponseHead {
  const { protocol, version, switches, requestId, codec } = request;
  return { protocol, version, switches, type: BoltType.Response, command: BoltCommand.Response, requestId, codec, status, className };
}

/** An answer without content; its switch is 0, as in Java's error answers. */
export function encodeErrorResponse(request: BoltRequest, status: BoltStatus): Uint8Array {
  return encodeResponse({ ...responseTo(request, status), switches: 0 });
}

/** What a client sends after 15 s without traffic. The server never sends one. Its switch is 0, so it has no CRC. */
export function encodeHeartbeat(dialect: BoltDialect, requestId: number): Uint8Array {
  const { protocol, version } = dialect;
  const head = { protocol, version, switches: 0, type: BoltType.Request, command: BoltCommand.Heartbeat } as const;
  return encodeRequest({ ...head, requestId, codec: BoltCodec.Hessian, timeoutMs: -1, className: '' });
}

/** The answer to a heartbeat, due within one second. */
export function encodeHeartbeatAck(request: BoltRequest): Uint8Array {
  return encodeResponse({ ...responseTo(request, BoltStatus.Success), command: BoltCommand.Heartbeat, switches: 0 });
}

/** @throws RangeError when a length does not fit its field: a mistake of the caller, not of a client. */
function encodeHead(head: BoltRequestHead | BoltResponseHead, contentBytes: number, headerBytes: number): Uint8Array {
  const classNameBytes = Buffer.byteLength(head.className, 'utf8');
  if (classNameBytes > MOST_CLASS_NAME_BYTES || headerBytes > MOST_CLASS_NAME_BYTES) throw new RangeError('a bolt section is too long');
  const fixed = headBytes(head.protocol, head.type);
  const bytes = Buffer.allocUnsafe(fixed + classNameBytes);
  let at = bytes.writeUInt8(head.protocol);
  if (head.protocol === 2) at = bytes.writeUInt8(head.version, at);
  at = bytes.writeUInt8(head.type, at);
  at = bytes.writeUInt16BE(head.command, at);
  at = bytes.writeUInt8(head.commandVersion ?? 1, at);
  at = bytes.writeInt32BE(head.requestId, at);
  at = bytes.writeUInt8(head.codec, at);
  if (head.protocol === 2) at = bytes.writeUInt8(head.switches, at);
  if (head.type === BoltType.Response) bytes.writeUInt16BE(head.status, at);
  else bytes.writeInt32BE(head.timeoutMs, at);
  at = bytes.writeUInt16BE(classNameBytes, fixed - LENGTHS_BYTES);
  at = bytes.writeUInt16BE(headerBytes, at);
  bytes.writeInt32BE(contentBytes, at);
  bytes.write(head.className, fixed, 'utf8');
  return bytes;
}

function withCrc(dialect: BoltDialect, parts: Uint8Array[]): Uint8Array[] {
  if (!hasCrc(dialect)) return parts;
  const trailer = Buffer.allocUnsafe(CRC_BYTES);
  trailer.writeUInt32BE(parts.reduce((sum, part) => crc32(part, sum), 0));
  return [...parts, trailer];
}

function total(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts);
}
