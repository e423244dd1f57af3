import type { ByteReader } from '../codec/byte-reader.ts';
import type { ByteWriter } from '../codec/byte-writer.ts';
import type { DataInfoId } from '../model/data-info-id.ts';
import type { DatumVersion } from '../model/datum-version.ts';
import { RegistryError, RegistryErrorCode } from '../model/errors.ts';
import type { PeerId } from '../model/node.ts';
import type { PeerTransport } from '../seams/transport.ts';
import { beginFrame, MessageKind, openFrame } from './frame.ts';

/**
 * For operators: where a datum is held, and in which version. Anybody asks the slot leader, which asks its followers and the Sessions.
 *
 *     DatumInspect  request := dataInfoId:text     answer := holdings:list(holding)
 *     DatumHoldings request := dataInfoId:text     answer := holding
 *
 *     holding := peer:text part:u8 version:u64 publishers:varint sent:u64 problem:text
 */
export interface DatumHolding {
  readonly peer: PeerId;
  readonly part: 'leader' | 'follower' | 'session';
  /** Of the copy; a Session's is that of the view it holds. 0 when it holds none. */
  readonly version: DatumVersion;
  /** Leader and follower: in the datum. Session: those of its own connected clients. */
  readonly publishers: number;
  /** Session: the greatest version sent to a client; 0 when none. */
  readonly sent: DatumVersion;
  /** Why nothing is known of it; '' otherwise. */
  readonly problem: string;
}

const PARTS = ['leader', 'follower', 'session'] as const;
const TIMEOUT_MS = 2_000;

export function encodeDatumInspect(dataInfoId: DataInfoId): Uint8Array {
  return beginFrame(MessageKind.DatumInspect).text(dataInfoId).finish();
}

export function decodeDatumInspect(frame: Uint8Array): DataInfoId {
  return readName(openFrame(frame, MessageKind.DatumInspect));
}

export function encodeDatumInspectAnswer(holdings: readonly DatumHolding[]): Uint8Array {
  return beginFrame(MessageKind.DatumInspect).list(holdings, writeHolding).finish();
}

export function decodeDatumInspectAnswer(frame: Uint8Array): readonly DatumHolding[] {
  const reader = openFrame(frame, MessageKind.DatumInspect);
  const holdings = reader.list(readHolding);
  reader.end();
  return holdings;
}

export function encodeDatumHoldings(dataInfoId: DataInfoId): Uint8Array {
  return beginFrame(MessageKind.DatumHoldings).text(dataInfoId).finish();
}

export function decodeDatumHoldings(frame: Uint8Array): DataInfoId {
  return readName(openFrame(frame, MessageKind.DatumHoldings));
}

export function encodeDatumHoldingsAnswer(holding: DatumHolding): Uint8Array {
  const writer = beginFrame(MessageKind.DatumHoldings);
  writeHolding(holding, writer);
  return writer.finish();
}

export function decodeDatumHoldingsAnswer(frame: Uint8Array): DatumHolding {
  const reader = openFrame(frame, MessageKind.DatumHoldings);
  const holding = readHolding(reader);
  reader.end();
  return holding;
}

/** Asks a slot's leader where a datum of it is held. @throws RegistryError of the transport or the leader. */
export async function inspectDatum(peers: PeerTransport, leader: PeerId, dataInfoId: DataInfoId): Promise<readonly DatumHolding[]> {
  return decodeDatumInspectAnswer(await peers.request(leader, encodeDatumInspect(dataInfoId), { timeoutMs: 2 * TIMEOUT_MS }));
}

/** What one copy holds; a peer that does not answer is part of the truth. */
export async function requestHolding(
  peers: PeerTransport,
  peer: PeerId,
  part: DatumHolding['part'],
  dataInfoId: DataInfoId,
): Promise<DatumHolding> {
  try {
    return decodeDatumHoldingsAnswer(await peers.request(peer, encodeDatumHoldings(dataInfoId), { timeoutMs: TIMEOUT_MS }));
  } catch (caught) {
    return { peer, part, version: 0n, publishers: 0, sent: 0n, problem: RegistryError.from(caught).message };
  }
}

function readName(reader: ByteReader): DataInfoId {
  const dataInfoId = reader.text() as DataInfoId;
  reader.end();
  return dataInfoId;
}

function writeHolding(holding: DatumHolding, writer: ByteWriter): void {
  writer.text(holding.peer).u8(PARTS.indexOf(holding.part)).u64(holding.version).varint(holding.publishers);
  writer.u64(holding.sent).text(holding.problem);
}

function readHolding(reader: ByteReader): DatumHolding {
  const peer = reader.text() as PeerId;
  const part = PARTS[reader.u8()];
  if (part === undefined) throw new RegistryError(RegistryErrorCode.Malformed, 'unknown part of a holding');
  const held = { version: reader.u64(), publishers: reader.varint(), sent: reader.u64() };
  return { peer, part, ...held, problem: reader.text() };
}
