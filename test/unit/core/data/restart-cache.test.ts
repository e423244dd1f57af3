import { describe, expect, it } from 'vitest';
import { RestartCache } from '../../../../core/data/restart-cache.ts';
import { SlotStore } from '../../../../core/data/slot-store.ts';
import { LIMITS } from '../../../../core/model/limits.ts';
import type { Publisher } from '../../../../core/model/publisher.ts';
import { HandClock } from '../../../support/hand-clock.ts';
import { MemorySlotCache, SILENT_LOG } from '../../../support/standalone.ts';
import { LEASE } from '../wire/samples.ts';

const COUNT = 3_000;
const MOMENT = { wallMs: 1_780_000_000_000, monotonicMs: 5 };

const lease = (registerId: string, version = 1): Publisher => ({
  ...LEASE,
  registerId,
  registerVersion: { version, stamp: 1 },
  payload: new TextEncoder().encode(`${registerId} ${version}`),
});

/** A slot of many publishers, of which the cache knows nothing yet, and what happens between two pieces of what is written. */
function filled(between: (piece: number) => void = () => undefined) {
  let piece = 0;
  const next = async () => {
    piece += 1;
    between(piece);
    await new Promise((resolve) => setImmediate(resolve));
  };
  const cache = new MemorySlotCache(next);
  const clock = new HandClock();
  clock.soon = (run) => void next().then(run);
  const restart = new RestartCache(cache, clock, SILENT_LOG);
  const store = new SlotStore();
  for (let at = 0; at < COUNT; at += 1) store.publish(lease(`r${at}`), MOMENT);
  const put = (publisher: Publisher) => {
    store.publish(publisher, MOMENT);
    restart.put(publisher);
    restart.flush(store.highestVersion);
  };
  const remove = (registerId: string) => {
    const record = store.find(LEASE.dataInfoId, registerId);
    if (record === undefined) throw new Error(`${registerId} is not there`);
    store.drop(record, MOMENT);
    restart.gone(record.publisher);
    restart.flush(store.highestVersion);
  };
  /** What the next run finds, by registerId. */
  const restored = async () => {
    const { leases } = await new RestartCache(cache, clock, SILENT_LOG).load(1_000_000);
    return leases.map(({ registerId, payload }) => `${registerId}: ${new TextDecoder().decode(payload)}`).sort();
  };
  const held = () => [...store.publishers()].map(({ registerId, payload }) => `${registerId}: ${new TextDecoder().decode(payload)}`).sort();
  return { cache, restart, store, put, remove, restored, held, pieces: () => piece };
}

/** Changes in the middle of writing: of what has been written, of what has not, of what is new. */
function changing(parts: () => ReturnType<typeof filled>) {
  return (piece: number) => {
    if (piece !== 1) return;
    const { put, remove } = parts();
    for (const place of [0, 1, COUNT / 2, COUNT - 2, COUNT - 1]) put(lease(`r${place}`, 2));
    for (const place of [2, 3, COUNT / 2 + 1, COUNT - 3]) remove(`r${place}`);
    put(lease('new'));
  };
}

describe('a snapshot for the restart', () => {
  it('is written in pieces of bounded size', async () => {
    const { cache, restart, store, put } = filled();
    put(lease('r0', 2));
    await restart.rotate(store.publishers(), store.highestVersion);
    const { snapshot } = await cache.load();
    expect(snapshot.length).toBeGreaterThan(3);
    for (const piece of snapshot) expect(piece.length).toBeLessThan(1.1 * LIMITS.snapshotPieceBytes);
  });

  it('holds with the journal what is there in the end, whatever changes while it is written', async () => {
    const parts: ReturnType<typeof filled> = filled(changing(() => parts));
    parts.put(lease('r5', 2));
    await parts.restart.rotate(parts.store.publishers(), parts.store.highestVersion);
    expect(parts.pieces()).toBeGreaterThan(3);
    expect(await parts.restored()).toEqual(parts.held());
  });

  it('is not written again when nothing has changed', async () => {
    const { restart, store, put, pieces } = filled();
    await restart.rotate(store.publishers(), store.highestVersion);
    expect(pieces()).toBe(0);
    put(lease('r5', 2));
    await restart.rotate(store.publishers(), store.highestVersion);
    const written = pieces();
    expect(written).toBeGreaterThan(0);
    restart.alive(store.highestVersion);
    restart.flush(store.highestVersion);
    await restart.rotate(store.publishers(), store.highestVersion);
    expect(pieces()).toBe(written);
  });
});

describe('what a node has followed and leads from now on', () => {
  it('is noted in pieces, and what changes meanwhile counts', async () => {
    const parts: ReturnType<typeof filled> = filled(changing(() => parts));
    const { cache, restart, store, restored, held } = parts;
    restart.keep(store.publishers(), () => store.highestVersion);
    while ((await restored()).length < COUNT - 3) await new Promise((resolve) => setImmediate(resolve));
    expect(await restored()).toEqual(held());
    for (const record of (await cache.load()).journal) expect(record.length).toBeLessThan(1.1 * LIMITS.snapshotPieceBytes);
  });

  it('is in the last snapshot also when the node stops before all of it is noted', async () => {
    const { restart, store, restored, held } = filled();
    restart.keep(store.publishers(), () => store.highestVersion);
    restart.stop();
    await restart.rotate(store.publishers(), store.highestVersion);
    expect(await restored()).toEqual(held());
  });
});
