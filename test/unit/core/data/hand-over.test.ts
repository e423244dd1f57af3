import { beforeEach, describe, expect, it } from 'vitest';
import { whenGivenUp } from '../../../../core/data/hand-over.ts';
import { SlotReplica } from '../../../../core/data/slot-replica.ts';
import { RegistryError, RegistryErrorCode } from '../../../../core/model/errors.ts';
import type { PeerId } from '../../../../core/model/node.ts';
import { SlotStatus } from '../../../../core/model/slot-table.ts';
import type { RoleHost } from '../../../../core/seams/host.ts';
import type { MetaClient } from '../../../../core/wire/meta-client.ts';
import { decodeSlotLog, encodeSlotLogAnswer } from '../../../../core/wire/slot-log.ts';
import { HandClock } from '../../../support/hand-clock.ts';
import { SILENT_LOG } from '../../../support/standalone.ts';

const [SELF, FORMER, THIRD] = ['d1/data', 'd2/data', 'd3/data'] as [PeerId, PeerId, PeerId];
const TABLE_EPOCH = 9;

describe('a slot that changes its leader', () => {
  let clock: HandClock;
  let asked: PeerId[];
  let answer: () => Promise<number>;
  let replica: SlotReplica;
  let members: readonly PeerId[];
  let isCurrent: boolean;
  let isGivenUp: boolean;
  let givenUpBy: PeerId | undefined;

  beforeEach(() => {
    clock = new HandClock();
    asked = [];
    members = [SELF, FORMER, THIRD];
    isCurrent = true;
    isGivenUp = false;
    givenUpBy = undefined;
    replica = new SlotReplica({ slotId: 3, leader: FORMER, leaderEpoch: 1, followers: [SELF, THIRD] }, SELF);
  });

  function lead(followers: readonly PeerId[]): void {
    replica.assign({ slotId: 3, leader: SELF, leaderEpoch: 2, followers }, SELF);
    const request = async (peer: PeerId, frame: Uint8Array) => {
      asked.push(peer);
      const { tableEpoch, leaderEpoch, entries } = decodeSlotLog(frame);
      expect({ tableEpoch, leaderEpoch, entries }).toEqual({ tableEpoch: TABLE_EPOCH, leaderEpoch: 2, entries: [] });
      return encodeSlotLogAnswer({ status: SlotStatus.MisMatch, tableEpoch: 0, leaderEpoch: await answer(), applied: 0 });
    };
    const host = { clock, log: SILENT_LOG, processId: 'd1#1', peers: { request } } as unknown as RoleHost;
    const meta = {
      table: { epoch: TABLE_EPOCH, slots: [] },
      get members() {
        return members.map((peer) => ({ peer }));
      },
    } as unknown as MetaClient;
    void whenGivenUp(host, replica, meta, () => isCurrent).then((former) => {
      isGivenUp = true;
      givenUpBy = former;
    });
  }

  /** Lets answers arrive, then time pass until the next question. */
  async function pass(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(clock.waitsMs[0] ?? 0);
    await new Promise((resolve) => setImmediate(resolve));
  }

  it.each([
    ['names the new leader epoch', 2],
    ['was started again and holds nothing of the slot', 0],
  ])('is waited for until who led before %s', async (_what, last) => {
    answer = () => Promise.resolve(asked.length < 3 ? 1 : last);
    lead([FORMER, THIRD]);
    for (let i = 0; i < 2; i += 1) {
      expect(isGivenUp).toBe(false);
      await pass();
    }
    expect({ isGivenUp, givenUpBy }).toEqual({ isGivenUp: true, givenUpBy: FORMER });
    expect(asked).toEqual([FORMER, FORMER, FORMER]);
  });

  it('is not waited for when who led before is gone', async () => {
    lead([THIRD]);
    await pass();
    expect({ isGivenUp, givenUpBy, asked }).toEqual({ isGivenUp: true, givenUpBy: undefined, asked: [] });
  });

  it.each([
    ['table', () => replica.assign({ slotId: 3, leader: SELF, leaderEpoch: 2, followers: [THIRD] }, SELF)],
    [
      'member list',
      () => {
        members = [SELF, THIRD];
      },
    ],
  ])('is waited for no longer when who led before is gone from the %s', async (_where, remove) => {
    answer = () => Promise.reject(new RegistryError(RegistryErrorCode.Unavailable, 'the link broke'));
    lead([FORMER, THIRD]);
    await pass();
    expect(isGivenUp).toBe(false);
    remove();
    await pass();
    expect(isGivenUp).toBe(true);
  });

  it('is waited for no longer when it is led by another node again', async () => {
    answer = () => Promise.resolve(1);
    lead([FORMER, THIRD]);
    await pass();
    expect(isGivenUp).toBe(false);
    isCurrent = false;
    await pass();
    expect(isGivenUp).toBe(true);
  });

  it('is led after 5 s when who led before cannot be reached', async () => {
    answer = () => Promise.reject(new RegistryError(RegistryErrorCode.Unavailable, 'the link broke'));
    lead([FORMER, THIRD]);
    while (clock.monotonicMs() <= 5_000) {
      expect(isGivenUp).toBe(false);
      await pass();
    }
    expect({ isGivenUp, givenUpBy }).toEqual({ isGivenUp: true, givenUpBy: undefined });
    expect(clock.monotonicMs()).toBeLessThan(5_500);
  });
});
