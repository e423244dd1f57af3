import { describe, expect, it } from 'vitest';
import { LogStream } from '../../../../core/data/log-stream.ts';
import { SlotLog } from '../../../../core/data/slot-log.ts';
import type { SlotReplica } from '../../../../core/data/slot-replica.ts';
import type { DataInfoId } from '../../../../core/model/data-info-id.ts';
import { EMPTY_DIGEST } from '../../../../core/model/digest.ts';
import type { PeerId } from '../../../../core/model/node.ts';
import { SlotStatus } from '../../../../core/model/slot-table.ts';
import type { RoleHost } from '../../../../core/seams/host.ts';
import { decodeSlotLog, encodeSlotLogAnswer } from '../../../../core/wire/slot-log.ts';
import { HandClock } from '../../../support/hand-clock.ts';
import { SILENT_LOG } from '../../../support/standalone.ts';

const [FAST, SLOW] = ['s1/session', 's2/session'] as [PeerId, PeerId];
const CHANGES = 1_000;

/** A leader with whole readers; those in `silent` never answer. */
function leader(silent: ReadonlySet<PeerId>) {
  const applied = new Map<PeerId, number>();
  const request = (peer: PeerId, frame: Uint8Array): Promise<Uint8Array> => {
    if (silent.has(peer)) return new Promise(() => undefined);
    const { after, entries, leaderEpoch } = decodeSlotLog(frame);
    applied.set(peer, after + entries.length);
    return Promise.resolve(encodeSlotLogAnswer({ status: SlotStatus.Accept, tableEpoch: 1, leaderEpoch, applied: after + entries.length }));
  };
  const host = { log: SILENT_LOG, clock: new HandClock(), processId: 'd#1', peers: { request } } as unknown as RoleHost;
  const replica = {
    slotId: 1,
    leaderEpoch: 1,
    isLeader: true,
    followers: [],
    interest: { wholeReaders: () => [FAST, SLOW] },
    log: new SlotLog(0),
  } as unknown as SlotReplica;
  return { stream: new LogStream(host, () => 1), replica, applied };
}

async function change(silent: ReadonlySet<PeerId>) {
  const { stream, replica, applied } = leader(silent);
  for (const peer of [FAST, SLOW]) stream.startReader(replica, peer);
  for (let i = 0; i < CHANGES; i += 1) {
    replica.log.append(
      {
        kind: 'remove',
        dataInfoId: 'a#@#b#@#c' as DataInfoId,
        registerId: `r${i}`,
        registerVersion: { version: 0, stamp: i },
        datumVersion: BigInt(i),
        format: 'eureka',
        reason: 'withdrawn',
      },
      EMPTY_DIGEST,
    );
    stream.pump(replica);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { replica, applied };
}

describe('the log of a slot', () => {
  it('forgets what every reader has, but for a few entries', async () => {
    const { replica, applied } = await change(new Set());
    expect([...applied.values()]).toEqual([CHANGES, CHANGES]);
    expect(replica.log.since(CHANGES - 10, 100)?.length).toBe(10);
    expect(replica.log.since(CHANGES - 200, 1_000)).toBeUndefined();
  });

  it('keeps what one of them has not taken', async () => {
    const { replica } = await change(new Set([SLOW]));
    expect(replica.log.since(0, CHANGES)?.length).toBe(CHANGES);
  });
});
