import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openEmbeddedStore } from '../../core/host/embedded-store.ts';
import { createNodeClock, type Log, type MetaStore, RegistryErrorCode, type StoreWrite } from '../../core/index.ts';
import { eventually } from '../support/eventually.ts';
import { type FullDisk, limitFileSizeOf, mountSmallDisk } from '../support/full-disk.ts';
import { HandClock } from '../support/hand-clock.ts';
import { type ScratchFolder, scratchFolder } from '../support/scratch-folder.ts';
import { SILENT_LOG } from '../support/standalone.ts';
import { StoreProcess } from '../support/store-process.ts';

const put = (key: string, value = key): StoreWrite => ({ kind: 'put', key, value: Buffer.from(value) });
const NO_SPACE = 'IO error: No space left on device';
const REFUSED = { code: RegistryErrorCode.StoreUnavailable, message: expect.stringContaining(NO_SPACE) };

let scratch: ScratchFolder;
let folder: string;
beforeEach(() => {
  scratch = scratchFolder();
  folder = join(scratch.path, 'data');
});
afterEach(() => scratch.remove());

/** The disk fails where LevelDB meets it, at a moment the test chooses; time is moved by hand. */
describe('an embedded store whose writes fail', () => {
  let clock: HandClock;
  let store: MetaStore;
  let said: string[];
  beforeEach(async () => {
    clock = new HandClock();
    said = [];
    const note = (level: string) => (message: string) => void said.push(`${level}: ${message}`);
    const log: Log = { ...SILENT_LOG, info: note('info'), warn: note('warn'), error: note('error') };
    store = await openEmbeddedStore({ folder, clock, log });
    await store.commit([put('kept', 'before')]);
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await store.close();
  });

  const breakWrites = () => vi.spyOn(ClassicLevel.prototype, 'batch').mockRejectedValue(new Error(NO_SPACE) as never);
  const breakOpening = () => vi.spyOn(ClassicLevel.prototype, 'open').mockRejectedValue(new Error(NO_SPACE) as never);
  const failOnce = async () => {
    const broken = breakWrites();
    await expect(store.commit([put('lost')])).rejects.toMatchObject(REFUSED);
    broken.mockRestore();
  };
  const serving = () => eventually(() => expect(store.condition()).toEqual({ state: 'serving' }));
  const reopened = async () => {
    await store.close();
    store = await openEmbeddedStore({ folder, clock, log: SILENT_LOG });
    return (await store.list('', { limit: 100 })).map(({ key, value }) => `${key}=${Buffer.from(value).toString()}`);
  };

  it('refuses commits with the reason, says so in its condition and log, and reads on', async () => {
    const revision = await store.revision();
    await failOnce();
    expect(store.condition()).toEqual({ state: 'refusing-writes', reason: NO_SPACE });
    await expect(store.commit([put('lost')])).rejects.toMatchObject(REFUSED);
    expect(Buffer.from((await store.get('kept'))?.value ?? []).toString()).toBe('before');
    expect((await store.list('', { limit: 10 })).map(({ key }) => key)).toEqual(['kept']);
    expect(await store.revision()).toBe(revision);
    expect(said.filter((line) => line.startsWith('error:'))).toHaveLength(1);
  });

  it('does not ask the disk again before its time, then heals by itself', async () => {
    await failOnce();
    const asked = vi.spyOn(ClassicLevel.prototype, 'batch');
    await expect(store.commit([put('lost')])).rejects.toMatchObject(REFUSED);
    expect(asked).not.toHaveBeenCalled();
    expect(clock.waitsMs).toEqual([100]);
    clock.advance(99);
    expect(store.condition().state).toBe('refusing-writes');
    clock.advance(1);
    await serving();
    expect(await store.commit([put('after')])).toEqual({ committed: true, revision: 2 });
    expect(said.at(-1)).toMatch(/^info: .*works again/);
    expect(await reopened()).toEqual(['after=after', 'kept=before']);
  });

  it.each([
    ['cannot be written', breakWrites],
    ['cannot be opened', breakOpening],
  ] as const)('tries again ever more slowly, at most every 5 s, while the folder %s', async (_why, breakIt) => {
    await failOnce();
    const broken = breakIt();
    const waits: number[] = [];
    for (let attempt = 0; attempt < 8; attempt += 1) {
      await eventually(() => expect(clock.waitsMs).toHaveLength(1));
      const [waitMs = 0] = clock.waitsMs;
      waits.push(waitMs);
      clock.advance(waitMs);
      expect(store.condition().state).toBe('refusing-writes');
    }
    expect(waits).toEqual([100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
    await eventually(() => expect(clock.waitsMs).toHaveLength(1));
    expect(store.condition()).toMatchObject({ reason: expect.stringContaining(NO_SPACE) });

    broken.mockRestore();
    clock.advance(5_000);
    await serving();
    expect(await store.commit([put('after')])).toEqual({ committed: true, revision: 2 });
    // The next failure is met with the short wait again.
    await failOnce();
    expect(clock.waitsMs).toEqual([100]);
    expect(await reopened()).toEqual(['after=after', 'kept=before']);
  });

  it('takes back a commit that reached the disk although it was reported as failed', async () => {
    const { batch } = ClassicLevel.prototype;
    // Written whole, then the sync fails: the caller was told "refused", so it must not appear after a restart.
    const broken = vi.spyOn(ClassicLevel.prototype, 'batch').mockImplementation(async function (this: ClassicLevel, ...args: unknown[]) {
      await Reflect.apply(batch, this, args);
      throw new Error(NO_SPACE);
    } as never);
    await expect(store.commit([put('ghost'), put('kept', 'ghost')])).rejects.toMatchObject(REFUSED);
    broken.mockRestore();
    clock.advance(100);
    await serving();
    expect(Buffer.from((await store.get('kept'))?.value ?? []).toString()).toBe('before');
    expect(await store.commit([put('after')])).toEqual({ committed: true, revision: 2 });
    expect(await reopened()).toEqual(['after=after', 'kept=before']);
    expect(await store.revision()).toBe(2);
  });

  it('refuses what was waiting behind the commit that failed', async () => {
    const broken = breakWrites();
    const outcomes = await Promise.allSettled(['a', 'b', 'c'].map((key) => store.commit([put(key)])));
    for (const outcome of outcomes) expect(outcome).toMatchObject({ status: 'rejected', reason: REFUSED });
    expect(broken).toHaveBeenCalledTimes(1);
  });

  it('still answers a conflict as a conflict once it has healed', async () => {
    await failOnce();
    clock.advance(100);
    await serving();
    expect(await store.commit([{ ...put('kept', 'lost'), expectedRevision: 0 }])).toEqual({ committed: false, conflictingKey: 'kept' });
    expect(await store.commit([{ ...put('kept', 'after'), expectedRevision: 1 }])).toEqual({ committed: true, revision: 2 });
  });

  it('can be closed while it refuses writes, and does not open the folder again afterwards', async () => {
    await failOnce();
    await store.close();
    expect(store.condition()).toEqual({ state: 'closed' });
    const opening = vi.spyOn(ClassicLevel.prototype, 'open');
    clock.advance(60_000);
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(opening).not.toHaveBeenCalled();
    expect(await reopened()).toEqual(['kept=before']);
  });

  it('lets go of the folder when it is closed in the middle of opening it again', async () => {
    await failOnce();
    const { open } = ClassicLevel.prototype;
    let go: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    const opening = vi.spyOn(ClassicLevel.prototype, 'open').mockImplementation(async function (this: ClassicLevel, ...args: unknown[]) {
      await gate;
      return Reflect.apply(open, this, args);
    } as never);
    clock.advance(100);
    await eventually(() => expect(opening).toHaveBeenCalled());
    const closing = store.close();
    go();
    await closing;
    opening.mockRestore();
    expect(await reopened()).toEqual(['kept=before']);
  });

  it('can be closed after its folder could not be opened again', async () => {
    await failOnce();
    const broken = breakOpening();
    clock.advance(100);
    await eventually(() => expect(clock.waitsMs).toEqual([200]));
    await store.close();
    broken.mockRestore();
    expect(await reopened()).toEqual(['kept=before']);
  });
});

/** A real disk without room: a file system of its own where this user may mount one, else a file size limit of the process. */
describe('an embedded store on a full disk', () => {
  let writer: StoreProcess;
  let disks: FullDisk[];
  beforeEach(() => {
    disks = [];
  });
  afterEach(async () => {
    await writer.kill();
    for (const disk of disks) disk.remove();
  });

  const ways = {
    'on the smallest file system this user can have': () => mountSmallDisk(folder, 4),
    'under a limit of its process': () => undefined,
  } as const;

  it.each(Object.entries(ways))('heals by itself from a lack of room %s, and has lost nothing acknowledged', async (_way, mount) => {
    const mounted = mount();
    if (mounted !== undefined) disks.push(mounted);
    writer = StoreProcess.obey(folder);
    expect((await writer.said(1)).kind).toBe('opened');
    const disk = mounted ?? limitFileSizeOf(writer.pid);
    const acknowledged = new Map<string, number>();
    const write = async (key: string, size: number) => {
      const event = await writer.ask(`put ${key} ${size}`);
      if (event.kind === 'committed') acknowledged.set(key, size);
      return event;
    };
    for (let at = 0; at < 10; at += 1) expect((await write(`before${at}`, 2_000)).kind).toBe('committed');

    for (const round of [0, 1]) {
      disk.fill();
      // LevelDB may have a little room left in its last block.
      let refused = await write(`during${round}-0`, 6_000);
      for (let at = 1; refused.kind === 'committed' && at < 50; at += 1) refused = await write(`during${round}-${at}`, 6_000);
      expect(refused).toMatchObject({ kind: 'error', code: RegistryErrorCode.StoreUnavailable });
      const condition = await writer.ask('condition');
      expect(condition).toMatchObject({ state: 'refusing-writes' });
      expect(refused.message).toContain('refused');
      expect(condition.reason).not.toBe('');
      expect(await writer.ask('get before0')).toMatchObject({ kind: 'value', bytes: 2_000 });
      expect(await write(`still${round}`, 6_000)).toMatchObject({ kind: 'error', code: RegistryErrorCode.StoreUnavailable });

      disk.free();
      await eventually(async () => expect((await writer.ask('condition')).state).toBe('serving'));
      expect((await write(`after${round}`, 2_000)).kind).toBe('committed');
    }

    await writer.kill();
    const store = await openEmbeddedStore({ folder, clock: createNodeClock(), log: SILENT_LOG });
    const listed = (await store.list('', { limit: 1_000 })).map(({ key, value }) => [key, value.length]);
    await store.close();
    expect(listed).toEqual([...acknowledged].sort(([a], [b]) => (a < b ? -1 : 1)));
  });
});
