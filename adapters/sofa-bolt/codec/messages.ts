import { BoltClass } from './class-names.ts';
import { HessianClass, HessianWriter } from './hessian-writer.ts';
import { type DataBox, MessageFields, writeBox, writeText } from './message-fields.ts';

/*
 * Requests of clients and the answers to both sides' requests (SOFA bolt protocol, messages). Fields keep Java's names. Null is what Java calls null;
 * lists, maps and numbers that Java leaves null are empty and 0 unless null has a meaning of its own. Decoders find fields by name, since field sets
 * differ between client versions, and throw as decodeHessian does, and `invalid-argument` for another class or a field of another type.
 */

/** What all three registers share. */
export interface BaseRegister {
  /** Null or blank means the default instance. */
  readonly instanceId: string | null;
  readonly zone: string | null;
  readonly appName: string | null;
  readonly dataId: string | null;
  readonly group: string | null;
  readonly processId: string | null;
  /** Identity of the registration, fixed for the life of the register object in the client. */
  readonly registId: string | null;
  readonly clientId: string | null;
  readonly dataInfoId: string | null;
  readonly ip: string | null;
  readonly port: number | null;
  /** REGISTER or UNREGISTER; anything else is acknowledged and ignored. */
  readonly eventType: string | null;
  /** Revision of the registration in the client: from 1 for publishers and subscribers, from 0 for configurators. The answer must repeat it. */
  readonly version: bigint;
  /** The client's clock, in milliseconds since 1970; for information only. */
  readonly timestamp: bigint;
  readonly attributes: ReadonlyMap<string, string>;
}

export interface PublisherRegister extends BaseRegister {
  /** Null in an UNREGISTER. */
  readonly dataList: readonly DataBox[] | null;
}

export interface SubscriberRegister extends BaseRegister {
  /** zone, dataCenter or global; anything else counts as zone. */
  readonly scope: string | null;
  /** Codings in order of preference, with commas; since 6.1.1. */
  readonly acceptEncoding: string | null;
  /** Whether MultiReceivedData may be pushed; since 6.2. */
  readonly acceptMulti: boolean;
}

export type ConfiguratorRegister = BaseRegister;

export interface RegisterResponse {
  /** Accepted or refused; false lets the client send the same again after 500 ms, for ever. */
  readonly success: boolean;
  readonly registId: string | null;
  /** Exactly the request's, or the client sends the same again for ever. */
  readonly version: bigint;
  /** With `success`: the client gives the registration up until it is restarted. */
  readonly refused: boolean;
  readonly message: string | null;
}

export interface SyncConfigRequest {
  readonly dataCenter: string | null;
  readonly zone: string | null;
}

export interface SyncConfigResponse {
  readonly success: boolean;
  readonly message: string | null;
  /** Empty lets the client see all segments; otherwise data of a segment that is missing here is hidden from the application. */
  readonly availableSegments: readonly string[];
  /** In milliseconds; the client's own interval can only grow by it. */
  readonly retryInterval: number;
}

/** The client's answer to a push. */
export interface Result {
  readonly success: boolean;
  readonly message: string | null;
}

const BASE_FIELDS = [
  'instanceId',
  'zone',
  'appName',
  'dataId',
  'group',
  'processId',
  'registId',
  'clientId',
  'dataInfoId',
  'ip',
  'port',
  'eventType',
  'version',
  'timestamp',
];
const PUBLISHER = new HessianClass(BoltClass.PublisherRegister, [...BASE_FIELDS, 'dataList', 'attributes']);
const SUBSCRIBER = new HessianClass(BoltClass.SubscriberRegister, ['scope', 'acceptEncoding', 'acceptMulti', ...BASE_FIELDS, 'attributes']);
const CONFIGURATOR = new HessianClass(BoltClass.ConfiguratorRegister, [...BASE_FIELDS, 'attributes']);
const REGISTER_RESPONSE = new HessianClass(BoltClass.RegisterResponse, ['success', 'registId', 'version', 'refused', 'message']);
const SYNC_REQUEST = new HessianClass(BoltClass.SyncConfigRequest, ['dataCenter', 'zone']);
const SYNC_RESPONSE = new HessianClass(BoltClass.SyncConfigResponse, ['retryInterval', 'success', 'message', 'availableSegments']);
const RESULT = new HessianClass(BoltClass.Result, ['success', 'message']);

export function decodePublisherRegister(content: Uint8Array): PublisherRegister {
  return new ReadPublisher(MessageFields.decode(content, BoltClass.PublisherRegister, BoltClass.DataBox));
}

export function encodePublisherRegister(message: PublisherRegister): Uint8Array {
  const writer = new HessianWriter().object(PUBLISHER);
  writeBase(message, writer);
  return writer.list(message.dataList, writeBox).map(message.attributes, writeText).finish();
}

export function decodeSubscriberRegister(content: Uint8Array): SubscriberRegister {
  return new ReadSubscriber(MessageFields.decode(content, BoltClass.SubscriberRegister));
}

/** In the field order of clients 6.2 and later. */
export function encodeSubscriberRegister(message: SubscriberRegister): Uint8Array {
  const writer = new HessianWriter().object(SUBSCRIBER);
  writeBase(message, writer.text(message.scope).text(message.acceptEncoding).bool(message.acceptMulti));
  return writer.map(message.attributes, writeText).finish();
}

export function decodeConfiguratorRegister(content: Uint8Array): ConfiguratorRegister {
  return new ReadRegister(MessageFields.decode(content, BoltClass.ConfiguratorRegister));
}

export function encodeConfiguratorRegister(message: ConfiguratorRegister): Uint8Array {
  const writer = new HessianWriter().object(CONFIGURATOR);
  writeBase(message, writer);
  return writer.map(message.attributes, writeText).finish();
}

export function decodeRegisterResponse(content: Uint8Array): RegisterResponse {
  const fields = MessageFields.decode(content, BoltClass.RegisterResponse);
  return {
    success: fields.bool('success'),
    registId: fields.text('registId'),
    version: fields.long('version'),
    refused: fields.bool('refused'),
    message: fields.text('message'),
  };
}

export function encodeRegisterResponse(message: RegisterResponse): Uint8Array {
  const writer = new HessianWriter().object(REGISTER_RESPONSE);
  writer.bool(message.success).text(message.registId).long(message.version).bool(message.refused).text(message.message);
  return writer.finish();
}

export function decodeSyncConfigRequest(content: Uint8Array): SyncConfigRequest {
  const fields = MessageFields.decode(content, BoltClass.SyncConfigRequest);
  return { dataCenter: fields.text('dataCenter'), zone: fields.text('zone') };
}

export function encodeSyncConfigRequest(message: SyncConfigRequest): Uint8Array {
  const writer = new HessianWriter().object(SYNC_REQUEST);
  return writer.text(message.dataCenter).text(message.zone).finish();
}

export function decodeSyncConfigResponse(content: Uint8Array): SyncConfigResponse {
  const fields = MessageFields.decode(content, BoltClass.SyncConfigResponse);
  return {
    success: fields.bool('success'),
    message: fields.text('message'),
    availableSegments: fields.texts('availableSegments'),
    retryInterval: fields.int('retryInterval') ?? 0,
  };
}

export function encodeSyncConfigResponse(message: SyncConfigResponse): Uint8Array {
  const writer = new HessianWriter().object(SYNC_RESPONSE);
  writer.int(message.retryInterval).bool(message.success).text(message.message);
  return writer.list(message.availableSegments, writeText).finish();
}

/** Nearly every answer is this one, so it is known by its bytes. */
const SUCCESS: Result = { success: true, message: null };
const SUCCESS_CONTENT = Buffer.from(encodeResult(SUCCESS));

export function decodeResult(content: Uint8Array): Result {
  if (SUCCESS_CONTENT.equals(content)) return SUCCESS;
  const fields = MessageFields.decode(content, BoltClass.Result);
  return { success: fields.bool('success'), message: fields.text('message') };
}

export function encodeResult(message: Result): Uint8Array {
  return new HessianWriter().object(RESULT).bool(message.success).text(message.message).finish();
}

/** A register with all its fields in one object: to copy so many into another one takes as long as to read them. */
class ReadRegister implements BaseRegister {
  readonly instanceId: string | null;
  readonly zone: string | null;
  readonly appName: string | null;
  readonly dataId: string | null;
  readonly group: string | null;
  readonly processId: string | null;
  readonly registId: string | null;
  readonly clientId: string | null;
  readonly dataInfoId: string | null;
  readonly ip: string | null;
  readonly port: number | null;
  readonly eventType: string | null;
  readonly version: bigint;
  readonly timestamp: bigint;
  readonly attributes: ReadonlyMap<string, string>;

  constructor(fields: MessageFields) {
    this.instanceId = fields.text('instanceId');
    this.zone = fields.text('zone');
    this.appName = fields.text('appName');
    this.dataId = fields.text('dataId');
    this.group = fields.text('group');
    this.processId = fields.text('processId');
    this.registId = fields.text('registId');
    this.clientId = fields.text('clientId');
    this.dataInfoId = fields.text('dataInfoId');
    this.ip = fields.text('ip');
    this.port = fields.int('port');
    this.eventType = fields.text('eventType');
    this.version = fields.long('version');
    this.timestamp = fields.long('timestamp');
    this.attributes = fields.textMap('attributes');
  }
}

class ReadPublisher extends ReadRegister implements PublisherRegister {
  readonly dataList: readonly DataBox[] | null;

  constructor(fields: MessageFields) {
    super(fields);
    this.dataList = fields.boxes('dataList');
  }
}

class ReadSubscriber extends ReadRegister implements SubscriberRegister {
  readonly scope: string | null;
  readonly acceptEncoding: string | null;
  readonly acceptMulti: boolean;

  constructor(fields: MessageFields) {
    super(fields);
    this.scope = fields.text('scope');
    this.acceptEncoding = fields.text('acceptEncoding');
    this.acceptMulti = fields.bool('acceptMulti');
  }
}

/** The fields from instanceId to timestamp; attributes come last, behind the fields of the register's own. */
function writeBase(message: BaseRegister, writer: HessianWriter): void {
  writer.text(message.instanceId).text(message.zone).text(message.appName).text(message.dataId).text(message.group);
  writer.text(message.processId).text(message.registId).text(message.clientId).text(message.dataInfoId).text(message.ip);
  if (message.port === null) writer.null();
  else writer.int(message.port);
  writer.text(message.eventType).long(message.version).long(message.timestamp);
}
