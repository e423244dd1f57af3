import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSlotCache } from '../../core/host/slot-cache.ts';
import type { Log, SlotCache } from '../../core/index.ts';
import { type ScratchFolder, scratchFolder } from '../support/scratch-folder.ts';
import { MemorySlotCache, SILENT_LOG } from '../support/standalone.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (value: Uint8Array) => new TextDecoder().decode(value);

async function loaded(cache: SlotCache): Promise<{ readonly snapshot: readonly string[]; readonly journal: readonly string[] }> {
  const { snapshot, journal } = await cache.load();
  return { snapshot: snapshot.map(text), journal: journal.map(text) };
}

interface CacheWorld {
  /** The cache as the next run of the process finds it. */
  next(): SlotCache;
  dispose(): void;
}

function signal(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

/** What every SlotCache promises: `seams/store.ts`. */
function slotCacheContract(name: string, create: () => CacheWorld): void {
  describe(name, () => {
    let world: CacheWorld;
    let cache: SlotCache;
    beforeEach(() => {
      world = create();
      cache = world.next();
    });
    afterEach(async () => {
      await cache.close();
      world.dispose();
    });

    /** Closed in order, or, without `close`, as after the death of the process. */
    const restart = async (close = true) => {
      if (close) await cache.close();
      cache = world.next();
      return loaded(cache);
    };

    it('has nothing at first', async () => {
      expect(await loaded(cache)).toEqual({ snapshot: [], journal: [] });
      expect(cache.journalBytes()).toBe(0);
    });

    it.each([true, false])('gives the next run its records in order, closed in order: %s', async (close) => {
      const records = Array.from({ length: 50 }, (_, at) => `record ${at}`);
      for (const record of records) cache.append(bytes(record));
      expect(await restart(close)).toEqual({ snapshot: [], journal: records });
    });

    it('keeps records of every size and content', async () => {
      const records = [Uint8Array.of(0), Uint8Array.from({ length: 256 }, (_, at) => at), new Uint8Array(300_000).fill(9)];
      for (const record of records) cache.append(record);
      await restart();
      expect((await cache.load()).journal.map((record) => [...record])).toEqual(records.map((record) => [...record]));
    });

    it('keeps its own copy of a record', async () => {
      const record = bytes('before');
      cache.append(record);
      record.fill(0);
      expect((await restart()).journal).toEqual(['before']);
    });

    it('replaces snapshot and journal by a rotation', async () => {
      cache.append(bytes('old'));
      await cache.rotate([bytes('snapshot 1')]);
      expect(await restart()).toEqual({ snapshot: ['snapshot 1'], journal: [] });
      await cache.rotate([bytes('snapshot 2')]);
      expect(await restart(false)).toEqual({ snapshot: ['snapshot 2'], journal: [] });
    });

    it('keeps records of after a rotation for the new snapshot', async () => {
      cache.append(bytes('old'));
      await cache.rotate([bytes('snapshot')]);
      cache.append(bytes('new 1'));
      cache.append(bytes('new 2'));
      expect(await restart(false)).toEqual({ snapshot: ['snapshot'], journal: ['new 1', 'new 2'] });
    });

    it('keeps a record that was appended while a rotation was under way', async () => {
      cache.append(bytes('old'));
      const rotation = cache.rotate([bytes('snapshot')]);
      cache.append(bytes('meanwhile'));
      await rotation;
      expect(await restart()).toEqual({ snapshot: ['snapshot'], journal: ['meanwhile'] });
    });

    it('goes on with the journal of the run before', async () => {
      cache.append(bytes('first run'));
      await restart(false);
      cache.append(bytes('second run'));
      expect((await restart(false)).journal).toEqual(['first run', 'second run']);
    });

    it('takes a snapshot in pieces, and lets other work go on between them', async () => {
      const names = Array.from({ length: 20 }, (_, at) => `piece ${at}`);
      let turns = 0;
      const pieces = function* () {
        for (const [at, name] of names.entries()) {
          expect(turns).toBeGreaterThanOrEqual(at);
          cache.append(bytes(`after ${name}`));
          yield bytes(name);
        }
      };
      const turn = () => {
        turns += 1;
        if (turns < 10_000) setImmediate(turn);
      };
      setImmediate(turn);
      cache.append(bytes('old'));
      await cache.rotate(pieces());
      turns = 10_000;
      expect(await restart()).toEqual({ snapshot: names, journal: names.map((name) => `after ${name}`) });
    });

    it('has the old snapshot and all that came since while a new one is written', async () => {
      await cache.rotate([bytes('snapshot 1')]);
      cache.append(bytes('before'));
      const { promise: reached, resolve: reach } = signal();
      const pieces = function* () {
        yield bytes('half');
        reach();
        yield bytes('whole');
      };
      const rotation = cache.rotate(pieces());
      await reached;
      cache.append(bytes('meanwhile'));
      expect(await loaded(cache)).toEqual({ snapshot: ['snapshot 1'], journal: ['before', 'meanwhile'] });
      await rotation;
      expect(await loaded(cache)).toEqual({ snapshot: ['half', 'whole'], journal: ['meanwhile'] });
    });

    it('counts the bytes since the last rotation', async () => {
      cache.append(new Uint8Array(100));
      const one = cache.journalBytes();
      expect(one).toBeGreaterThanOrEqual(100);
      cache.append(new Uint8Array(100));
      expect(cache.journalBytes()).toBe(2 * one);
      await cache.rotate([new Uint8Array(1_000)]);
      expect(cache.journalBytes()).toBe(0);
      cache.append(new Uint8Array(100));
      expect(cache.journalBytes()).toBe(one);
    });

    it('may be closed twice', async () => {
      cache.append(bytes('kept'));
      await cache.close();
      expect((await restart()).journal).toEqual(['kept']);
    });
  });
}

slotCacheContract('MemorySlotCache', () => {
  const cache = new MemorySlotCache();
  return { next: () => cache, dispose: () => undefined };
});

slotCacheContract('the slot cache in a folder', () => {
  const scratch = scratchFolder();
  const folder = join(scratch.path, 'slots');
  const opened: SlotCache[] = [];
  const next = () => {
    const cache = openSlotCache({ folder, log: SILENT_LOG });
    opened.push(cache);
    return cache;
  };
  const dispose = () => {
    for (const cache of opened) void cache.close();
    scratch.remove();
  };
  return { next, dispose };
});

describe('the slot cache in a folder, after what a disk can do to it', () => {
  let scratch: ScratchFolder;
  let folder: string;
  let said: string[];
  const opened: SlotCache[] = [];
  beforeEach(() => {
    scratch = scratchFolder();
    folder = join(scratch.path, 'slots');
    said = [];
  });
  afterEach(async () => {
    for (const cache of opened.splice(0)) await cache.close();
    scratch.remove();
  });

  const open = (path = folder) => {
    const note = (level: string) => (message: string) => void said.push(`${level}: ${message}`);
    const log: Log = { ...SILENT_LOG, info: note('info'), warn: note('warn'), error: note('error') };
    const cache = openSlotCache({ folder: path, log });
    opened.push(cache);
    return cache;
  };
  const written = async (...records: readonly string[]) => {
    const cache = open();
    for (const record of records) cache.append(bytes(record));
    await cache.close();
    return join(folder, onlyFile('journal-'));
  };
  const onlyFile = (start: string) => {
    const [name, ...others] = readdirSync(folder).filter((file) => file.startsWith(start));
    if (name === undefined || others.length > 0) throw new Error(`expected one file ${start}*, there are ${[name, ...others].join(', ')}`);
    return name;
  };

  it('drops the last record at whatever byte it was torn, keeps the others and says so', async () => {
    const journal = await written('first', 'second', 'third');
    const whole = readFileSync(journal);
    const lastBytes = (whole.length - 'first'.length - 'second'.length - 'third'.length) / 3 + 'third'.length;
    for (let torn = 1; torn < lastBytes; torn += 1) {
      writeFileSync(journal, whole.subarray(0, whole.length - torn));
      said.length = 0;
      expect((await loaded(open())).journal).toEqual(['first', 'second']);
      expect(new Set(said).size).toBe(1);
      expect(said[0]).toMatch(/^warn: .*torn/);
    }
    truncateSync(journal, whole.length - lastBytes);
    said.length = 0;
    expect((await loaded(open())).journal).toEqual(['first', 'second']);
    expect(said).toEqual([]);
  });

  it('drops the rest of a journal from a flipped bit on, wherever it is', async () => {
    const journal = await written('first', 'second', 'third');
    const whole = readFileSync(journal);
    const frame = (whole.length - 'firstsecondthird'.length) / 3;
    const secondAt = frame + 'first'.length;
    const thirdAt = secondAt + frame + 'second'.length;
    for (let at = 0; at < whole.length; at += 1) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ (1 << (at % 8));
      writeFileSync(journal, damaged);
      const expected = at < secondAt ? [] : at < thirdAt ? ['first'] : ['first', 'second'];
      expect([at, (await loaded(open())).journal]).toEqual([at, expected]);
    }
  });

  it('does not believe a length that reaches beyond the end', async () => {
    const journal = await written('first');
    writeFileSync(journal, Buffer.from([0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 1, 2, 3]), { flag: 'a' });
    expect((await loaded(open())).journal).toEqual(['first']);
  });

  it('treats a damaged snapshot as none, and gives what the journal has', async () => {
    const cache = open();
    await cache.rotate([bytes('snapshot')]);
    cache.append(bytes('record'));
    await cache.close();
    const snapshot = join(folder, onlyFile('snapshot-'));
    const whole = readFileSync(snapshot);
    writeFileSync(snapshot, whole.subarray(0, whole.length - 1));
    expect(await loaded(open())).toEqual({ snapshot: [], journal: ['record'] });
    whole[whole.length - 1] = (whole.at(-1) ?? 0) ^ 1;
    writeFileSync(snapshot, whole);
    expect(await loaded(open())).toEqual({ snapshot: [], journal: ['record'] });
  });

  it('does not fail at a damaged note of the generation', async () => {
    await written('record');
    for (const damaged of ['', 'x', '-1']) {
      writeFileSync(join(folder, 'generation'), damaged);
      expect(await loaded(open())).toEqual({ snapshot: [], journal: ['record'] });
    }
  });

  /** What a rotation leaves when the process dies after each of its steps; the record appended before it must always be found. */
  describe('a crash in the middle of a rotation', () => {
    const interrupted = () => join(scratch.path, 'interrupted');
    const finished = () => join(scratch.path, 'finished');
    /** The folder before the third rotation, to which files of the folder after it are brought step by step. */
    beforeEach(async () => {
      const cache = open();
      await cache.rotate([bytes('snapshot 1')]);
      await cache.rotate([bytes('snapshot 2')]);
      cache.append(bytes('since 2'));
      cpSync(folder, interrupted(), { recursive: true });
      await cache.rotate([bytes('snapshot 3')]);
      cache.append(bytes('since 3'));
      await cache.close();
      cpSync(folder, finished(), { recursive: true });
    });
    const take = (name: string, as = name) => copyFileSync(join(finished(), name), join(interrupted(), as));
    const UNROTATED = { snapshot: ['snapshot 2'], journal: ['since 2'] };
    const ROTATED = { snapshot: ['snapshot 3'], journal: ['since 3'] };
    const STEPS: readonly (readonly [string, typeof UNROTATED, () => void])[] = [
      ['the new journal is there', UNROTATED, () => writeFileSync(join(interrupted(), 'journal-3'), '')],
      ['half of the new snapshot is written', UNROTATED, () => writeFileSync(join(interrupted(), 'snapshot-3.new'), 'half')],
      ['the new snapshot is written', UNROTATED, () => take('snapshot-3', 'snapshot-3.new')],
      ['the new snapshot has its name', UNROTATED, () => take('snapshot-3')],
      ['half of the generation is written', UNROTATED, () => writeFileSync(join(interrupted(), 'generation.new'), '')],
      ['the generation is raised', { ...ROTATED, journal: [] }, () => take('generation')],
      ['the old snapshot is gone', { ...ROTATED, journal: [] }, () => rmSync(join(interrupted(), 'snapshot-2'))],
    ];

    it.each(STEPS.map(([step, expected], at) => [step, expected, at] as const))('after %s', async (_step, expected, last) => {
      for (const [, , apply] of STEPS.slice(0, last + 1)) apply();
      const cache = open(interrupted());
      expect(await loaded(cache)).toEqual(expected);
      // The next run goes on from there: it appends, rotates, and a further run finds that.
      cache.append(bytes('next run'));
      await cache.close();
      const second = open(interrupted());
      expect(await loaded(second)).toEqual({ ...expected, journal: [...expected.journal, 'next run'] });
      await second.rotate([bytes('snapshot 4')]);
      second.append(bytes('since 4'));
      await second.close();
      expect(await loaded(open(interrupted()))).toEqual({ snapshot: ['snapshot 4'], journal: ['since 4'] });
    });

    it('reads both journals in order while the new one has records and the generation is the old one', async () => {
      take('journal-3');
      const cache = open(interrupted());
      expect(await loaded(cache)).toEqual({ snapshot: ['snapshot 2'], journal: ['since 2', 'since 3'] });
      const size = cache.journalBytes();
      cache.append(bytes('next run'));
      expect(cache.journalBytes()).toBeGreaterThan(size);
      await cache.close();
      expect(await loaded(open(interrupted()))).toEqual({ snapshot: ['snapshot 2'], journal: ['since 2', 'since 3', 'next run'] });
    });

    it('has the files that these steps are made of', () => {
      expect(readdirSync(interrupted()).sort()).toEqual(['generation', 'journal-2', 'snapshot-2']);
      expect(readdirSync(finished()).sort()).toEqual(['generation', 'journal-3', 'snapshot-3']);
    });
  });

  it('does not throw when a record cannot be written, says it once, and says when it works again', async () => {
    const cache = open();
    rmSync(folder, { recursive: true });
    for (const record of ['lost 1', 'lost 2', 'lost 3']) cache.append(bytes(record));
    expect(said).toEqual([expect.stringMatching(/^error: .*cannot be written/)]);
    mkdirSync(folder);
    cache.append(bytes('kept'));
    expect(said.slice(1)).toEqual([expect.stringMatching(/^info: .*works again/)]);
    expect((await loaded(open())).journal).toEqual(['kept']);
  });

  it('does not throw when a snapshot cannot be written, and keeps the old one with its journal', async () => {
    const cache = open();
    await cache.rotate([bytes('snapshot 1')]);
    cache.append(bytes('before'));
    const size = cache.journalBytes();
    // The place where the next snapshot is written first is taken by a folder.
    mkdirSync(join(folder, 'snapshot-2.new'));
    await cache.rotate([bytes('snapshot 2')]);
    expect(said).toEqual([expect.stringMatching(/^error: .*snapshot could not be written/)]);
    expect(cache.journalBytes()).toBe(size);
    cache.append(bytes('after'));
    expect(await loaded(open())).toEqual({ snapshot: ['snapshot 1'], journal: ['before', 'after'] });
    rmSync(join(folder, 'snapshot-2.new'), { recursive: true });
    await cache.rotate([bytes('snapshot 3')]);
    expect(await loaded(open())).toEqual({ snapshot: ['snapshot 3'], journal: [] });
  });

  it('leaves nothing behind of snapshots that could not be finished, however many', async () => {
    const cache = open();
    await cache.rotate([bytes('snapshot 1')]);
    cache.append(bytes('before'));
    const broken = function* () {
      yield bytes('half');
      throw new Error('the disk is full');
    };
    for (let at = 0; at < 3; at += 1) await cache.rotate(broken());
    expect(said).toEqual(Array.from({ length: 3 }, () => expect.stringMatching(/^error: .*snapshot could not be written/)));
    expect(readdirSync(folder).sort()).toEqual(['generation', 'journal-1', 'journal-2', 'snapshot-1']);
    cache.append(bytes('after'));
    expect(await loaded(open())).toEqual({ snapshot: ['snapshot 1'], journal: ['before', 'after'] });
  });

  it('leaves no file of an earlier rotation behind', async () => {
    const cache = open();
    for (let at = 0; at < 5; at += 1) {
      cache.append(bytes(`record ${at}`));
      await cache.rotate([bytes(`snapshot ${at}`)]);
    }
    expect(readdirSync(folder)).toHaveLength(3);
    expect(existsSync(join(folder, 'generation'))).toBe(true);
  });
});
