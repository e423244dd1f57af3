import { describe, expect, it } from 'vitest';
import { StatusCounts } from '../../../../../adapters/eureka/codec/hash.ts';
import type { InstanceStatus } from '../../../../../adapters/eureka/codec/instance-info.ts';
import { seededRandom } from '../fixtures.ts';

function hashOf(statuses: readonly InstanceStatus[]): string {
  const counts = new StatusCounts();
  for (const status of statuses) counts.add(status, 1);
  return counts.hash();
}

describe('the apps hash code', () => {
  const rows: readonly [string, readonly InstanceStatus[], string][] = [
    ['is empty without instances', [], ''],
    ['counts one instance', ['UP'], 'UP_1_'],
    ['counts three of one status', ['UP', 'UP', 'UP'], 'UP_3_'],
    ['sorts as the protocol says', ['UP', 'OUT_OF_SERVICE', 'UP', 'DOWN', 'UP', 'OUT_OF_SERVICE'], 'DOWN_1_OUT_OF_SERVICE_2_UP_3_'],
    [
      'has all five statuses in ASCII order',
      ['UP', 'UNKNOWN', 'STARTING', 'OUT_OF_SERVICE', 'DOWN'],
      'DOWN_1_OUT_OF_SERVICE_1_STARTING_1_UNKNOWN_1_UP_1_',
    ],
    ['counts statuses that no client shows', ['UNKNOWN', 'STARTING'], 'STARTING_1_UNKNOWN_1_'],
    ['writes counts above nine in full', Array.from({ length: 12 }, () => 'UP' as const), 'UP_12_'],
  ];
  it.each(rows)('%s', (_name, statuses, expected) => {
    expect(hashOf(statuses)).toBe(expected);
  });

  it('forgets a status whose last instance is gone', () => {
    const counts = new StatusCounts();
    counts.add('UP', 1);
    counts.add('DOWN', 1);
    counts.add('DOWN', -1);
    expect(counts.hash()).toBe('UP_1_');
    counts.add('UP', -1);
    expect(counts.hash()).toBe('');
  });

  it('depends on what there is, never on how it came about', () => {
    const random = seededRandom(7);
    const all = ['UP', 'DOWN', 'STARTING', 'OUT_OF_SERVICE', 'UNKNOWN'] as const;
    for (let round = 0; round < 50; round += 1) {
      const counts = new StatusCounts();
      const present: InstanceStatus[] = [];
      for (let step = 0; step < 40; step += 1) {
        const status = all[Math.floor(random() * all.length)] ?? 'UP';
        const at = present.indexOf(status);
        if (at >= 0 && random() < 0.5) {
          present.splice(at, 1);
          counts.add(status, -1);
        } else {
          present.push(status);
          counts.add(status, 1);
        }
      }
      expect(counts.hash()).toBe(hashOf(present));
    }
  });
});
