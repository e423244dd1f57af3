import {
  type ClientConnection,
  type CloseReason,
  type Host,
  type Push,
  type PushOutcome,
  type PushProfile,
  RegistryError,
  RegistryErrorCode,
  Scope,
  type SessionGateway,
  type Timer,
} from '../../core/index.ts';
import type { Blacklists } from './blacklists.ts';
import { BoltClass } from './codec/class-names.ts';
import {
  BoltCodec,
  BoltCommand,
  type BoltDialect,
  type BoltFrame,
  type BoltRequest,
  type BoltResponse,
  BoltStatus,
  BoltType,
  dialectOf,
  encodeErrorResponse,
  encodeHeartbeatAck,
  encodeRequest,
  encodeResponse,
  responseTo,
} from './codec/frame.ts';
import { FrameReader } from './codec/frame-reader.ts';
import { hessianMessages, type MessageCodec } from './codec/message-codec.ts';
import { type BaseRegister, decodeConfiguratorRegister } from './codec/messages.ts';
import { ConfiguratorPushes } from './configurator-pushes.ts';
import type { Configurations } from './configurators.ts';
import type { InboundBudget } from './inbound-budget.ts';
import { SOFA_FORMAT } from './payload.ts';
import { PendingPushes } from './pending-pushes.ts';
import type { Protobuf } from './protobuf.ts';
import { encodePush, PUSH_TIMEOUT_MS } from './push-encoder.ts';
import { clientVersionOf, dataInfoIdOf, isBlocked, registerIdOf, toRegistration, toSubscriber } from './registrations.ts';

/** The numbers of SOFA bolt protocol, pushing: applications call back on several threads, so pushes keep a distance. */
const PUSH_PROFILE: PushProfile = {
  emptyFirstPushWaitMs: 300,
  leastPushGapMs: 150,
  acknowledgeTimeoutMs: PUSH_TIMEOUT_MS,
  retryDelaysMs: [500, 1_000, 1_500],
};
/** With more than this waiting in the socket a client is slow: it gets the newest state later instead of every one now. */
const MOST_WAITING_BYTES = 512 * 1024;

/** The connection as a client sees it, without the socket's details. */
export interface BoltLink {
  /** `ip:port`. */
  readonly address: string;
  /** Bytes written and not taken by the client's machine yet. */
  waitingBytes(): number;
  /** All pieces in one go. */
  write(parts: readonly Uint8Array[]): void;
  /** Nothing is read until `resume`. */
  pause(): void;
  resume(): void;
  end(): void;
}

export interface BoltClientParts {
  readonly gateway: SessionGateway;
  readonly configurations: Configurations;
  readonly blacklists: Blacklists;
  readonly host: Host;
  readonly idleTimeoutMs: number;
  readonly inbound: InboundBudget;
  /** Called with the first frame whose content is protobuf: most gateways never see one. */
  loadProtobuf(): Promise<Protobuf>;
}

/** One client: reads its frames in order, answers its registrations at once, and pushes what it subscribed to. */
export class BoltClient {
  readonly #link: BoltLink;
  readonly #parts: BoltClientParts;
  readonly #reader = new FrameReader();
  readonly #connection: ClientConnection;
  readonly #pending = new PendingPushes();
  readonly #configurators: ConfiguratorPushes;
  /** Frames are written as the first one of the client was. */
  #dialect: BoltDialect | undefined;
  #lastReadMs: number;
  /** Of a half frame, as noted in the budget of all clients. */
  #keptBytes = 0;
  #idleTimer: Timer | undefined;
  /** While a request is handled its pushes wait, so that its answer goes first. */
  #afterAnswer: (() => void)[] | undefined;
  #protobuf: Protobuf | undefined;
  /** Frames that wait, in their order, until protobuf is loaded. */
  #held: BoltFrame[] | undefined;
  /** A client that registered a subscriber in protobuf is pushed protobuf, as upstream does. */
  #isPushedProtobuf = false;
  #closed = false;

  constructor(link: BoltLink, parts: BoltClientParts) {
    this.#link = link;
    this.#parts = parts;
    this.#connection = parts.gateway.connect({
      protocol: 'sofa-bolt',
      address: link.address,
      format: SOFA_FORMAT,
      push: (push, done) => this.#push(push, done),
      pushProfile: PUSH_PROFILE,
    });
    this.#configurators = new ConfiguratorPushes(parts.configurations, parts.host.clock, (content, done) =>
      this.#pushConfig(content, done),
    );
    this.#lastReadMs = parts.host.clock.monotonicMs();
    this.#watchIdle(parts.idleTimeoutMs);
  }

  /** Bytes from the client. What is no bolt closes the connection; what is bolt and wrong is answered. */
  read(chunk: Uint8Array): void {
    if (this.#closed) return;
    this.#lastReadMs = this.#parts.host.clock.monotonicMs();
    let frames: readonly BoltFrame[];
    try {
      frames = this.#reader.push(chunk);
    } catch (caught) {
      this.#refuse('a client sent what is no bolt frame', RegistryError.from(caught).message);
      return;
    }
    if (!this.#parts.inbound.change(this.#reader.bufferedBytes - this.#keptBytes)) {
      this.#refuse('too many clients send large frames at once', `${this.#parts.inbound.usedBytes} bytes wait for their rest`);
      return;
    }
    this.#keptBytes = this.#reader.bufferedBytes;
    for (const frame of frames) this.#take(frame);
    // Who does not take his answers asks no more questions until he does; who never does is idle in the end.
    if (this.#link.waitingBytes() > MOST_WAITING_BYTES) this.#link.pause();
  }

  #refuse(what: string, reason: string): void {
    this.#parts.host.log.warn(what, { client: this.#link.address, reason });
    this.close('broken');
  }

  /** The client's machine has taken all that was written. */
  drained(): void {
    if (this.#closed || this.#held !== undefined) return;
    // What it sent while it was not listened to counts as heard now.
    this.#lastReadMs = this.#parts.host.clock.monotonicMs();
    this.#link.resume();
  }

  close(reason: CloseReason): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#idleTimer?.cancel();
    this.#configurators.close();
    this.#parts.inbound.change(-this.#keptBytes);
    this.#connection.close(reason);
    this.#pending.closeAll();
    this.#link.end();
  }

  #take(frame: BoltFrame): void {
    if (this.#held !== undefined) this.#held.push(frame);
    else if (frame.codec !== BoltCodec.Protobuf || frame.command === BoltCommand.Heartbeat || this.#protobuf !== undefined) {
      this.#frame(frame);
    } else {
      this.#held = [frame];
      this.#link.pause();
      void this.#loadProtobuf();
    }
  }

  async #loadProtobuf(): Promise<void> {
    try {
      this.#protobuf = await this.#parts.loadProtobuf();
    } catch (caught) {
      this.#parts.host.log.error('protobuf could not be loaded', { reason: RegistryError.from(caught).message });
      this.close('broken');
      return;
    }
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const frame of held) this.#take(frame);
    if (this.#link.waitingBytes() <= MOST_WAITING_BYTES) this.#link.resume();
  }

  #frame(frame: BoltFrame): void {
    if (this.#closed) return;
    this.#dialect ??= dialectOf(frame);
    if (frame.type === BoltType.Response) {
      if (frame.command === BoltCommand.Response) this.#pending.answered(frame.requestId, this.#outcomeOf(frame));
      return;
    }
    if (frame.command === BoltCommand.Heartbeat) {
      this.#link.write([encodeHeartbeatAck(frame)]);
      return;
    }
    this.#afterAnswer = [];
    const answer = this.#answer(frame);
    if (frame.type === BoltType.Request) this.#link.write([answer]);
    const later = this.#afterAnswer;
    this.#afterAnswer = undefined;
    for (const push of later) push();
  }

  #answer(request: BoltRequest): Uint8Array {
    const messages = this.#messagesOf(request.codec);
    if (messages === undefined) return encodeErrorResponse(request, BoltStatus.ServerException);
    try {
      switch (messages.requests.get(request.className)) {
        case 'publisher':
          return this.#publisher(request, messages);
        case 'subscriber':
          return this.#subscriber(request, messages);
        case 'configurator':
          return this.#configurator(request);
        case 'sync-config':
          return this.#syncConfig(request, messages);
        case undefined:
          return encodeErrorResponse(request, BoltStatus.ServerException);
      }
    } catch (caught) {
      // Only contents that cannot be decoded come here. A client's own registrations never look like that.
      this.#parts.host.log.debug('a request could not be read', { client: this.#link.address, reason: RegistryError.from(caught).message });
      return encodeErrorResponse(request, BoltStatus.ServerDeserialException);
    }
  }

  #messagesOf(codec: number): MessageCodec | undefined {
    return codec === BoltCodec.Hessian ? hessianMessages : codec === BoltCodec.Protobuf ? this.#protobuf?.messages : undefined;
  }

  #publisher(request: BoltRequest, messages: MessageCodec): Uint8Array {
    const register = messages.decodePublisherRegister(request.content);
    return this.#registered(request, messages, register, 'Publisher', () => {
      const version = clientVersionOf(register);
      if (register.eventType === 'UNREGISTER') this.#connection.unpublish(dataInfoIdOf(register), registerIdOf(register), version);
      else if (register.eventType === 'REGISTER') {
        const registration = toRegistration(register, this.#link.address);
        const isForbidden = this.#parts.blacklists.forbidsPublishing(this.#link.address, registration.dataInfoId);
        if (!isForbidden && !isBlocked(register)) this.#connection.publish(registration, version);
      }
    });
  }

  #subscriber(request: BoltRequest, messages: MessageCodec): Uint8Array {
    const register = messages.decodeSubscriberRegister(request.content);
    if (register.acceptMulti && register.scope !== Scope.Global) return encodeErrorResponse(request, BoltStatus.ServerException);
    return this.#registered(request, messages, register, 'Subscriber', () => {
      clientVersionOf(register);
      if (register.eventType === 'UNREGISTER') this.#connection.unsubscribe(dataInfoIdOf(register), registerIdOf(register));
      else if (register.eventType === 'REGISTER') {
        if (messages !== hessianMessages) this.#isPushedProtobuf = true;
        this.#connection.subscribe(toSubscriber(register));
      }
    });
  }

  #configurator(request: BoltRequest): Uint8Array {
    const register = decodeConfiguratorRegister(request.content);
    return this.#registered(request, hessianMessages, register, 'ConfiguratorRegister', () => {
      clientVersionOf(register);
      const dataInfoId = dataInfoIdOf(register);
      const registId = registerIdOf(register);
      if (register.eventType === 'UNREGISTER') this.#configurators.unregister(dataInfoId, registId);
      else if (register.eventType === 'REGISTER') this.#configurators.register(dataInfoId, registId);
    });
  }

  /**
   * The answer to a registration: what can never be accepted is refused for good, what may heal is asked for again (SOFA bolt protocol,
   * RegisterResponse). The version is always the request's own.
   */
  #registered(request: BoltRequest, messages: MessageCodec, register: BaseRegister, kind: string, act: () => void): Uint8Array {
    const head = responseTo(request, BoltStatus.Success, messages.registerResponseClass);
    const { registId, version } = register;
    try {
      act();
      const message = `${kind} register success!`;
      return encodeResponse(head, messages.encodeRegisterResponse({ success: true, registId, version, refused: false, message }));
    } catch (caught) {
      const error = RegistryError.from(caught);
      const isFinal = error.code === RegistryErrorCode.InvalidArgument || error.code === RegistryErrorCode.LimitExceeded;
      this.#parts.host.log.debug('a registration was not accepted', { client: this.#link.address, reason: error.message });
      return encodeResponse(
        head,
        messages.encodeRegisterResponse({ success: isFinal, registId, version, refused: isFinal, message: error.message }),
      );
    }
  }

  /** No list of segments lets the client see all of them. */
  #syncConfig(request: BoltRequest, messages: MessageCodec): Uint8Array {
    messages.decodeSyncConfigRequest(request.content);
    const head = responseTo(request, BoltStatus.Success, messages.syncConfigResponseClass);
    return encodeResponse(
      head,
      messages.encodeSyncConfigResponse({ success: true, message: null, availableSegments: [], retryInterval: 0 }),
    );
  }

  #push(push: Push, done: (outcome: PushOutcome) => void): void {
    if (this.#closed || this.#dialect === undefined) {
      done('closed');
      return;
    }
    if (this.#afterAnswer !== undefined) {
      this.#afterAnswer.push(() => this.#push(push, done));
      return;
    }
    if (this.#link.waitingBytes() > MOST_WAITING_BYTES) {
      done('failed');
      return;
    }
    const requestId = this.#pending.nextId();
    const encode = this.#isPushedProtobuf && this.#protobuf !== undefined ? this.#protobuf.encodePush : encodePush;
    let frame: readonly Uint8Array[];
    try {
      frame = encode(push, this.#parts.gateway.dataCenter, this.#dialect, requestId);
    } catch (caught) {
      // A record that cannot be read, or more than fits into a frame: nobody else may suffer from it.
      this.#parts.host.log.error('a list cannot be pushed', {
        dataInfoId: push.view.dataInfoId,
        reason: RegistryError.from(caught).message,
      });
      done('failed');
      return;
    }
    this.#pending.add(requestId, done);
    this.#link.write(frame);
  }

  #pushConfig(content: Uint8Array, done: (outcome: PushOutcome) => void): void {
    if (this.#afterAnswer !== undefined) {
      this.#afterAnswer.push(() => this.#pushConfig(content, done));
      return;
    }
    if (this.#closed || this.#dialect === undefined) return;
    if (this.#link.waitingBytes() > MOST_WAITING_BYTES) {
      done('failed');
      return;
    }
    const requestId = this.#pending.nextId();
    this.#pending.add(requestId, done);
    const head = { ...this.#dialect, type: BoltType.Request, command: BoltCommand.Request, requestId, codec: BoltCodec.Hessian } as const;
    this.#link.write([encodeRequest({ ...head, timeoutMs: PUSH_TIMEOUT_MS, className: BoltClass.ReceivedConfigData }, content)]);
  }

  #watchIdle(inMs: number): void {
    const { clock } = this.#parts.host;
    // What arrived while this process did not run is read first: clients are not silent because the gateway slept.
    this.#idleTimer = clock.schedule(inMs, () => clock.soon(() => this.#endIfIdle()));
  }

  #endIfIdle(): void {
    if (this.#closed) return;
    const leftMs = this.#lastReadMs + this.#parts.idleTimeoutMs - this.#parts.host.clock.monotonicMs();
    if (leftMs > 0) this.#watchIdle(leftMs);
    else this.close('idle');
  }

  /** Status 0 and success is a delivery; everything else is worth another try. */
  #outcomeOf(answer: BoltResponse): PushOutcome {
    if (answer.status !== BoltStatus.Success) return 'failed';
    try {
      return this.#messagesOf(answer.codec)?.decodeResult(answer.content).success ? 'acknowledged' : 'failed';
    } catch {
      return 'failed';
    }
  }
}
