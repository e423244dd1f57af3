import {
  type DataInfoId,
  DEFAULT_INSTANCE_ID,
  formatDataInfoId,
  type Registration,
  RegistryError,
  RegistryErrorCode,
  Scope,
  type Subscriber,
} from '../../core/index.ts';
import type { BaseRegister, PublisherRegister, SubscriberRegister } from './codec/messages.ts';
import { encodeBoxes, SOFA_FORMAT } from './payload.ts';

export const DEFAULT_ZONE = 'DEFAULT_ZONE';

/** Limits of what a client may register; upstream has none. The bytes of what it publishes are limited by the core, to 4 MiB. */
const LIMITS = {
  /** Values of one publisher. What is stored is read as one content, which holds about twice as many. */
  boxes: 60_000,
  /** Interface names with generics, versions and protocol suffixes stay far below. */
  dataIdLength: 1_024,
  nameLength: 256,
  /** Clients send none, or four for their credentials. */
  attributes: 1_024,
  /** Names and values together, in UTF-16 units. */
  attributesLength: 1024 * 1024,
} as const;

/** An attribute by which a client asks that its publisher is acknowledged and not stored (SOFA bolt protocol, authentication). */
const BLOCKED_ATTRIBUTE = '!Blocked';

/** @throws RegistryError `invalid-argument`, `limit-exceeded`: errors that do not heal, so the client is told to give up. */
export function dataInfoIdOf(register: BaseRegister): DataInfoId {
  const { dataId, group, instanceId } = register;
  if (dataId === null || dataId.trim() === '') throw invalid('dataId must not be empty');
  if (group === null || group.trim() === '') throw invalid('group must not be empty');
  const instance = instanceId === null || instanceId.trim() === '' ? DEFAULT_INSTANCE_ID : instanceId;
  if (dataId.length > LIMITS.dataIdLength) throw tooLong('dataId', LIMITS.dataIdLength);
  if (group.length > LIMITS.nameLength) throw tooLong('group', LIMITS.nameLength);
  if (instance.length > LIMITS.nameLength) throw tooLong('instanceId', LIMITS.nameLength);
  assertAttributes(register.attributes);
  return formatDataInfoId({ dataId, instanceId: instance, group });
}

/** The identity of a registration in its client. @throws RegistryError `invalid-argument` without one. */
export function registerIdOf(register: BaseRegister): string {
  if (register.registId === null || register.registId === '') throw invalid('registId must not be empty');
  return register.registId;
}

/** The client's revision. @throws RegistryError `invalid-argument` for one that no client counts up to. */
export function clientVersionOf(register: BaseRegister): number {
  const version = Number(register.version);
  if (!Number.isSafeInteger(version) || version < 0) throw invalid(`version must be a whole number from 0, not ${register.version}`);
  return version;
}

export function zoneOf(register: BaseRegister): string {
  return register.zone === null || register.zone.trim() === '' ? DEFAULT_ZONE : register.zone;
}

export function isBlocked(register: BaseRegister): boolean {
  return (register.attributes.get(BLOCKED_ATTRIBUTE) ?? '').trim() !== '';
}

/** @throws RegistryError `invalid-argument`, `limit-exceeded`. */
export function toRegistration(register: PublisherRegister, clientAddress: string): Registration {
  if ((register.dataList?.length ?? 0) > LIMITS.boxes)
    throw new RegistryError(RegistryErrorCode.LimitExceeded, `a publisher has at most ${LIMITS.boxes} values`);
  return {
    dataInfoId: dataInfoIdOf(register),
    registerId: registerIdOf(register),
    format: SOFA_FORMAT,
    payload: encodeBoxes(register.dataList),
    zone: zoneOf(register),
    appName: register.appName ?? '',
    clientAddress,
  };
}

/** @throws RegistryError `invalid-argument`, `limit-exceeded`. */
export function toSubscriber(register: SubscriberRegister): Subscriber {
  return {
    dataInfoId: dataInfoIdOf(register),
    registerId: registerIdOf(register),
    scope: scopeOf(register.scope),
    zone: zoneOf(register),
    acceptsSeveralDataCenters: register.acceptMulti,
    appName: register.appName ?? '',
  };
}

function assertAttributes(attributes: ReadonlyMap<string, string>): void {
  if (attributes.size > LIMITS.attributes)
    throw new RegistryError(RegistryErrorCode.LimitExceeded, `a registration has at most ${LIMITS.attributes} attributes`);
  let length = 0;
  for (const [name, value] of attributes) length += name.length + value.length;
  if (length > LIMITS.attributesLength) throw tooLong('attributes', LIMITS.attributesLength);
}

/** Unknown values are treated as `zone` (SOFA bolt protocol, messages). */
function scopeOf(scope: string | null): Scope {
  if (scope === Scope.DataCenter || scope === Scope.Global) return scope;
  return Scope.Zone;
}

function invalid(message: string): RegistryError {
  return new RegistryError(RegistryErrorCode.InvalidArgument, message);
}

function tooLong(field: string, limit: number): RegistryError {
  return new RegistryError(RegistryErrorCode.LimitExceeded, `${field}: at most ${limit} characters`);
}
