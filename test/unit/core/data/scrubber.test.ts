import { describe, expect, it } from 'vitest';
import { Scrubber } from '../../../../core/data/scrubber.ts';
import { SlotReplica } from '../../../../core/data/slot-replica.ts';
import type { PeerId } from '../../../../core/model/node.ts';
import { PUBLISHER } from '../wire/samples.ts';

const SELF = 'd1/data' as PeerId;
const MOMENT = { wallMs: 1_780_000_000_000, monotonicMs: 5 };

/** Replicas whose scrubber tells how many records it reads with each run. */
function scrubbed(slots: number) {
  const replicas = Array.from(
    { length: slots },
    (_, slotId) => new SlotReplica({ slotId, leader: SELF, leaderEpoch: 1, followers: [] }, SELF),
  );
  const read: string[] = [];
  for (const { store } of replicas) {
    const verify = store.verify.bind(store);
    store.verify = (record) => {
      read.push(record.publisher.registerId);
      return verify(record);
    };
  }
  const fill = (from: number, to: number, bytes = 10) => {
    for (let index = from; index < to; index += 1)
      replicas[index % slots]?.store.publish({ ...PUBLISHER, registerId: `p${index}`, payload: new Uint8Array(bytes) }, MOMENT);
  };
  const found: string[] = [];
  const scrubber = new Scrubber(
    () => replicas,
    (_replica, record) => void found.push(record.publisher.registerId),
  );
  const run = () => {
    read.length = 0;
    scrubber.run();
    return [...read];
  };
  return { fill, run, found };
}

describe('a scrubber', () => {
  it('reads what is little with every run', () => {
    const { fill, run } = scrubbed(3);
    expect(run()).toEqual([]);
    fill(0, 50);
    expect(new Set(run()).size).toBe(50);
    expect(new Set(run()).size).toBe(50);
  });

  it('spreads more over eight runs, each record once, and then begins anew', () => {
    const { fill, run, found } = scrubbed(4);
    fill(0, 16_000);
    const runs = Array.from({ length: 8 }, run);
    expect(runs.map((records) => records.length)).toEqual(Array.from({ length: 8 }, () => 2_000));
    expect(new Set(runs.flat()).size).toBe(16_000);
    expect(run()).toEqual([]);
    expect(run()).toEqual(runs[0]);
    expect(found).toEqual([]);
  });

  it('takes up its pace with what comes in the middle of a pass', () => {
    const { fill, run } = scrubbed(1);
    fill(0, 2_000);
    expect(run().length).toBe(1_000);
    fill(2_000, 20_000);
    expect(run().length).toBe(Math.ceil(20_000 / 8));
  });

  it('reads no more than 4 MiB with a run', () => {
    const { fill, run } = scrubbed(1);
    fill(0, 600, 8_192);
    expect([run().length, run().length]).toEqual([512, 88]);
  });
});
