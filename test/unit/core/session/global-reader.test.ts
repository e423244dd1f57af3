import { describe, expect, it } from 'vitest';
import type { PeerId } from '../../../../core/model/node.ts';
import type { Publisher } from '../../../../core/model/publisher.ts';
import { SlotStatus } from '../../../../core/model/slot-table.ts';
import type { RoleHost } from '../../../../core/seams/host.ts';
import { GlobalReader, type GlobalReaderOptions } from '../../../../core/session/global-reader.ts';
import { encodeSlotPageAnswer } from '../../../../core/wire/slot-log.ts';
import { HandClock } from '../../../support/hand-clock.ts';
import { SILENT_LOG } from '../../../support/standalone.ts';
import { ADDRESS, NAME, PUBLISHER } from '../wire/samples.ts';

const record = (registerId: string, stamp: number): Publisher => ({ ...PUBLISHER, registerId, registerVersion: { version: 0, stamp } });

describe('a slot that is read again from a new leader', () => {
  it('tells of what is newer there and of what is gone, which the log has not told', async () => {
    const told: string[] = [];
    let held: readonly Publisher[] = [record('changed', 1), record('gone', 1), record('same', 1)];
    const request = async () => {
      const head = { status: SlotStatus.Accept, tableEpoch: 1, leaderEpoch: 1, slotSequence: 0, next: '', held: [] };
      return encodeSlotPageAnswer({ ...head, datums: [{ dataInfoId: NAME, version: 1n, publishers: held }] });
    };
    const reader = new GlobalReader({
      host: { clock: new HandClock(), log: SILENT_LOG, peers: { request } } as unknown as RoleHost,
      router: {
        slotCount: 1,
        slot: () => ({ leader: 'd1/data' as PeerId }),
        address: () => ADDRESS,
      } as unknown as GlobalReaderOptions['router'],
      joins: { mayBePublic: () => false } as unknown as GlobalReaderOptions['joins'],
      timeoutMs: 1_000,
      idleMs: 1_000,
      setWhole: () => undefined,
      restartSlot: () => expect.unreachable(),
      published: ({ registerId, registerVersion }) => void told.push(`${registerId} published ${registerVersion.stamp}`),
      withdrawn: (_dataInfoId, registerId, { stamp }) => void told.push(`${registerId} withdrawn ${stamp}`),
    });
    const reading = reader.open(PUBLISHER.format, () => undefined);
    reader.announced(0, 1, 0);
    await reading.ready;
    told.length = 0;

    held = [record('changed', 2), record('same', 1), record('new', 1)];
    reader.announced(0, 2, 0);
    await expect.poll(() => told.sort()).toEqual(['changed published 2', 'gone withdrawn 1', 'new published 1']);
  });
});
