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
import { SOFA_LIMITS } from './limits.ts';
import { encodeBoxes, SOFA_FORMAT } from './payload.ts';

export const DEFAULT_ZONE = 'DEFAULT_ZONE';

/** An attribute by which a client asks that its publisher is acknowledged and not stored (SOFA bolt protocol, authentication). */
const BLOCKED_ATTRIBUTE = '!Blocked';

/** @throws RegistryError `invalid-argument`, `limit-exceeded`: errors that do not heal, so the client is told to give up. */
export function dataInfoIdOf(register: BaseRegister): DataInfoId {
  const { dataId, group, instanceId } = register;
  if (dataId === null || dataId.trim() === '') throw invalid('dataId must not be empty');
  if (group === null || group.trim() === '') throw invalid('group must not be empty');
  const instance = instanceId === null || instanceId.trim() === '' ? DEFAULT_INSTANCE_ID : instanceId;
  if (dataId.length > SOFA_LIMITS.dataIdLength) throw tooLong('dataId', SOFA_LIMITS.dataIdLength);
  if (group.length > SOFA_LIMITS.nameLength) throw tooLong('group', SOFA_LIMITS.nameLength);
  if (instance.length > SOFA_LIMITS.nameLength) throw tooLong('instanceId', SOFA_LIMITS.nameLength);
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
  if ((register.dataList?.length ?? 0) > SOFA_LIMITS.boxes)
    throw new RegistryError(RegistryErrorCode.LimitExceeded, `a publisher has at most ${SOFA_LIMITS.boxes} values`);
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
  if (attributes.size > SOFA_LIMITS.attributes)
    throw new RegistryError(RegistryErrorCode.LimitExceeded, `a registration has at most ${SOFA_LIMITS.attributes} attributes`);
  let length = 0;
  for (const [name, value] of attributes) length += name.length + value.length;
  if (length > SOFA_LIMITS.attributesLength) throw tooLong('attributes', SOFA_LIMITS.attributesLength);
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
