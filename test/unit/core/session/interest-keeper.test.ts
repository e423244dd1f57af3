import { beforeEach, describe, expect, it } from 'vitest';
import type { FoldedId } from '../../../../core/model/data-info-id.ts';
import { SlotStatus } from '../../../../core/model/slot-table.ts';
import type { RoleHost } from '../../../../core/seams/host.ts';
import { InterestKeeper } from '../../../../core/session/interest-keeper.ts';
import type { SlotRouter } from '../../../../core/session/slot-router.ts';
import type { MetaClient } from '../../../../core/wire/meta-client.ts';
import { decodeSlotInterest, encodeSlotInterestAnswer, type SlotInterestRequest } from '../../../../core/wire/slot-read.ts';
import { HandClock } from '../../../support/hand-clock.ts';
import { SILENT_LOG } from '../../../support/standalone.ts';

const [A, B] = ['a', 'b'] as unknown as [FoldedId, FoldedId];
const ADDRESS = { slotId: 0, tableEpoch: 1, leaderEpoch: 1 };

/** A Session with one slot, whose leader answers an announcement when the test says so. */
class Scene {
  readonly asked: SlotInterestRequest[] = [];
  readonly wholeFrom: number[] = [];
  readonly keeper: InterestKeeper;
  #answer: (() => void) | undefined;

  constructor() {
    const request = (_peer: unknown, frame: Uint8Array) => {
      this.asked.push(decodeSlotInterest(frame));
      const answer = { ...ADDRESS, status: SlotStatus.Accept, slotSequence: this.asked.length, noticeSequence: 0, versions: [] };
      return new Promise<Uint8Array>((resolve) => {
        this.#answer = () => resolve(encodeSlotInterestAnswer(answer));
      });
    };
    this.keeper = new InterestKeeper(
      { clock: new HandClock(), log: SILENT_LOG, processId: 's1/p', peers: { request } } as unknown as RoleHost,
      { slotCount: 1, slotOf: () => 0, slot: () => ADDRESS, address: () => ADDRESS, refresh: () => undefined } as unknown as SlotRouter,
      {} as MetaClient,
      1_000,
      {
        changed: () => undefined,
        wholeAnnounced: (_slotId, _leaderEpoch, sequence) => void this.wholeFrom.push(sequence),
        stampSeen: () => undefined,
        knownVersion: () => 0n,
      },
    );
  }

  /** The announcement of this number, from 1, in short: whether it begins anew, wants the whole slot, and which names it adds. */
  async announcement(number: number): Promise<readonly unknown[]> {
    await expect.poll(() => this.asked.length).toBe(number);
    const { reset, whole, add } = this.asked[number - 1] as SlotInterestRequest;
    return [reset, whole, ...add.map((name) => name.foldedId)];
  }

  answer(): void {
    this.#answer?.();
  }
}

describe('an announcement under way', () => {
  let scene: Scene;
  beforeEach(() => {
    scene = new Scene();
  });

  it('is followed by another one when the whole slot is wanted meanwhile, and only that begins the log', async () => {
    scene.keeper.add(A);
    expect(await scene.announcement(1)).toEqual([true, false, A]);
    scene.keeper.setWhole(true);
    scene.answer();
    expect(await scene.announcement(2)).toEqual([true, true, A]);
    expect(scene.wholeFrom).toEqual([]);
    scene.answer();
    await expect.poll(() => scene.wholeFrom).toEqual([2]);
  });

  it('is followed by one of everything when a notice was missed meanwhile', async () => {
    scene.keeper.add(A);
    expect(await scene.announcement(1)).toEqual([true, false, A]);
    scene.answer();
    await new Promise(setImmediate);
    scene.keeper.add(B);
    expect(await scene.announcement(2)).toEqual([false, false, B]);
    scene.keeper.notice({ ...ADDRESS, previous: 4, sequence: 5, changes: [] });
    scene.answer();
    expect(await scene.announcement(3)).toEqual([true, false, A, B]);
  });

  it('is taken back when nothing is wanted any more', async () => {
    scene.keeper.setWhole(true);
    expect(await scene.announcement(1)).toEqual([true, true]);
    scene.keeper.setWhole(false);
    scene.answer();
    expect(await scene.announcement(2)).toEqual([true, false]);
  });
});
