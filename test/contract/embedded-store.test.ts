import { existsSync, mkdirSync, readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openEmbeddedStore } from '../../core/host/embedded-store.ts';
import { createNodeClock, type MetaStore, type ProcessId, RegistryErrorCode, type StoreWrite } from '../../core/index.ts';
import { type ScratchFolder, scratchFolder } from '../support/scratch-folder.ts';
import { SILENT_LOG } from '../support/standalone.ts';
import { StoreProcess, VALUE_REPEATS } from '../support/store-process.ts';

const put = (key: string, value = key): StoreWrite => ({ kind: 'put', key, value: Buffer.from(value) });
const open = (folder: string) => openEmbeddedStore({ folder, clock: createNodeClock(), log: SILENT_LOG });

let scratch: ScratchFolder;
let folder: string;
const processes: StoreProcess[] = [];
const stores: MetaStore[] = [];
beforeEach(() => {
  scratch = scratchFolder();
  folder = join(scratch.path, 'data');
});
afterEach(async () => {
  for (const process of processes.splice(0)) await process.kill();
  for (const store of stores.splice(0)) await store.close();
  scratch.remove();
});

async function opened(path = folder): Promise<MetaStore> {
  const store = await open(path);
  stores.push(store);
  return store;
}

function started(process: StoreProcess): StoreProcess {
  processes.push(process);
  return process;
}

/** All values as text by key, read by a store of its own that is closed again. */
async function contents(): Promise<{ readonly values: ReadonlyMap<string, string>; readonly revision: number }> {
  const store = await open(folder);
  try {
    const listed = await store.list('', { limit: 1_000_000 });
    return { values: new Map(listed.map(({ key, value }) => [key, Buffer.from(value).toString()])), revision: await store.revision() };
  } finally {
    await store.close();
  }
}

/** The commit numbers of a stream of store-writer.ts that are there, each checked to be whole. */
function wholeCommits(values: ReadonlyMap<string, string>, prefix: string): readonly number[] {
  const keys = [...values.keys()].filter((key) => key.startsWith(prefix));
  for (const key of keys) {
    expect(values.get(key)).toBe(key.repeat(VALUE_REPEATS));
    expect(values.get(`twin/${key}`)).toBe(key.repeat(VALUE_REPEATS));
  }
  expect([...values.keys()].filter((key) => key.startsWith(`twin/${prefix}`))).toHaveLength(keys.length);
  return keys.map((key) => Number(key.slice(prefix.length))).sort((a, b) => a - b);
}

describe('what is kept across openings', () => {
  it('is every value with its revision, and the revision goes on from there', async () => {
    const first = await opened();
    await first.commit([put('a', 'one'), put('b', 'two')]);
    await first.commit([put('a', 'three')]);
    await first.commit([{ kind: 'delete', key: 'b' }]);
    const before = { listed: await first.list('', { limit: 10 }), revision: await first.revision() };
    await first.close();

    const second = await opened();
    const listed = await second.list('', { limit: 10 });
    expect(listed.map(({ key, revision, value }) => [key, revision, Buffer.from(value).toString()])).toEqual([['a', 2, 'three']]);
    expect(listed.map(({ revision }) => revision)).toEqual(before.listed.map(({ revision }) => revision));
    expect(await second.revision()).toBe(before.revision);
    expect(await second.commit([{ ...put('a', 'four'), expectedRevision: 2 }])).toEqual({ committed: true, revision: before.revision + 1 });
  });

  it('is no key of the store itself, and no key of a caller is taken for one', async () => {
    const names = ['!format', '!revision', '!term', 'v/', 'v0', '~'];
    const first = await opened();
    await first.commit(names.map((name) => put(name)));
    await first.close();
    const { values, revision } = await contents();
    expect([...values.keys()]).toEqual([...names].sort());
    expect(revision).toBe(1);
  });

  it('grants a greater term with each opening', async () => {
    let term = 0;
    for (let opening = 0; opening < 3; opening += 1) {
      const store = await opened();
      const grant = await store.campaign('meta', 'n1#a' as ProcessId, 1_000);
      expect(grant?.term).toBeGreaterThan(term);
      term = grant?.term ?? 0;
      await store.close();
    }
  });

  it('is exactly what was acknowledged when it was closed in the middle of commits', async () => {
    const store = await opened();
    const keys = Array.from({ length: 40 }, (_, at) => `k${at}`);
    await store.commit([put('before')]);
    const outcomes = Promise.allSettled(keys.map((key) => store.commit([put(key)])));
    await store.close();
    const acknowledged = (await outcomes).flatMap((outcome, at) => (outcome.status === 'fulfilled' ? [keys[at]] : []));
    for (const outcome of await outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: RegistryErrorCode.StoreUnavailable });
    }
    expect([...(await contents()).values.keys()].sort()).toEqual(['before', ...acknowledged].sort());
  });
});

describe('kill -9 during a stream of commits', () => {
  it('loses no acknowledged commit and leaves none half done, round after round', async () => {
    const acknowledged = new Map<string, number>();
    for (const round of [0, 1, 2, 3]) {
      const prefix = `r${round}-`;
      const writer = started(StoreProcess.stream(folder, prefix));
      // A different point each time; the stream runs on at full speed, so the kill meets a commit in any of its steps.
      await writer.said(2 + Math.floor(Math.random() * 150));
      await writer.kill();
      for (const { key = '', revision = 0 } of writer.committed) acknowledged.set(key, revision);

      const store = await open(folder);
      const listed = new Map((await store.list('', { limit: 1_000_000 })).map((stored) => [stored.key, stored]));
      const values = new Map([...listed].map(([key, { value }]) => [key, Buffer.from(value).toString()]));
      const revision = await store.revision();
      await store.close();
      for (const [key, at] of acknowledged) expect([key, listed.get(key)?.revision]).toEqual([key, at]);
      const numbers = wholeCommits(values, prefix);
      // Commits are made one at a time: beyond the acknowledged ones at most the one whose answer was not said.
      expect(numbers).toEqual(numbers.map((_, at) => at));
      expect(numbers.length - writer.committed.length).toBeLessThanOrEqual(1);
      expect(revision).toBe(Math.max(...[...listed.values()].map((stored) => stored.revision)));
    }
    expect(acknowledged.size).toBeGreaterThanOrEqual(4);
  });

  it.each([1, 3, 7, 40, 200])('opens with everything but at most the last commit when its record is torn by %i bytes', async (torn) => {
    const writer = started(StoreProcess.stream(folder, 'k'));
    await writer.said(40);
    await writer.kill();
    const log = newestLog();
    truncateSync(log, statSync(log).size - torn);
    const { values, revision } = await contents();
    const numbers = wholeCommits(values, 'k');
    expect(numbers).toEqual(numbers.map((_, at) => at));
    // A commit of the stream takes above 200 bytes, so that at most the last one is torn.
    expect(numbers.length).toBeGreaterThanOrEqual(writer.committed.length - 1);
    expect(revision).toBe(numbers.length);
  });

  it('goes on committing after a torn record, and keeps that as well', async () => {
    const writer = started(StoreProcess.stream(folder, 'k'));
    await writer.said(20);
    await writer.kill();
    const log = newestLog();
    truncateSync(log, statSync(log).size - 5);
    const store = await opened();
    const before = await store.revision();
    expect(await store.commit([put('after')])).toEqual({ committed: true, revision: before + 1 });
    await store.close();
    const { values, revision } = await contents();
    expect(values.get('after')).toBe('after');
    expect(revision).toBe(before + 1);
    expect(wholeCommits(values, 'k')).toHaveLength(before);
  });
});

describe('a folder that cannot be had', () => {
  const refusal = async (path: string) => {
    const caught: unknown = await open(path).then(
      (store) => store.close().then(() => undefined),
      (reason: unknown) => reason,
    );
    expect(caught).toMatchObject({ name: 'RegistryError', message: expect.stringContaining(path) });
    return caught as Error & { readonly code: string };
  };

  it('is refused by name to a second opener of the same process, and the first goes on', async () => {
    const first = await opened();
    const { code, message } = await refusal(folder);
    expect(code).toBe(RegistryErrorCode.Unavailable);
    expect(message).toContain('in use');
    expect(await first.commit([put('k')])).toMatchObject({ committed: true });
  });

  it('is refused by name to another process, and the first goes on', async () => {
    const first = await opened();
    const other = started(StoreProcess.obey(folder));
    const event = await other.said(1);
    expect(event).toMatchObject({ kind: 'refused', code: RegistryErrorCode.Unavailable });
    expect(event.message).toContain(folder);
    expect(event.message).toContain('in use');
    expect(await first.commit([put('k')])).toMatchObject({ committed: true });
  });

  it('is free again after a close and after the death of its process', async () => {
    const other = started(StoreProcess.obey(folder));
    expect((await other.said(1)).kind).toBe('opened');
    expect((await refusal(folder)).message).toContain('in use');
    await other.kill();
    const first = await opened();
    await first.close();
    await opened();
  });

  it('is refused when a newer version wrote it, and nothing in it is changed', async () => {
    const store = await opened();
    await store.commit([put('k', 'value')]);
    await store.close();
    const newer = new Uint8Array([2]);
    await withLevel(folder, (level) => level.put('!format', newer));
    const before = await entries(folder);
    const { code, message } = await refusal(folder);
    expect(code).toBe(RegistryErrorCode.WrongCluster);
    expect(message).toMatch(/format 2\b.*up to 1\b/);
    // Reading the entries also shows that the refusal has let go of the folder.
    expect(await entries(folder)).toEqual(before);
    expect(before.get('!format')).toEqual([2]);
  });

  it('is refused by name when its path leads through a file', async () => {
    writeFileSync(join(scratch.path, 'file'), 'mine');
    expect((await refusal(join(scratch.path, 'file', 'data'))).code).toBe(RegistryErrorCode.Unavailable);
    expect((await refusal(join(scratch.path, 'file'))).code).toBe(RegistryErrorCode.Unavailable);
  });

  it('is refused by name when nothing can be written in it', async () => {
    // Works for every user, root as well, whom no permission stops: the file that must be written first is a folder.
    mkdirSync(join(folder, 'LOCK'), { recursive: true });
    expect((await refusal(folder)).code).toBe(RegistryErrorCode.Unavailable);
    expect(readdirSync(folder).filter((name) => name.endsWith('.ldb') || name === 'CURRENT')).toEqual([]);
  });

  it('is made with its parents when it is missing', async () => {
    const deep = join(scratch.path, 'a', 'b', 'c');
    await opened(deep);
    expect(existsSync(join(deep, 'CURRENT'))).toBe(true);
  });
});

function newestLog(): string {
  const [newest] = readdirSync(folder)
    .filter((name) => /^\d+\.log$/.test(name))
    .sort((a, b) => Number.parseInt(b, 10) - Number.parseInt(a, 10));
  if (newest === undefined) throw new Error('there is no log to tear');
  return join(folder, newest);
}

async function withLevel<T>(path: string, use: (level: ClassicLevel<string, Uint8Array>) => Promise<T>): Promise<T> {
  const level = new ClassicLevel<string, Uint8Array>(path, { keyEncoding: 'utf8', valueEncoding: 'view' });
  await level.open();
  try {
    return await use(level);
  } finally {
    await level.close();
  }
}

/** Everything in the folder as LevelDB holds it, below the store. */
function entries(path: string): Promise<ReadonlyMap<string, readonly number[]>> {
  return withLevel(path, async (level) => new Map((await level.iterator().all()).map(([key, value]) => [key, [...value]])));
}
