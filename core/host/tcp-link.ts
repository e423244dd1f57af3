import { ByteWriter } from '../codec/byte-writer.ts';
import { isRegistryErrorCode, RegistryError, RegistryErrorCode } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import { type PeerId, peerId, type Role } from '../model/node.ts';
import type { FramedSocket } from './framed-socket.ts';
import { bodyReader, LinkFrame, type ReceivedFrame } from './tcp-frames.ts';
import { LINK_ROLES, type NodeIdentity } from './tcp-handshake.ts';

/** Ticks (of `LINK_TICK_MS`) without a byte after which a link is taken for broken. */
const SILENT_TICKS = 6;

/** How often links are looked at. Three seconds of silence end one, well above a stall that must go unnoticed (2 s). */
export const LINK_TICK_MS = 500;

/** Largest frame on a link whose other side is known. */
export const LINK_FRAME_BYTES = LIMITS.wireFrameBytes + 64;

/** A request on its way; exactly one of its outcomes is called. */
export interface Call {
  readonly from: Role;
  readonly to: Role;
  readonly message: Uint8Array;
  readonly resolve: (answer: Uint8Array) => void;
  readonly reject: (error: RegistryError) => void;
}

/** A link this node dialed: carries its requests and one-way messages; the answers come back on it. */
export class DialedLink {
  readonly peer: NodeIdentity;
  /** The protocol version both sides speak. */
  readonly version: number;
  readonly #socket: FramedSocket;
  readonly #calls = new Map<number, Call>();
  #lastId = 0;

  constructor(socket: FramedSocket, peer: NodeIdentity, version: number) {
    this.#socket = socket;
    this.peer = peer;
    this.version = version;
    socket.trust(LINK_FRAME_BYTES);
    socket.onFrame = (frame) => this.#read(frame);
  }

  get isOpen(): boolean {
    return this.#socket.isOpen;
  }

  /** False when the link is full: what is on its way to a peer is bounded, however slow the peer is. */
  hasRoomFor(bytes: number): boolean {
    const queued = this.#socket.queuedBytes;
    return queued === 0 || queued + bytes <= LIMITS.linkQueueBytes;
  }

  /** Returns how to forget the call, for its timeout. */
  request(call: Call): () => void {
    this.#lastId = (this.#lastId + 1) % 0xffffffff;
    const id = this.#lastId;
    this.#calls.set(id, call);
    const fields = new ByteWriter(6).u32(id).u8(LINK_ROLES.indexOf(call.from)).u8(LINK_ROLES.indexOf(call.to)).finish();
    this.#socket.send(LinkFrame.Request, fields, call.message);
    return () => this.#calls.delete(id);
  }

  send(from: Role, to: Role, message: Uint8Array): void {
    const fields = new ByteWriter(2).u8(LINK_ROLES.indexOf(from)).u8(LINK_ROLES.indexOf(to)).finish();
    this.#socket.send(LinkFrame.Send, fields, message);
  }

  tick(): void {
    const silent = this.#socket.tick();
    if (silent > SILENT_TICKS) this.close(`nothing was heard for ${SILENT_TICKS * LINK_TICK_MS} ms`);
    else if (silent > 1) this.#socket.send(LinkFrame.Ping);
  }

  close(reason: string): void {
    this.#socket.destroy(reason);
  }

  /** Every request under way fails; whether it happened is not known. */
  fail(reason: string): void {
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    const error = new RegistryError(RegistryErrorCode.Unavailable, `the link to ${this.peer.nodeId} broke: ${reason}`);
    for (const call of calls) call.reject(error);
  }

  #read(frame: ReceivedFrame): void {
    if (frame.kind === LinkFrame.Pong) return;
    const reader = bodyReader(frame);
    if (frame.kind === LinkFrame.Answer) {
      const call = this.#take(reader.u32());
      call?.resolve(frame.body.subarray(reader.offset));
    } else if (frame.kind === LinkFrame.Failure) {
      const call = this.#take(reader.u32());
      const code = reader.text();
      call?.reject(new RegistryError(isRegistryErrorCode(code) ? code : RegistryErrorCode.Unavailable, reader.text()));
    } else throw new RegistryError(RegistryErrorCode.Malformed, `link frame ${frame.kind} is not expected here`);
  }

  #take(id: number): Call | undefined {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    return call;
  }
}

/** Hands a message of a peer to the role it is for. @throws RegistryError `unavailable` when the role does not run here. */
export type Deliver = (from: PeerId, to: Role, message: Uint8Array) => Promise<Uint8Array | undefined>;

/** A link that the other node dialed: takes its messages and sends the answers. */
export class AcceptedLink {
  readonly peer: NodeIdentity;
  readonly version: number;
  readonly #socket: FramedSocket;
  readonly #deliver: Deliver;
  #inFlight = 0;
  /** While the other side does not read its answers: how much was queued at the last tick, and for how many it did not shrink. */
  #paused: { queuedBytes: number; stuckTicks: number } | undefined;

  constructor(socket: FramedSocket, peer: NodeIdentity, version: number, deliver: Deliver) {
    this.#socket = socket;
    this.peer = peer;
    this.version = version;
    this.#deliver = deliver;
    socket.trust(LINK_FRAME_BYTES);
    socket.onFrame = (frame) => this.#read(frame);
  }

  get isOpen(): boolean {
    return this.#socket.isOpen;
  }

  tick(): void {
    if (this.#paused !== undefined) this.#tickPaused(this.#paused);
    // The dialing side pings a link that is silent, so silence here means that it is gone. One tick more: it finds out first.
    else if (this.#socket.tick() > SILENT_TICKS + 1) this.close(`nothing was heard for ${SILENT_TICKS * LINK_TICK_MS} ms`);
  }

  close(reason: string): void {
    this.#socket.destroy(reason);
  }

  #read(frame: ReceivedFrame): void {
    const reader = bodyReader(frame);
    if (frame.kind === LinkFrame.Ping) this.#socket.send(LinkFrame.Pong);
    else if (frame.kind === LinkFrame.Send) {
      const from = this.#sender(reader.u8());
      const to = roleOf(reader.u8());
      // Only a role that does not run here fails, and whoever sends one way expects no answer.
      void this.#deliver(from, to, frame.body.subarray(reader.offset)).catch(() => undefined);
    } else if (frame.kind === LinkFrame.Request) {
      const id = reader.u32();
      const from = this.#sender(reader.u8());
      const to = roleOf(reader.u8());
      this.#take(id, from, to, frame.body.subarray(reader.offset));
    } else throw new RegistryError(RegistryErrorCode.Malformed, `link frame ${frame.kind} is not expected here`);
  }

  #take(id: number, from: PeerId, to: Role, message: Uint8Array): void {
    if (this.#inFlight >= LIMITS.linkRequestsInFlight) {
      this.#fail(id, new RegistryError(RegistryErrorCode.Unavailable, 'too many requests on this link are in flight'));
      return;
    }
    this.#inFlight += 1;
    this.#deliver(from, to, message)
      .then(
        (answer) => {
          if (answer !== undefined) this.#answer(id, answer);
          else this.#fail(id, new RegistryError(RegistryErrorCode.Malformed, `${to} has no answer to this message`));
        },
        (caught: unknown) => this.#fail(id, RegistryError.from(caught)),
      )
      .finally(() => {
        this.#inFlight -= 1;
      });
  }

  #answer(id: number, answer: Uint8Array): void {
    this.#socket.send(LinkFrame.Answer, new ByteWriter(4).u32(id).finish(), answer);
    // A peer that asks and does not read its answers is not read from until it does.
    const { queuedBytes } = this.#socket;
    if (queuedBytes <= LIMITS.linkQueueBytes || this.#paused !== undefined) return;
    this.#paused = { queuedBytes, stuckTicks: 0 };
    this.#socket.pause();
  }

  #tickPaused(paused: { queuedBytes: number; stuckTicks: number }): void {
    const { queuedBytes } = this.#socket;
    paused.stuckTicks = queuedBytes < paused.queuedBytes ? 0 : paused.stuckTicks + 1;
    paused.queuedBytes = queuedBytes;
    if (paused.stuckTicks > SILENT_TICKS) this.close('its answers were not read');
    if (queuedBytes > LIMITS.linkQueueBytes / 2) return;
    this.#paused = undefined;
    this.#socket.resume();
  }

  #fail(id: number, error: RegistryError): void {
    this.#socket.send(LinkFrame.Failure, new ByteWriter().u32(id).text(error.code).text(error.sentence).finish());
  }

  /** A node speaks for its own roles only. */
  #sender(index: number): PeerId {
    const role = roleOf(index);
    if (!this.peer.roles.includes(role))
      throw new RegistryError(RegistryErrorCode.Malformed, `node ${this.peer.nodeId} has no role ${role}`);
    return peerId(this.peer.nodeId, role);
  }
}

function roleOf(index: number): Role {
  const role = LINK_ROLES[index];
  if (role === undefined) throw new RegistryError(RegistryErrorCode.Malformed, `there is no role ${index}`);
  return role;
}
