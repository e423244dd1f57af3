import { describe, expect, it } from 'vitest';
import { InstanceStatus } from '../../../../adapters/eureka/codec/instance-info.ts';
import {
  decideHeartbeat,
  effectiveStatus,
  type HeartbeatInput,
  overrideInForce,
  type StatusInput,
} from '../../../../adapters/eureka/status-rules.ts';

const STATUSES = Object.values(InstanceStatus);
const NOTHING_ELSE = { override: undefined, existing: undefined, isReplicated: false } as const;

describe('the rule chain of statuses', () => {
  const rows: readonly [string, StatusInput, InstanceStatus][] = [
    ['DOWN beats an override', { ...NOTHING_ELSE, own: 'DOWN', override: 'UP' }, 'DOWN'],
    ['STARTING beats an override', { ...NOTHING_ELSE, own: 'STARTING', override: 'OUT_OF_SERVICE' }, 'STARTING'],
    ['UNKNOWN beats an override', { ...NOTHING_ELSE, own: 'UNKNOWN', override: 'UP' }, 'UNKNOWN'],
    ['DOWN beats an existing UP', { ...NOTHING_ELSE, own: 'DOWN', existing: 'UP' }, 'DOWN'],
    ['an override beats UP', { ...NOTHING_ELSE, own: 'UP', override: 'OUT_OF_SERVICE' }, 'OUT_OF_SERVICE'],
    ['an override beats OUT_OF_SERVICE', { ...NOTHING_ELSE, own: 'OUT_OF_SERVICE', override: 'UP' }, 'UP'],
    ['an override may be UNKNOWN', { ...NOTHING_ELSE, own: 'UP', override: 'UNKNOWN' }, 'UNKNOWN'],
    ['an override beats the existing lease', { ...NOTHING_ELSE, own: 'UP', override: 'DOWN', existing: 'UP' }, 'DOWN'],
    ['an override holds for replicated traffic', { own: 'UP', override: 'DOWN', existing: 'UP', isReplicated: true }, 'DOWN'],
    [
      'an existing OUT_OF_SERVICE sticks to a client that says UP',
      { ...NOTHING_ELSE, own: 'UP', existing: 'OUT_OF_SERVICE' },
      'OUT_OF_SERVICE',
    ],
    ['an existing UP sticks to a client that says OUT_OF_SERVICE', { ...NOTHING_ELSE, own: 'OUT_OF_SERVICE', existing: 'UP' }, 'UP'],
    ['an existing DOWN does not stick', { ...NOTHING_ELSE, own: 'UP', existing: 'DOWN' }, 'UP'],
    ['an existing STARTING does not stick', { ...NOTHING_ELSE, own: 'UP', existing: 'STARTING' }, 'UP'],
    ['an existing UNKNOWN does not stick', { ...NOTHING_ELSE, own: 'OUT_OF_SERVICE', existing: 'UNKNOWN' }, 'OUT_OF_SERVICE'],
    ['a replicated UP is not held back by the lease', { ...NOTHING_ELSE, own: 'UP', existing: 'OUT_OF_SERVICE', isReplicated: true }, 'UP'],
    ['a first UP stands', { ...NOTHING_ELSE, own: 'UP' }, 'UP'],
    ['a first OUT_OF_SERVICE stands', { ...NOTHING_ELSE, own: 'OUT_OF_SERVICE' }, 'OUT_OF_SERVICE'],
  ];
  it.each(rows)('%s', (_name, input, expected) => {
    expect(effectiveStatus(input)).toBe(expected);
  });

  it('lets whatever is neither UP nor OUT_OF_SERVICE stand in all circumstances', () => {
    for (const own of ['DOWN', 'STARTING', 'UNKNOWN'] as const)
      for (const override of [undefined, ...STATUSES])
        for (const existing of [undefined, ...STATUSES])
          for (const isReplicated of [false, true]) expect(effectiveStatus({ own, override, existing, isReplicated })).toBe(own);
  });

  it('lets an override stand over UP and OUT_OF_SERVICE in all circumstances', () => {
    for (const own of ['UP', 'OUT_OF_SERVICE'] as const)
      for (const override of STATUSES)
        for (const existing of [undefined, ...STATUSES])
          for (const isReplicated of [false, true]) expect(effectiveStatus({ own, override, existing, isReplicated })).toBe(override);
  });
});

describe('the decision about a heartbeat', () => {
  const same: HeartbeatInput = { exists: true, status: 'UP', storedDirtyTimestamp: 1000, dirtyTimestamp: 1000, isReplicated: false };
  const rows: readonly [string, Partial<HeartbeatInput>, 200 | 404 | 409, boolean][] = [
    ['no lease: register again', { exists: false }, 404, false],
    ['no lease, replicated: register again', { exists: false, isReplicated: true }, 404, false],
    ['UNKNOWN by the rules: register again', { status: 'UNKNOWN' }, 404, false],
    ['UNKNOWN by the rules although the client is newer: not renewed', { status: 'UNKNOWN', dirtyTimestamp: 2000 }, 404, false],
    ['no timestamp sent: no comparison', { dirtyTimestamp: undefined }, 200, true],
    ['no timestamp sent, replicated', { dirtyTimestamp: undefined, isReplicated: true }, 200, true],
    ['the same timestamp', {}, 200, true],
    ['the same timestamp, replicated', { isReplicated: true }, 200, true],
    ['the client is newer: it must register, its lease runs on', { dirtyTimestamp: 1001 }, 404, true],
    ['the client is newer, replicated', { dirtyTimestamp: 1001, isReplicated: true }, 404, true],
    ['the client is older', { dirtyTimestamp: 999 }, 200, true],
    ['the peer is older: it gets what is stored', { dirtyTimestamp: 999, isReplicated: true }, 409, true],
    ['timestamp zero is a timestamp', { dirtyTimestamp: 0, isReplicated: true }, 409, true],
    ['DOWN renews like UP', { status: 'DOWN' }, 200, true],
    ['STARTING renews like UP', { status: 'STARTING' }, 200, true],
    ['OUT_OF_SERVICE renews like UP', { status: 'OUT_OF_SERVICE' }, 200, true],
  ];
  it.each(rows)('%s', (_name, changes, status, isRenewed) => {
    expect(decideHeartbeat({ ...same, ...changes })).toEqual({ status, isRenewed });
  });
});

describe('the override in force', () => {
  const rows: readonly [string, InstanceStatus | undefined, InstanceStatus | undefined, number, InstanceStatus | undefined][] = [
    ['is nothing where there is none', undefined, undefined, 0, undefined],
    ['is what both say', 'OUT_OF_SERVICE', 'OUT_OF_SERVICE', 60_000, 'OUT_OF_SERVICE'],
    ['is gone with the registration that says so, though the document lags behind', 'OUT_OF_SERVICE', undefined, 1_999, undefined],
    ['is there with the registration that says so, though the document lags behind', undefined, 'DOWN', 0, 'DOWN'],
    ['is the newer of two', 'DOWN', 'UP', 0, 'UP'],
    ['is what the document says when nothing has changed for a while', 'OUT_OF_SERVICE', undefined, 2_000, 'OUT_OF_SERVICE'],
    ['is gone with the document when nothing has changed for a while', undefined, 'OUT_OF_SERVICE', 2_000, undefined],
  ];
  it.each(rows)('%s', (_name, document, registration, ageMs, expected) => {
    expect(overrideInForce(document, registration, ageMs)).toBe(expected);
  });
});
