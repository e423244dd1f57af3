import { ByteReader } from '../codec/byte-reader.ts';
import { ByteWriter } from '../codec/byte-writer.ts';
import { isRegistryErrorCode, RegistryError, RegistryErrorCode } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';

/**
 * A message between roles.
 *
 *     frame := version:u8 kind:u8 body
 *
 * The version is the sender's. A receiver takes its own version, the one before it and the next one, so that a cluster can be upgraded
 * node by node. A new version adds fields only at the end of a body: an older receiver does not read them, a newer one does without them
 * (`frame[0]` tells). An error answer has kind 255 and the body `code:text message:text`.
 */
export const PROTOCOL_VERSION = 2;
export const OLDEST_PROTOCOL_VERSION = 1;

/** One number per message, never reused. A request and its answer share it. */
export const MessageKind = {
  SlotBatch: 1,
  SlotFetch: 2,
  SlotInterest: 3,
  SlotNotice: 4,
  SlotLog: 5,
  SlotPage: 6,
  CompareRoots: 7,
  CompareDatums: 8,
  SessionPulse: 9,
  Heartbeat: 20,
  TableChanged: 21,
  SessionLoads: 22,
  TableGet: 23,
  DocumentGet: 30,
  DocumentList: 31,
  DocumentWrite: 32,
  DocumentsChanged: 33,
  DatumInspect: 40,
  DatumHoldings: 41,
  Error: 255,
} as const;
export type MessageKind = (typeof MessageKind)[keyof typeof MessageKind];

const KINDS: ReadonlySet<number> = new Set(Object.values(MessageKind));

/** Starts a message: the caller writes the body and calls `finish`. */
export function beginFrame(kind: MessageKind, initialBytes?: number): ByteWriter {
  return new ByteWriter(initialBytes).u8(PROTOCOL_VERSION).u8(kind);
}

/** What a message is, without reading its body. @throws RegistryError `malformed` for another version or an unknown kind. */
export function frameKind(frame: Uint8Array): MessageKind {
  if (frame.length < 2 || frame.length > LIMITS.wireFrameBytes) {
    throw new RegistryError(RegistryErrorCode.Malformed, `a frame of ${frame.length} bytes`);
  }
  const [version = 0, kind = 0] = frame;
  if (version < OLDEST_PROTOCOL_VERSION || version > PROTOCOL_VERSION + 1) {
    throw new RegistryError(
      RegistryErrorCode.Malformed,
      `protocol version ${version} is not spoken here (${OLDEST_PROTOCOL_VERSION} to ${PROTOCOL_VERSION} are)`,
    );
  }
  if (!KINDS.has(kind)) throw new RegistryError(RegistryErrorCode.Malformed, `unknown message kind ${kind}`);
  return kind as MessageKind;
}

/** A reader behind the head of a frame of this kind. An error answer is thrown as the RegistryError it carries. */
export function openFrame(frame: Uint8Array, expected: MessageKind): ByteReader {
  const kind = frameKind(frame);
  const reader = new ByteReader(frame, (frame[0] ?? 0) > PROTOCOL_VERSION);
  reader.raw(2);
  if (kind === MessageKind.Error) throw readError(reader);
  if (kind !== expected) throw new RegistryError(RegistryErrorCode.Malformed, `message kind ${kind} where ${expected} was expected`);
  return reader;
}

export function encodeError(error: RegistryError): Uint8Array {
  return beginFrame(MessageKind.Error).text(error.code).text(error.message).finish();
}

/** The error that a frame carries; undefined for every other frame. */
export function errorIn(frame: Uint8Array): RegistryError | undefined {
  if (frame[1] !== MessageKind.Error) return undefined;
  try {
    openFrame(frame, MessageKind.Error);
  } catch (caught) {
    return RegistryError.from(caught);
  }
  return undefined;
}

function readError(reader: ByteReader): RegistryError {
  const code = reader.text();
  const message = reader.text();
  const known = isRegistryErrorCode(code) ? code : RegistryErrorCode.Unavailable;
  const prefix = `${code}: `;
  return new RegistryError(known, message.startsWith(prefix) ? message.slice(prefix.length) : message);
}
