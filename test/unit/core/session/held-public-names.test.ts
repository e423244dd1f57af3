import { describe, expect, it } from 'vitest';
import { type FoldedId, foldDataInfoId } from '../../../../core/model/data-info-id.ts';
import { HeldPublicNames } from '../../../../core/session/held-public-names.ts';
import { HandClock } from '../../../support/hand-clock.ts';
import { nameOf } from './formats.ts';

const ORDERS = foldDataInfoId(nameOf('orders'));
const BILLING = foldDataInfoId(nameOf('billing'));

function heldNames(answer: () => readonly FoldedId[] | undefined) {
  const clock = new HandClock();
  const asked: number[] = [];
  const names = new HeldPublicNames({
    clock,
    stillHeld: async (slotId) => {
      asked.push(slotId);
      const held = answer();
      return held === undefined ? undefined : new Set(held);
    },
  });
  const pass = async (ms: number) => {
    clock.advance(ms);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { clock, names, asked, pass };
}

describe('names that a restart holds', () => {
  it('are none at first, and wait for nothing', async () => {
    const { names, clock } = heldNames(() => []);
    names.add(1, []);
    expect(names.isEmpty).toBe(true);
    await names.whenEmpty();
    expect(clock.waitsMs).toEqual([]);
  });

  it('are asked after, slot by slot, until all are released', async () => {
    let held: readonly FoldedId[] = [ORDERS, BILLING];
    const { names, asked, pass } = heldNames(() => held);
    names.add(1, [ORDERS]);
    names.add(2, [BILLING]);
    let isEmpty = false;
    void names.whenEmpty().then(() => {
      isEmpty = true;
    });
    await pass(250);
    expect(asked).toEqual([1, 2]);
    held = [BILLING];
    await pass(250);
    expect([names.isEmpty, isEmpty]).toEqual([false, false]);
    held = [];
    await pass(250);
    expect([names.isEmpty, isEmpty]).toEqual([true, true]);
    expect(asked).toEqual([1, 2, 1, 2, 2]);
  });

  it('stay while their leader cannot be asked, but not for more than 30 s', async () => {
    const { names, pass } = heldNames(() => undefined);
    names.add(1, [ORDERS]);
    for (let i = 0; i < 119; i += 1) await pass(250);
    expect(names.isEmpty).toBe(false);
    await pass(250);
    expect(names.isEmpty).toBe(true);
  });

  it('are forgotten with the reading', async () => {
    const { names, clock } = heldNames(() => [ORDERS]);
    names.add(1, [ORDERS]);
    names.clear();
    await names.whenEmpty();
    expect(clock.waitsMs).toEqual([]);
  });
});
