import { describe, expect, it } from 'vitest';
import { FollowerSync } from '../../../../core/data/follower-sync.ts';
import { answerWholeCompare, answerWholeRoots } from '../../../../core/data/slot-reads.ts';
import { SlotReplica } from '../../../../core/data/slot-replica.ts';
import { RegistryError, RegistryErrorCode } from '../../../../core/model/errors.ts';
import { LIMITS } from '../../../../core/model/limits.ts';
import type { PeerId, ProcessId } from '../../../../core/model/node.ts';
import type { Publisher } from '../../../../core/model/publisher.ts';
import type { RoleHost } from '../../../../core/seams/host.ts';
import type { Log, LogFields } from '../../../../core/seams/log.ts';
import { frameKind, MessageKind } from '../../../../core/wire/frame.ts';
import {
  decodeCompareDatums,
  decodeCompareRoots,
  encodeCompareDatumsAnswer,
  encodeCompareRootsAnswer,
} from '../../../../core/wire/slot-compare.ts';
import { NAME, PROCESS, PUBLISHER } from '../wire/samples.ts';

const LEADER = 'd1/data' as PeerId;
const SELF = 'd2/data' as PeerId;
const MOMENT = { wallMs: 1_780_000_000_000, monotonicMs: 5 };

/** Of an answer with one page. */
const WHOLE = { highestVersion: 9n, slotSequence: 7, next: '', absent: [], tombstones: [] };

const publisher = (registerId: string, text: string): Publisher => ({ ...PUBLISHER, registerId, payload: new TextEncoder().encode(text) });

/** A follower with records, and what its leader answers. */
function follower(own: readonly Publisher[], answer: (frame: Uint8Array, leader: PeerId) => Uint8Array | Promise<Uint8Array>) {
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
  const request = async (to: PeerId, frame: Uint8Array) => answer(frame, to);
  const host = { processId: 'd2#1' as ProcessId, clock, log, peers: { request } } as unknown as RoleHost;
  const replica = new SlotReplica({ slotId: 3, leader: LEADER, leaderEpoch: 1, followers: [SELF] }, SELF);
  for (const each of own) replica.store.applyPut(each, 5n, MOMENT);
  replica.becomeSynced(true);
  return { sync: new FollowerSync(host, () => MOMENT), replica, told };
}

/** A leader that answers every question about the slot with other records. */
const otherLeader = (leaders: readonly Publisher[], differs: () => boolean) => (frame: Uint8Array) => {
  if (frameKind(frame) === MessageKind.CompareRoots)
    return encodeCompareRootsAnswer({ processId: PROCESS, differing: differs() ? [3] : [] });
  const datums = [{ dataInfoId: NAME, version: 9n, publishers: leaders }];
  return encodeCompareDatumsAnswer({ processId: PROCESS, ...WHOLE, datums });
};

describe('a copy that differs from its leader', () => {
  it('is repaired, and every record that was wrong is named', async () => {
    const own = [publisher('same', 'x'), publisher('different', 'mine'), publisher('surplus', 'x')];
    const leaders = [publisher('same', 'x'), publisher('different', 'theirs'), publisher('missing', 'x')];
    const { sync, replica, told } = follower(
      own,
      otherLeader(leaders, () => true),
    );
    await sync.check([replica]);
    await until(() => replica.phase.kind === 'follower' && replica.phase.isSynced);
    const named = told.filter((fields) => fields['fault'] !== undefined).map((fields) => `${fields['registerId']} ${fields['fault']}`);
    expect(named).toEqual(['different different', 'missing missing', 'surplus surplus']);
    expect(told.every((fields) => fields['slot'] === 3)).toBe(true);
    const now = replica.store.datum(NAME)?.publishers.map((each) => `${each.registerId} ${new TextDecoder().decode(each.payload)}`);
    expect(now).toEqual(['different theirs', 'missing x', 'same x']);
  });

  it('is repaired also where it has a newer record, which nobody whom the leader asked knew of', async () => {
    const moved = (stamp: number) => ({ ...publisher('moved', `at ${stamp}`), registerVersion: { version: 1, stamp } });
    const { sync, replica } = follower(
      [moved(2)],
      otherLeader([moved(1)], () => true),
    );
    await sync.check([replica]);
    await until(() => replica.phase.kind === 'follower' && replica.phase.isSynced);
    expect(replica.store.datum(NAME)?.publishers.map((each) => each.registerVersion.stamp)).toEqual([1]);
    expect(replica.store.datum(NAME)?.version).toBe(9n);
  });

  it('only once is left alone: its log is under way', async () => {
    let questions = 0;
    const isFirst = () => {
      questions += 1;
      return questions === 1;
    };
    const { sync, replica, told } = follower([publisher('same', 'x')], otherLeader([], isFirst));
    await sync.check([replica]);
    expect(questions).toBe(2);
    expect(told).toEqual([]);
    expect(replica.phase).toEqual({ kind: 'follower', isSynced: true });
  });
});

/** A leader and its follower, which has applied all changes but the last few; while the follower asks anything the leader goes on. */
function busySlot() {
  const leader = new SlotReplica({ slotId: 3, leader: LEADER, leaderEpoch: 1, followers: [SELF] }, LEADER);
  leader.becomeServing();
  let changes = 0;
  const write = () => {
    changes += 1;
    const registerVersion = { version: changes, stamp: 1 };
    const applied = leader.store.publish({ ...publisher(`r${changes % 5}`, `value ${changes}`), registerVersion }, MOMENT);
    if (applied.kind !== 'visible') throw new Error(`a change is ${applied.kind}`);
    const { record } = applied;
    leader.log.append({ kind: 'put', publisher: record.publisher, datumVersion: record.datum.version }, leader.store.root);
  };
  const { sync, replica, told } = follower([], (frame) => {
    write();
    if (frameKind(frame) === MessageKind.CompareDatums)
      return encodeCompareDatumsAnswer(answerWholeCompare(leader, decodeCompareDatums(frame), PROCESS));
    return encodeCompareRootsAnswer(answerWholeRoots(decodeCompareRoots(frame), PROCESS, () => leader));
  });
  /** The follower takes the log, but for its last `behind` entries. */
  const stream = (behind: number) => {
    const entries = leader.log.since(replica.applied, leader.log.sequence - replica.applied - behind);
    if (entries === undefined) throw new Error('the log is cut');
    sync.apply(replica, { slotId: 3, leaderEpoch: 1, tableEpoch: 1, processId: PROCESS, after: replica.applied, entries });
  };
  for (let i = 0; i < 20; i += 1) write();
  stream(3);
  return { sync, replica, told, write, stream };
}

describe('a copy of a slot that is written all the time', () => {
  it('is right although its leader is always ahead', async () => {
    const { sync, replica, told } = busySlot();
    await sync.check([replica]);
    expect(told).toEqual([]);
    expect(replica.phase).toEqual({ kind: 'follower', isSynced: true });
  });

  it('is found to lack a record, and gets it back', async () => {
    const { sync, replica, told } = busySlot();
    const lost = replica.store.find(NAME, 'r1');
    if (lost === undefined) throw new Error('there is no such record');
    replica.store.drop(lost, MOMENT);
    await sync.check([replica]);
    await until(() => replica.phase.kind === 'follower' && replica.phase.isSynced);
    expect(told.map((fields) => fields['fault'])).toContain('missing');
    expect(replica.store.find(NAME, 'r1')).toBeDefined();
  });

  it('is not judged while pages hold more than what is applied of the log', async () => {
    const { sync, replica, told, write, stream } = busySlot();
    replica.becomeSynced(false);
    sync.compare(replica);
    await until(() => replica.phase.kind === 'follower' && replica.phase.isSynced);
    // As if the last page had been cut when the log had already gone on.
    write();
    replica.copied = replica.applied + 1;
    replica.store.applyPut(publisher('of a later page', 'x'), 9n, MOMENT);
    await sync.check([replica]);
    expect(told).toEqual([]);
    stream(0);
    await sync.check([replica]);
    await until(() => replica.phase.kind === 'follower' && replica.phase.isSynced);
    expect(told.map((fields) => fields['fault'])).toContain('surplus');
  });
});

describe('a node that has got many slots to follow', () => {
  const OTHER = 'd3/data' as PeerId;
  const COUNT = 5 * LIMITS.copiesAtOnce;

  /** Of each leader so many slots; the answers are held back until the test lets them go, and those about slot 0 are refusals. */
  function newCopies() {
    const held = new Map<PeerId, (() => void)[]>([
      [LEADER, []],
      [OTHER, []],
    ]);
    let most = 0;
    const { sync } = follower([], async (frame, leader) => {
      const waiting = held.get(leader) ?? [];
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
        most = Math.max(most, waiting.length);
      });
      if (decodeCompareDatums(frame).slotId === 0) throw new RegistryError(RegistryErrorCode.Unavailable, 'not led yet');
      return encodeCompareDatumsAnswer({ processId: PROCESS, ...WHOLE, datums: [] });
    });
    const copies = (leader: PeerId, first: number) =>
      Array.from({ length: COUNT }, (_, at) => new SlotReplica({ slotId: first + at, leader, leaderEpoch: 1, followers: [SELF] }, SELF));
    const [ours, others] = [copies(LEADER, 0), copies(OTHER, COUNT)];
    for (const replica of [...ours, ...others]) sync.compare(replica);
    const answer = (leader: PeerId) => held.get(leader)?.shift()?.();
    const synced = (replicas: readonly SlotReplica[]) =>
      replicas.filter(({ phase }) => phase.kind === 'follower' && phase.isSynced).map(({ slotId }) => slotId);
    return { sync, ours, others, answer, synced, most: () => most };
  }

  it('asks each leader about a few of them at a time, in their order', async () => {
    const { others, answer, synced, most } = newCopies();
    await until(() => {
      answer(OTHER);
      return synced(others).length === COUNT / 2;
    });
    expect(synced(others)).toEqual(others.slice(0, COUNT / 2).map(({ slotId }) => slotId));
    expect(most()).toBe(LIMITS.copiesAtOnce);
  });

  it('is not held up by one that its leader refuses', async () => {
    const { sync, ours, answer, synced } = newCopies();
    await until(() => {
      answer(LEADER);
      return synced(ours).length === COUNT - 1;
    });
    sync.stop();
  });
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
