import {
  type ClientConnection,
  type CloseReason,
  type DataInfoId,
  type Host,
  type Push,
  type PushOutcome,
  type PushProfile,
  parseDataInfoId,
  RegistryError,
  RegistryErrorCode,
  Scope,
  type SessionGateway,
  type Timer,
} from '../../core/index.ts';
import { BoltClass } from './codec/class-names.ts';
import {
  BoltCodec,
  BoltCommand,
  type BoltDialect,
  type BoltFrame,
  type BoltRequest,
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
import {
  type BaseRegister,
  decodeConfiguratorRegister,
  decodePublisherRegister,
  decodeResult,
  decodeSubscriberRegister,
  decodeSyncConfigRequest,
  encodeRegisterResponse,
  encodeSyncConfigResponse,
} from './codec/messages.ts';
import { encodeReceivedConfigData } from './codec/received-data.ts';
import type { Configurations, ConfigValue } from './configurators.ts';
import { SOFA_FORMAT } from './payload.ts';
import { PendingPushes } from './pending-pushes.ts';
import { encodePush, PUSH_TIMEOUT_MS } from './push-encoder.ts';
import { clientVersionOf, dataInfoIdOf, isBlocked, registerIdOf, toRegistration, toSubscriber } from './registrations.ts';

/** The numbers of SOFA bolt protocol, pushing: applications call back on several threads, so pushes keep a distance. */
const PUSH_PROFILE: PushProfile = {
  emptyFirstPushWaitMs: 300,
  leastPushGapMs: 150,
  acknowledgeTimeoutMs: PUSH_TIMEOUT_MS,
  retryDelaysMs: [500, 1_000, 1_500],
};
const CONFIG_RETRIES_MS = [500, 1_000, 1_500];
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
  end(): void;
}

export interface BoltClientParts {
  readonly gateway: SessionGateway;
  readonly configurations: Configurations;
  readonly host: Host;
  readonly idleTimeoutMs: number;
}

/** One client: reads its frames in order, answers its registrations at once, and pushes what it subscribed to. */
export class BoltClient {
  readonly #link: BoltLink;
  readonly #parts: BoltClientParts;
  readonly #reader = new FrameReader();
  readonly #connection: ClientConnection;
  readonly #pending = new PendingPushes();
  /** Configurators by name: their registIds. */
  readonly #configurators = new Map<DataInfoId, Set<string>>();
  readonly #stopListening: () => void;
  /** Frames are written as the first one of the client was. */
  #dialect: BoltDialect | undefined;
  #lastReadMs: number;
  #idleTimer: Timer | undefined;
  /** While a request is handled its pushes wait, so that its answer goes first. */
  #afterAnswer: (() => void)[] | undefined;
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
    this.#stopListening = parts.configurations.onChange((dataInfoId, value) => {
      const registIds = this.#configurators.get(dataInfoId);
      if (registIds !== undefined) this.#pushConfig(dataInfoId, [...registIds], value, 0);
    });
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
      this.#parts.host.log.warn('a client sent what is no bolt frame', {
        client: this.#link.address,
        reason: RegistryError.from(caught).message,
      });
      this.close('broken');
      return;
    }
    for (const frame of frames) this.#frame(frame);
  }

  close(reason: CloseReason): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#idleTimer?.cancel();
    this.#stopListening();
    this.#connection.close(reason);
    this.#pending.closeAll();
    this.#link.end();
  }

  #frame(frame: BoltFrame): void {
    if (this.#closed) return;
    this.#dialect ??= dialectOf(frame);
    if (frame.type === BoltType.Response) {
      if (frame.command === BoltCommand.Response) this.#pending.answered(frame.requestId, outcomeOf(frame.status, frame.content));
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
    try {
      switch (request.codec === BoltCodec.Hessian ? request.className : '') {
        case BoltClass.PublisherRegister:
          return this.#publisher(request);
        case BoltClass.SubscriberRegister:
          return this.#subscriber(request);
        case BoltClass.ConfiguratorRegister:
          return this.#configurator(request);
        case BoltClass.SyncConfigRequest:
          return this.#syncConfig(request);
        default:
          return encodeErrorResponse(request, BoltStatus.ServerException);
      }
    } catch (caught) {
      // Only contents that cannot be decoded come here. A client's own registrations never look like that.
      this.#parts.host.log.debug('a request could not be read', { client: this.#link.address, reason: RegistryError.from(caught).message });
      return encodeErrorResponse(request, BoltStatus.ServerException);
    }
  }

  #publisher(request: BoltRequest): Uint8Array {
    const register = decodePublisherRegister(request.content);
    return this.#registered(request, register, 'Publisher', () => {
      const version = clientVersionOf(register);
      if (register.eventType === 'UNREGISTER') this.#connection.unpublish(dataInfoIdOf(register), registerIdOf(register), version);
      else if (register.eventType === 'REGISTER') {
        const registration = toRegistration(register, this.#link.address);
        if (!isBlocked(register)) this.#connection.publish(registration, version);
      }
    });
  }

  #subscriber(request: BoltRequest): Uint8Array {
    const register = decodeSubscriberRegister(request.content);
    if (register.acceptMulti && register.scope !== Scope.Global) return encodeErrorResponse(request, BoltStatus.ServerException);
    return this.#registered(request, register, 'Subscriber', () => {
      clientVersionOf(register);
      if (register.eventType === 'UNREGISTER') this.#connection.unsubscribe(dataInfoIdOf(register), registerIdOf(register));
      else if (register.eventType === 'REGISTER') this.#connection.subscribe(toSubscriber(register));
    });
  }

  #configurator(request: BoltRequest): Uint8Array {
    const register = decodeConfiguratorRegister(request.content);
    return this.#registered(request, register, 'ConfiguratorRegister', () => {
      clientVersionOf(register);
      const dataInfoId = dataInfoIdOf(register);
      const registId = registerIdOf(register);
      const registIds = this.#configurators.get(dataInfoId) ?? new Set<string>();
      if (register.eventType === 'UNREGISTER') {
        registIds.delete(registId);
        if (registIds.size === 0) this.#configurators.delete(dataInfoId);
      } else if (register.eventType === 'REGISTER') {
        registIds.add(registId);
        this.#configurators.set(dataInfoId, registIds);
        this.#pushConfig(dataInfoId, [registId], this.#parts.configurations.value(dataInfoId), 0);
      }
    });
  }

  /**
   * The answer to a registration: what can never be accepted is refused for good, what may heal is asked for again (SOFA bolt protocol,
   * RegisterResponse). The version is always the request's own.
   */
  #registered(request: BoltRequest, register: BaseRegister, kind: string, act: () => void): Uint8Array {
    const head = responseTo(request, BoltStatus.Success, BoltClass.RegisterResponse);
    const { registId, version } = register;
    try {
      act();
      const message = `${kind} register success!`;
      return encodeResponse(head, encodeRegisterResponse({ success: true, registId, version, refused: false, message }));
    } catch (caught) {
      const error = RegistryError.from(caught);
      const isFinal = error.code === RegistryErrorCode.InvalidArgument || error.code === RegistryErrorCode.LimitExceeded;
      this.#parts.host.log.debug('a registration was not accepted', { client: this.#link.address, reason: error.message });
      return encodeResponse(
        head,
        encodeRegisterResponse({ success: isFinal, registId, version, refused: isFinal, message: error.message }),
      );
    }
  }

  /** No list of segments lets the client see all of them. */
  #syncConfig(request: BoltRequest): Uint8Array {
    decodeSyncConfigRequest(request.content);
    const head = responseTo(request, BoltStatus.Success, BoltClass.SyncConfigResponse);
    return encodeResponse(head, encodeSyncConfigResponse({ success: true, message: null, availableSegments: [], retryInterval: 0 }));
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
    this.#pending.add(requestId, done);
    this.#link.write(encodePush(push, this.#parts.gateway.dataCenter, this.#dialect, requestId));
  }

  #pushConfig(dataInfoId: DataInfoId, configuratorRegistIds: readonly string[], value: ConfigValue, attempt: number): void {
    const { clock } = this.#parts.host;
    if (this.#afterAnswer !== undefined) {
      this.#afterAnswer.push(() => this.#pushConfig(dataInfoId, configuratorRegistIds, value, attempt));
      return;
    }
    if (this.#closed || this.#dialect === undefined) return;
    const { dataId, instanceId, group } = parseDataInfoId(dataInfoId);
    const dataBox = value.data === null ? null : { data: value.data };
    const content = encodeReceivedConfigData({ dataId, group, instanceId, version: value.version, configuratorRegistIds, dataBox });
    const requestId = this.#pending.nextId();
    const retryMs = CONFIG_RETRIES_MS[attempt];
    const again = () => {
      // What the newest value is by then is what the client should have.
      if (retryMs !== undefined && this.#configurators.has(dataInfoId))
        this.#pushConfig(dataInfoId, configuratorRegistIds, this.#parts.configurations.value(dataInfoId), attempt + 1);
    };
    const timer = clock.schedule(PUSH_TIMEOUT_MS + (retryMs ?? 0), again);
    this.#pending.add(requestId, (outcome) => {
      timer.cancel();
      if (outcome === 'failed') clock.schedule(retryMs ?? 0, again);
    });
    const head = { ...this.#dialect, type: BoltType.Request, command: BoltCommand.Request, requestId, codec: BoltCodec.Hessian } as const;
    this.#link.write([encodeRequest({ ...head, timeoutMs: PUSH_TIMEOUT_MS, className: BoltClass.ReceivedConfigData }, content)]);
  }

  #watchIdle(inMs: number): void {
    const { clock } = this.#parts.host;
    this.#idleTimer = clock.schedule(inMs, () => {
      const leftMs = this.#lastReadMs + this.#parts.idleTimeoutMs - clock.monotonicMs();
      if (leftMs > 0) this.#watchIdle(leftMs);
      else this.close('idle');
    });
  }
}

/** Status 0 and success is a delivery; everything else is worth another try. */
function outcomeOf(status: BoltStatus, content: Uint8Array): PushOutcome {
  if (status !== BoltStatus.Success) return 'failed';
  try {
    return decodeResult(content).success ? 'acknowledged' : 'failed';
  } catch {
    return 'failed';
  }
}
