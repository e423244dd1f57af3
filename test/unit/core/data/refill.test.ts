import { beforeEach, describe, expect, it } from 'vitest';
import { refillFromFollowers } from '../../../../core/data/refill.ts';
import type { CompareEffects } from '../../../../core/data/session-compare.ts';
import { answerWholeCompare } from '../../../../core/data/slot-reads.ts';
import { SlotReplica } from '../../../../core/data/slot-replica.ts';
import { RegistryError, RegistryErrorCode } from '../../../../core/model/errors.ts';
import type { PeerId, ProcessId } from '../../../../core/model/node.ts';
import type { RoleHost } from '../../../../core/seams/host.ts';
import { decodeCompareDatums, encodeCompareDatumsAnswer } from '../../../../core/wire/slot-compare.ts';
import { HandClock } from '../../../support/hand-clock.ts';
import { SILENT_LOG } from '../../../support/standalone.ts';
import { PUBLISHER, UNICODE_NAME } from '../wire/samples.ts';

const [SELF, FOLLOWER, FORMER] = ['d1/data', 'd2/data', 'd3/data'] as [PeerId, PeerId, PeerId];
const MOMENT = { wallMs: 0, monotonicMs: 0 };
const GONE = { dataInfoId: UNICODE_NAME, registerId: 'gone', registerVersion: { version: 1, stamp: 1 } };
const slot = (leaderEpoch: number) => ({ slotId: 3, leader: SELF, leaderEpoch, followers: [FOLLOWER] });

describe('a new leader', () => {
  let clock: HandClock;
  let leader: SlotReplica;
  let follower: SlotReplica;
  let former: SlotReplica;
  let withdrawn: string[];
  let questions: number;
  let isRefilled: boolean;

  beforeEach(() => {
    clock = new HandClock();
    leader = new SlotReplica(slot(4), SELF);
    follower = new SlotReplica(slot(4), FOLLOWER);
    former = new SlotReplica(slot(4), FORMER);
    follower.store.applyPut(PUBLISHER, 5n, MOMENT);
    withdrawn = [];
    questions = 0;
    isRefilled = false;
  });

  const heldByLeader = () => [...leader.store.records()].map((record) => record.publisher.registerId);

  async function refill(failures = 0, isBlank = false): Promise<void> {
    const request = async (peer: PeerId, frame: Uint8Array) => {
      questions += 1;
      if (questions <= failures) throw new RegistryError(RegistryErrorCode.Unavailable, 'the table is not there yet');
      const asked = peer === FORMER ? former : follower;
      return encodeCompareDatumsAnswer(answerWholeCompare(asked, decodeCompareDatums(frame), 'd2#1' as ProcessId));
    };
    const host = { clock, log: SILENT_LOG, processId: 'd1#1', peers: { request } } as unknown as RoleHost;
    const effects: CompareEffects = {
      put: (replica, publisher) => void replica.store.publish(publisher, MOMENT),
      withdraw: (_replica, { registerId }) => void withdrawn.push(registerId),
      removeOthers: (replica, dataInfoId, keep) => {
        for (const record of [...replica.store.records()]) {
          const { publisher } = record;
          if (publisher.dataInfoId === dataInfoId && !keep.has(publisher.registerId)) replica.store.drop(record, MOMENT);
        }
      },
    };
    void refillFromFollowers(host, leader, { formerLeader: leader.formerLeader, isBlank }, effects, () => true).then(() => {
      isRefilled = true;
    });
    await settled();
  }

  /** Answers arrive; no time passes. */
  const settled = () => new Promise((resolve) => setImmediate(resolve));

  it('without a whole copy takes what a follower holds that was whole until now, and what it knows to be withdrawn', async () => {
    follower.store.applyTombstone(GONE, MOMENT);
    follower.becomeSynced(true);
    follower.becomeSynced(false);
    await refill();
    expect(isRefilled).toBe(true);
    expect(heldByLeader()).toEqual([PUBLISHER.registerId]);
    expect(leader.store.highestVersion).toBeGreaterThanOrEqual(5n);
    expect(withdrawn).toEqual(['gone']);
  });

  it('takes nothing from a follower that was whole under an earlier leader only', async () => {
    follower.assign(slot(2), FOLLOWER);
    follower.becomeSynced(true);
    follower.assign(slot(4), FOLLOWER);
    leader.store.publish({ ...PUBLISHER, registerId: 'of its cache' }, MOMENT);
    await refill();
    expect(isRefilled).toBe(true);
    expect(heldByLeader()).toEqual(['of its cache']);
  });

  it('that began with nothing takes it all the same: no other copy is better', async () => {
    follower.assign(slot(2), FOLLOWER);
    follower.becomeSynced(true);
    follower.assign(slot(4), FOLLOWER);
    leader.store.publish({ ...PUBLISHER, registerId: 'told meanwhile' }, MOMENT);
    await refill(0, true);
    expect(heldByLeader().sort()).toEqual([PUBLISHER.registerId, 'told meanwhile'].sort());
  });

  it('takes nothing from a copy that was never whole, even when it began with nothing', async () => {
    await refill(0, true);
    expect(heldByLeader()).toEqual([]);
  });

  it('asks again while a follower has not heard of the table', async () => {
    follower.becomeSynced(true);
    await refill(2);
    for (let i = 0; i < 2; i += 1) {
      expect(isRefilled).toBe(false);
      clock.advance(100);
      await settled();
    }
    expect(isRefilled).toBe(true);
    expect(heldByLeader()).toEqual([PUBLISHER.registerId]);
  });

  it('goes on after 2 s without a follower that does not answer', async () => {
    await refill(Number.POSITIVE_INFINITY);
    while (clock.monotonicMs() <= 2_000) {
      expect(isRefilled).toBe(false);
      clock.advance(100);
      await settled();
    }
    expect(isRefilled).toBe(true);
  });

  /** The leader has followed until now, beside those that are named. */
  function promote(formerFollowers: readonly PeerId[], followers = [FOLLOWER]): void {
    leader.assign({ slotId: 3, leader: FORMER, leaderEpoch: 3, followers: [SELF, ...formerFollowers] }, SELF);
    leader.becomeSynced(true);
    leader.assign({ ...slot(4), followers }, SELF);
  }

  it('that followed until now asks who did so beside it, and may have heard more', async () => {
    follower.store.applyTombstone(GONE, MOMENT);
    follower.becomeSynced(true);
    promote([FOLLOWER]);
    await refill();
    expect(isRefilled).toBe(true);
    expect(heldByLeader()).toEqual([PUBLISHER.registerId]);
    expect(withdrawn).toEqual(['gone']);
  });

  const other = { ...PUBLISHER, registerId: 'other' };

  it('that has missed the end of a lease takes it from a copy that has not', async () => {
    leader.store.applyPut(PUBLISHER, 5n, MOMENT);
    leader.store.applyPut(other, 6n, MOMENT);
    follower.store.applyPut(other, 6n, MOMENT);
    follower.store.applyRemove(PUBLISHER.dataInfoId, PUBLISHER.registerId, PUBLISHER.registerVersion, 'expired', 7n, MOMENT);
    follower.becomeSynced(true);
    promote([FOLLOWER]);
    await refill();
    expect(heldByLeader()).toEqual(['other']);
  });

  it('that knows of the end of a lease takes nothing from a copy that has missed it', async () => {
    leader.store.applyPut(other, 6n, MOMENT);
    leader.store.applyRemove(PUBLISHER.dataInfoId, PUBLISHER.registerId, PUBLISHER.registerVersion, 'expired', 7n, MOMENT);
    follower.store.applyPut(other, 6n, MOMENT);
    follower.becomeSynced(true);
    promote([FOLLOWER]);
    await refill();
    expect(heldByLeader()).toEqual(['other']);
  });

  it('asks the former leader first, when it lives, and then takes nothing older', async () => {
    former.store.applyPut(PUBLISHER, 5n, MOMENT);
    former.store.applyRemove(PUBLISHER.dataInfoId, PUBLISHER.registerId, PUBLISHER.registerVersion, 'expired', 7n, MOMENT);
    former.becomeSynced(true);
    follower.becomeSynced(true);
    promote([FOLLOWER], [FOLLOWER, FORMER]);
    await refill();
    expect(questions).toBe(2);
    expect(heldByLeader()).toEqual([]);
  });

  it('keeps what it was told itself, whatever versions another copy has', async () => {
    follower.store.applyRemove(PUBLISHER.dataInfoId, PUBLISHER.registerId, PUBLISHER.registerVersion, 'expired', 7n, MOMENT);
    follower.becomeSynced(true);
    promote([FOLLOWER]);
    leader.store.publish(other, MOMENT);
    await refill();
    expect(heldByLeader()).toEqual(['other']);
  });

  it('that followed until now does not ask who follows only now', async () => {
    promote([]);
    await refill();
    expect(isRefilled).toBe(true);
    expect(questions).toBe(0);
  });
});
