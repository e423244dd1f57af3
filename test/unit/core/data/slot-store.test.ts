import { beforeEach, describe, expect, it } from 'vitest';
import { SlotStore } from '../../../../core/data/slot-store.ts';
import type { ProcessId } from '../../../../core/model/node.ts';
import type { Publisher } from '../../../../core/model/publisher.ts';
import type { RegisterVersion } from '../../../../core/model/register-version.ts';
import { isWithdrawnSince } from '../../../../core/wire/slot-batch.ts';
import { PUBLISHER } from '../wire/samples.ts';

const MOMENT = { wallMs: 0, monotonicMs: 0 };
const at = (stamp: number): RegisterVersion => ({ version: 0, stamp });

describe('a registration that comes again because its answer was lost', () => {
  const { dataInfoId, registerId } = PUBLISHER;
  const registered: Publisher = { ...PUBLISHER, registerVersion: at(10) };
  let store: SlotStore;

  beforeEach(() => {
    store = new SlotStore();
    store.publish(registered, MOMENT);
  });

  const isWithdrawn = (publisher: Publisher) => {
    const applied = store.publish(publisher, MOMENT);
    if (applied.kind !== 'stale') throw new Error(`it is ${applied.kind}`);
    return isWithdrawnSince(applied, publisher.registerVersion);
  };

  it('is told from one that a faster clock withdrew before it was made', () => {
    store.unpublish(dataInfoId, registerId, at(500), MOMENT);
    expect(isWithdrawn(registered)).toBe(true);
    expect(isWithdrawn({ ...registered, registerVersion: at(11) })).toBe(false);
    expect(isWithdrawn({ ...registered, owner: 's9#1' as ProcessId })).toBe(false);
  });

  it('is known when the withdrawal is repeated, and at a follower', () => {
    store.applyRemove(dataInfoId, registerId, at(500), 'withdrawn', 7n, MOMENT);
    store.unpublish(dataInfoId, registerId, at(501), MOMENT);
    expect(isWithdrawn(registered)).toBe(true);
  });

  it('is not known of a withdrawal that came before it', () => {
    store = new SlotStore();
    store.unpublish(dataInfoId, registerId, at(500), MOMENT);
    expect(isWithdrawn(registered)).toBe(false);
  });
});
