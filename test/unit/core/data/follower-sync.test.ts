import { describe, expect, it } from 'vitest';
import { FollowerSync } from '../../../../core/data/follower-sync.ts';
import { SlotReplica } from '../../../../core/data/slot-replica.ts';
import type { PeerId, ProcessId } from '../../../../core/model/node.ts';
import type { Publisher } from '../../../../core/model/publisher.ts';
import type { RoleHost } from '../../../../core/seams/host.ts';
import type { Log, LogFields } from '../../../../core/seams/log.ts';
import { frameKind, MessageKind } from '../../../../core/wire/frame.ts';
import { encodeCompareDatumsAnswer, encodeCompareRootsAnswer } from '../../../../core/wire/slot-compare.ts';
import { NAME, PROCESS, PUBLISHER } from '../wire/samples.ts';

const LEADER = 'd1/data' as PeerId;
const SELF = 'd2/data' as PeerId;
const MOMENT = { wallMs: 1_780_000_000_000, monotonicMs: 5 };

const publisher = (registerId: string, text: string): Publisher => ({ ...PUBLISHER, registerId, payload: new TextEncoder().encode(text) });

/** A follower with records, and a leader that answers every question about the slot with other ones. */
function follower(own: readonly Publisher[], leaders: readonly Publisher[], differs: () => boolean) {
  const told: LogFields[] = [];
  const warn = (_message: string, fields: LogFields = {}) => void told.push(fields);
  const silent = () => undefined;
  const log: Log = { debug: silent, info: silent, warn, error: silent, with: () => log };
  const clock = {
    monotonicMs: () => 0,
    wallMs: () => 0,
    soon: (run: () => void) => void setImmediate(run),
    schedule: (_delayMs: number, run: () => void) => {
      const timer = setImmediate(run);
      return { cancel: () => clearImmediate(timer) };
    },
  };
  const request = async (_to: PeerId, frame: Uint8Array) => {
    if (frameKind(frame) === MessageKind.CompareRoots)
      return encodeCompareRootsAnswer({ processId: PROCESS, differing: differs() ? [3] : [] });
    const datums = [{ dataInfoId: NAME, version: 9n, publishers: leaders }];
    const rest = { highestVersion: 9n, slotSequence: 7, next: '', absent: [], tombstones: [] };
    return encodeCompareDatumsAnswer({ processId: PROCESS, ...rest, datums });
  };
  const host = { processId: 'd2#1' as ProcessId, clock, log, peers: { request } } as unknown as RoleHost;
  const replica = new SlotReplica({ slotId: 3, leader: LEADER, leaderEpoch: 1, followers: [SELF] }, SELF);
  for (const each of own) replica.store.applyPut(each, 5n, MOMENT);
  replica.becomeSynced(true);
  return { sync: new FollowerSync(host, () => MOMENT), replica, told };
}

describe('a copy that differs from its leader', () => {
  it('is repaired, and every record that was wrong is named', async () => {
    const own = [publisher('same', 'x'), publisher('different', 'mine'), publisher('surplus', 'x')];
    const leaders = [publisher('same', 'x'), publisher('different', 'theirs'), publisher('missing', 'x')];
    const { sync, replica, told } = follower(own, leaders, () => true);
    await sync.check([replica]);
    await until(() => replica.phase.kind === 'follower' && replica.phase.isSynced);
    const named = told.filter((fields) => fields['fault'] !== undefined).map((fields) => `${fields['registerId']} ${fields['fault']}`);
    expect(named).toEqual(['different different', 'missing missing', 'surplus surplus']);
    expect(told.every((fields) => fields['slot'] === 3)).toBe(true);
    const now = replica.store.datum(NAME)?.publishers.map((each) => `${each.registerId} ${new TextDecoder().decode(each.payload)}`);
    expect(now).toEqual(['different theirs', 'missing x', 'same x']);
  });

  it('only once is left alone: its log is under way', async () => {
    let questions = 0;
    const { sync, replica, told } = follower([publisher('same', 'x')], [], () => {
      questions += 1;
      return questions === 1;
    });
    await sync.check([replica]);
    expect(questions).toBe(2);
    expect(told).toEqual([]);
    expect(replica.phase).toEqual({ kind: 'follower', isSynced: true });
  });
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
