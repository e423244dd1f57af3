import { describe, expect, it } from 'vitest';
import { type DataInfoId, foldDataInfoId } from '../../../../core/model/data-info-id.ts';
import { LIMITS } from '../../../../core/model/limits.ts';
import type { PeerId, ProcessId } from '../../../../core/model/node.ts';
import { SlotStatus } from '../../../../core/model/slot-table.ts';
import type { RoleHost } from '../../../../core/seams/host.ts';
import { SlotRouter } from '../../../../core/session/slot-router.ts';
import { SlotWriter } from '../../../../core/session/slot-writer.ts';
import { slotOf } from '../../../../core/slot/slot-of.ts';
import type { MetaClient } from '../../../../core/wire/meta-client.ts';
import { decodeSlotBatch, encodeSlotBatchAnswer, type SlotBatchRequest } from '../../../../core/wire/slot-batch.ts';
import { HandClock } from '../../../support/hand-clock.ts';
import { SILENT_LOG } from '../../../support/standalone.ts';

const [D1, D2] = ['d1/data', 'd2/data'] as [PeerId, PeerId];
const SLOTS = 32;
const OPERATIONS = 16_000;
/** What one leader may have to answer at most: the writer looks before it sends a whole batch. */
const MOST = 2_000 + LIMITS.batchOperations;

interface Call {
  readonly to: PeerId;
  readonly batch: SlotBatchRequest;
  answer(): void;
}

/** A writer whose slots are led by D1 and D2 in turn; every request stays open until the test answers it. */
function writer() {
  const open = new Set<Call>();
  const request = (to: PeerId, frame: Uint8Array) =>
    new Promise<Uint8Array>((resolve) => {
      const batch = decodeSlotBatch(frame);
      const results = batch.operations.map(() => ({ kind: 'applied' }) as const);
      const head = { status: SlotStatus.Accept, tableEpoch: 1, leaderEpoch: 1, slotSequence: 1 };
      const call = {
        to,
        batch,
        answer: () => {
          open.delete(call);
          resolve(encodeSlotBatchAnswer({ ...head, results }));
        },
      };
      open.add(call);
    });
  const leaders = Array.from({ length: SLOTS }, (_, slotId) => (slotId % 2 === 0 ? D1 : D2));
  const meta = {
    get table() {
      return { epoch: 1, slots: leaders.map((leader, slotId) => ({ slotId, leader, leaderEpoch: 1, followers: [] })) };
    },
    refresh: () => undefined,
  } as unknown as MetaClient;
  const host = { log: SILENT_LOG, clock: new HandClock(), processId: 's#1' as ProcessId, peers: { request } } as unknown as RoleHost;
  return { writer: new SlotWriter(host, new SlotRouter(meta, SLOTS), 1_000), open, leaders };
}

const nameOf = (i: number) => `name${i % 500}#@#DEFAULT_INSTANCE_ID#@#DEFAULT_GROUP` as DataInfoId;

/** So many operations, spread over all slots. Resolves when the writer has sent what it may. */
async function writeAll(slots: SlotWriter, done: (registerId: string) => void): Promise<void> {
  for (let i = 0; i < OPERATIONS; i += 1) {
    const registerId = `r${i}`;
    slots.write({ kind: 'unpublish', dataInfoId: nameOf(i), registerId, registerVersion: { version: 1, stamp: i } }, () =>
      done(registerId),
    );
  }
  await turns();
}

async function turns(): Promise<void> {
  for (let i = 0; i < 5; i += 1) await new Promise((resolve) => setImmediate(resolve));
}

const callsOf = (open: ReadonlySet<Call>, leader: PeerId) => [...open].filter(({ to }) => to === leader);
const openOf = (open: ReadonlySet<Call>, leader: PeerId) =>
  callsOf(open, leader).reduce((sum, { batch }) => sum + batch.operations.length, 0);

describe('what a Session writes to slot leaders', () => {
  it('gives no leader more than it can answer in time, and everything once', async () => {
    const { writer: slots, open } = writer();
    const done: string[] = [];
    await writeAll(slots, (registerId) => done.push(registerId));
    let most = 0;
    while (open.size > 0) {
      most = Math.max(most, openOf(open, D1), openOf(open, D2));
      const [first] = open;
      first?.answer();
      await turns();
    }
    expect(most).toBeLessThan(MOST);
    expect(most).toBeGreaterThan(MOST - 2 * LIMITS.batchOperations);
    expect([done.length, new Set(done).size, slots.pendingCount]).toEqual([OPERATIONS, OPERATIONS, 0]);
  });

  it('goes on to one leader while another is silent, and at once to the new leader of slots that wait', async () => {
    const { writer: slots, open, leaders } = writer();
    const done: string[] = [];
    await writeAll(slots, (registerId) => done.push(registerId));
    const answerD2 = async () => {
      for (let calls = callsOf(open, D2); calls.length > 0; calls = callsOf(open, D2)) {
        for (const call of calls) call.answer();
        await turns();
      }
    };
    await answerD2();
    expect(done.length + openOf(open, D1) + slots.pendingCount).toBe(OPERATIONS);
    expect(slots.pendingCount).toBeGreaterThan(0);

    leaders.fill(D2);
    slots.kick();
    await turns();
    await answerD2();
    // A slot with a batch that D1 has not answered waits for its end: the order per record must hold.
    const busy = new Set([...open].map(({ batch }) => batch.slotId));
    const elsewhere = Array.from({ length: OPERATIONS }, (_, i) => i).filter((i) => !busy.has(slotOf(foldDataInfoId(nameOf(i)), SLOTS)));
    expect(new Set(done)).toEqual(new Set(elsewhere.map((i) => `r${i}`)));
  });
});
