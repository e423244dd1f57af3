import { describe, expect, it } from 'vitest';
import { InboundBudget } from '../../../../adapters/sofa-bolt/inbound-budget.ts';

describe('the budget of half frames', () => {
  it('takes up to its limit, refuses what is over it without noting it, and takes again what was given back', () => {
    const budget = new InboundBudget(100);
    expect([budget.change(60), budget.change(40), budget.usedBytes]).toEqual([true, true, 100]);
    expect([budget.change(1), budget.usedBytes]).toEqual([false, 100]);
    expect([budget.change(0), budget.change(-40), budget.change(41), budget.change(40)]).toEqual([true, true, false, true]);
    expect(budget.usedBytes).toBe(100);
  });
});
