import { describe, expect, it } from 'vitest';
import { type NewLogEntry, SlotLog } from '../../../../core/data/slot-log.ts';
import type { DataInfoId } from '../../../../core/index.ts';
import { LIMITS } from '../../../../core/index.ts';
import { EMPTY_DIGEST } from '../../../../core/model/digest.ts';

function removal(registerId: string): NewLogEntry {
  const dataInfoId = 'orders#@#DEFAULT_INSTANCE_ID#@#DEFAULT_GROUP' as DataInfoId;
  const registerVersion = { version: 1, stamp: 1 };
  return { kind: 'remove', dataInfoId, registerId, format: 'sofa-bolt', registerVersion, reason: 'withdrawn', datumVersion: 7n };
}

describe('the log of a slot', () => {
  it('numbers what it hands out', () => {
    const log = new SlotLog(10);
    log.append(removal('a'), EMPTY_DIGEST);
    log.append(removal('b'), EMPTY_DIGEST);
    log.append(removal('c'), EMPTY_DIGEST);
    expect(log.since(11, 100)).toEqual([
      { ...removal('b'), sequence: 12 },
      { ...removal('c'), sequence: 13 },
    ]);
    expect(log.since(10, 1)).toEqual([{ ...removal('a'), sequence: 11 }]);
    expect(log.since(13, 100)).toEqual([]);
  });

  it('knows nothing of before its beginning nor of what has not happened', () => {
    const log = new SlotLog(10);
    log.append(removal('a'), EMPTY_DIGEST);
    expect(log.since(9, 100)).toBeUndefined();
    expect(log.since(12, 100)).toBeUndefined();
  });

  it('forgets what everybody has, and counts on', () => {
    const log = new SlotLog(0);
    for (const id of ['a', 'b', 'c']) log.append(removal(id), EMPTY_DIGEST);
    log.forgetUpTo(2);
    expect(log.since(1, 100)).toBeUndefined();
    expect(log.since(2, 100)).toEqual([{ ...removal('c'), sequence: 3 }]);
    log.forgetUpTo(1);
    log.forgetUpTo(3);
    log.append(removal('d'), EMPTY_DIGEST);
    expect(log.sequence).toBe(4);
    expect(log.since(3, 100)).toEqual([{ ...removal('d'), sequence: 4 }]);
  });

  it('knows the root of the slot after each change that it keeps', () => {
    const log = new SlotLog(10);
    const root = (count: number) => ({ ...EMPTY_DIGEST, count });
    for (const count of [1, 2, 3]) log.append(removal('x'), root(count));
    log.forgetUpTo(11);
    expect([10, 11, 12, 13, 14].map((sequence) => log.rootAt(sequence))).toEqual([undefined, undefined, root(2), root(3), undefined]);
  });

  it('keeps a bounded number of entries', () => {
    const log = new SlotLog(0);
    const count = 2 * LIMITS.slotLogEntries + 1;
    for (let i = 0; i < count; i += 1) log.append(removal('x'), EMPTY_DIGEST);
    expect(log.since(0, 1)).toBeUndefined();
    expect(log.since(count - LIMITS.slotLogEntries, 1)).toHaveLength(1);
  });
});
