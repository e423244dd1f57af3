import { BoltClass } from './class-names.ts';
import { BoltCodec } from './frame.ts';
import type { PublisherRegister, RegisterResponse, Result, SubscriberRegister, SyncConfigRequest, SyncConfigResponse } from './messages.ts';
import * as hessian from './messages.ts';

/** What a client asks for. */
export type RequestKind = 'publisher' | 'subscriber' | 'configurator' | 'sync-config';

/**
 * One way in which contents are written. Decoders throw `malformed`, `invalid-argument` or `limit-exceeded`; both codecs read and write the same
 * messages, in which null is what is not set.
 */
export interface MessageCodec {
  /** The codec byte of its frames. */
  readonly codec: number;
  /** Requests by the class name in the frame. */
  readonly requests: ReadonlyMap<string, RequestKind>;
  readonly registerResponseClass: string;
  readonly syncConfigResponseClass: string;
  decodePublisherRegister(content: Uint8Array): PublisherRegister;
  decodeSubscriberRegister(content: Uint8Array): SubscriberRegister;
  decodeSyncConfigRequest(content: Uint8Array): SyncConfigRequest;
  decodeResult(content: Uint8Array): Result;
  encodeRegisterResponse(message: RegisterResponse): Uint8Array;
  encodeSyncConfigResponse(message: SyncConfigResponse): Uint8Array;
}

/** What all Java registry clients speak. Configurators exist in this codec only. */
export const hessianMessages: MessageCodec = {
  codec: BoltCodec.Hessian,
  requests: new Map<string, RequestKind>([
    [BoltClass.PublisherRegister, 'publisher'],
    [BoltClass.SubscriberRegister, 'subscriber'],
    [BoltClass.ConfiguratorRegister, 'configurator'],
    [BoltClass.SyncConfigRequest, 'sync-config'],
  ]),
  registerResponseClass: BoltClass.RegisterResponse,
  syncConfigResponseClass: BoltClass.SyncConfigResponse,
  decodePublisherRegister: hessian.decodePublisherRegister,
  decodeSubscriberRegister: hessian.decodeSubscriberRegister,
  decodeSyncConfigRequest: hessian.decodeSyncConfigRequest,
  decodeResult: hessian.decodeResult,
  encodeRegisterResponse: hessian.encodeRegisterResponse,
  encodeSyncConfigResponse: hessian.encodeSyncConfigResponse,
};
