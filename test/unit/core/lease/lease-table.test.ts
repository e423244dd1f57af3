import { describe, expect, it } from 'vitest';
import { type Lease, LeaseTable } from '../../../../core/lease/lease-table.ts';

describe('a table of leases', () => {
  it('reports each lease when it is due, whatever was granted, renewed and released before', () => {
    const table = new LeaseTable<number>();
    const leases = new Map<number, Lease<number>>();
    for (let round = 0; round < 20_000; round += 1) {
      const holder = round % 50;
      const known = leases.get(holder);
      if (known !== undefined && round % 3 !== 0) table.renew(known, round);
      else {
        if (known !== undefined) table.release(known);
        leases.set(holder, table.grant(holder, 100_000 + holder, round));
      }
    }
    expect(table.takeDue(99_000)).toEqual([]);
    const due: number[] = [];
    for (let atMs = 99_000; atMs < 121_000; atMs += 10) due.push(...table.takeDue(atMs).map(({ holder }) => holder));
    expect(due.length).toBe(50);
    expect(new Set(due).size).toBe(50);
  });

  it('does not pile up released leases that would be due much later', () => {
    const table = new LeaseTable<number>();
    let lease = table.grant(0, 3_600_000, 0);
    for (let round = 1; round < 50_000; round += 1) {
      table.release(lease);
      lease = table.grant(round, 3_600_000, round);
    }
    expect([table.size, table.entries < 3_000]).toEqual([1, true]);
    expect(table.takeDue(4_000_000).map(({ holder }) => holder)).toEqual([49_999]);
  });
});
