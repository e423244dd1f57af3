import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Leadership, LIMITS, type MetaStore, type ProcessId, RegistryErrorCode, type StoreWrite } from '../../core/index.ts';
import { eventually } from './eventually.ts';

export interface OpenedStore {
  readonly store: MetaStore;
  dispose(): Promise<void>;
}

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (value: Uint8Array | undefined) => (value === undefined ? undefined : new TextDecoder().decode(value));
const put = (key: string, value = key): StoreWrite => ({ kind: 'put', key, value: bytes(value) });
const remove = (key: string): StoreWrite => ({ kind: 'delete', key });
const only = (write: StoreWrite, expectedRevision: number): StoreWrite => ({ ...write, expectedRevision });

/** What every MetaStore promises: `seams/store.ts`. */
export function metaStoreContract(name: string, open: () => Promise<OpenedStore>): void {
  describe(name, () => {
    let opened: OpenedStore;
    let store: MetaStore;
    beforeEach(async () => {
      opened = await open();
      store = opened.store;
    });
    afterEach(() => opened.dispose());

    const committed = async (...writes: readonly StoreWrite[]): Promise<number> => {
      const result = await store.commit(writes);
      if (!result.committed) throw new Error(`conflict at ${result.conflictingKey}`);
      return result.revision;
    };
    const textOf = async (key: string) => text((await store.get(key))?.value);
    const everything = async () => (await store.list('', { limit: 1_000 })).map((stored) => `${stored.key}=${text(stored.value)}`);

    it('is empty at revision 0 and serves', async () => {
      expect(await store.revision()).toBe(0);
      expect(await store.get('absent')).toBeUndefined();
      expect(await store.list('', { limit: 10 })).toEqual([]);
      expect(store.condition()).toEqual({ state: 'serving' });
    });

    it('gives back what was put, with the key and the revision of the commit', async () => {
      const revision = await committed(put('k', 'one'));
      expect(await store.get('k')).toEqual({ key: 'k', value: expect.anything(), revision });
      expect(await textOf('k')).toBe('one');
      expect(await store.revision()).toBe(revision);
    });

    it('keeps empty values, binary values and keys outside ASCII', async () => {
      const all = Uint8Array.from({ length: 256 }, (_, at) => at);
      await committed({ kind: 'put', key: 'empty', value: new Uint8Array(0) }, { kind: 'put', key: 'all', value: all }, put('名前/é', 'ü'));
      expect((await store.get('empty'))?.value.length).toBe(0);
      expect([...((await store.get('all'))?.value ?? [])]).toEqual([...all]);
      expect(await textOf('名前/é')).toBe('ü');
    });

    it('puts with expected revision 0 only when the key is absent', async () => {
      const revision = await committed(only(put('k', 'first'), 0));
      expect(await store.commit([only(put('k', 'second'), 0)])).toEqual({ committed: false, conflictingKey: 'k' });
      expect(await textOf('k')).toBe('first');
      expect(await store.revision()).toBe(revision);
    });

    it('puts again with expected revision 0 after a delete', async () => {
      await committed(put('k', 'first'));
      await committed(remove('k'));
      expect(await store.get('k')).toBeUndefined();
      await committed(only(put('k', 'second'), 0));
      expect(await textOf('k')).toBe('second');
    });

    it('puts at exactly the expected revision, not at an older or later one', async () => {
      const first = await committed(put('k', 'first'));
      const second = await committed(only(put('k', 'second'), first));
      for (const wrong of [first, second + 1]) {
        expect(await store.commit([only(put('k', 'lost'), wrong)])).toEqual({ committed: false, conflictingKey: 'k' });
      }
      expect(await textOf('k')).toBe('second');
      await committed(only(put('k', 'third'), second));
      expect(await textOf('k')).toBe('third');
    });

    it('compares with the revision of the key, which commits of other keys do not raise', async () => {
      const mine = await committed(put('mine'));
      const other = await committed(put('other'));
      expect(other).toBeGreaterThan(mine);
      expect(await store.commit([only(put('mine', 'lost'), other)])).toEqual({ committed: false, conflictingKey: 'mine' });
      await committed(only(put('mine', 'won'), mine));
      expect(await textOf('mine')).toBe('won');
    });

    it('deletes at exactly the expected revision', async () => {
      const revision = await committed(put('k'));
      expect(await store.commit([only(remove('k'), revision + 1)])).toEqual({ committed: false, conflictingKey: 'k' });
      expect(await textOf('k')).toBe('k');
      await committed(only(remove('k'), revision));
      expect(await store.get('k')).toBeUndefined();
      expect(await store.commit([only(remove('k'), revision)])).toEqual({ committed: false, conflictingKey: 'k' });
    });

    it('applies several writes at one revision', async () => {
      await committed(put('old'));
      const revision = await committed(put('a'), put('b'), remove('old'));
      expect(await everything()).toEqual(['a=a', 'b=b']);
      expect((await store.get('a'))?.revision).toBe(revision);
      expect((await store.get('b'))?.revision).toBe(revision);
    });

    it('applies none of several writes when the last one conflicts, and names its key', async () => {
      const revision = await committed(put('kept', 'before'), put('taken', 'before'));
      const result = await store.commit([put('new'), put('kept', 'after'), remove('taken'), only(put('taken', 'after'), 0)]);
      expect(result).toEqual({ committed: false, conflictingKey: 'taken' });
      expect(await everything()).toEqual(['kept=before', 'taken=before']);
      expect(await store.revision()).toBe(revision);
    });

    it('lets exactly one of many concurrent writers win', async () => {
      const base = await committed(put('leader', 'nobody'));
      const results = await Promise.all(Array.from({ length: 20 }, (_, at) => store.commit([only(put('leader', `w${at}`), base)])));
      const winners = results.flatMap((result, at) => (result.committed ? [`w${at}`] : []));
      expect(winners).toHaveLength(1);
      expect(await textOf('leader')).toBe(winners[0]);
      for (const result of results) if (!result.committed) expect(result.conflictingKey).toBe('leader');
    });

    it('raises the revision with every commit, also of deletes and of concurrent ones', async () => {
      const revisions = [await committed(put('a')), await committed(remove('a')), await committed(remove('absent'))];
      revisions.push(...(await Promise.all(['x', 'y', 'z'].map((key) => committed(put(key))))));
      for (const [at, revision] of revisions.entries()) expect(revision).toBeGreaterThan(revisions[at - 1] ?? 0);
      expect(await store.revision()).toBe(revisions.at(-1));
    });

    it('lists by prefix in key order, whatever the order of the commits', async () => {
      for (const key of ['b/2', 'a', 'b/10', 'b', 'c', 'b/1', 'b0']) await committed(put(key));
      const keys = async (prefix: string) => (await store.list(prefix, { limit: 100 })).map((stored) => stored.key);
      expect(await keys('b/')).toEqual(['b/1', 'b/10', 'b/2']);
      expect(await keys('b')).toEqual(['b', 'b/1', 'b/10', 'b/2', 'b0']);
      expect(await keys('')).toEqual(['a', 'b', 'b/1', 'b/10', 'b/2', 'b0', 'c']);
      expect(await keys('d')).toEqual([]);
    });

    it('pages through a prefix without a gap or a repetition', async () => {
      const names = Array.from({ length: 23 }, (_, at) => `p/${String(at).padStart(2, '0')}`);
      await committed(...[...names].reverse().map((key) => put(key)), put('o/before'), put('q/behind'));
      const seen: string[] = [];
      const sizes: number[] = [];
      for (let after: string | undefined; ; after = seen.at(-1)) {
        const page = await store.list('p/', { limit: 10, ...(after === undefined ? {} : { after }) });
        if (page.length === 0) break;
        sizes.push(page.length);
        seen.push(...page.map((stored) => stored.key));
      }
      expect(seen).toEqual(names);
      expect(sizes).toEqual([10, 10, 3]);
    });

    it('goes on behind a key that was deleted between two pages', async () => {
      await committed(put('k1'), put('k2'), put('k3'));
      await committed(remove('k2'));
      expect((await store.list('k', { after: 'k2', limit: 10 })).map((stored) => stored.key)).toEqual(['k3']);
    });

    it('lists values with their own revisions', async () => {
      const first = await committed(put('k1', 'one'));
      const second = await committed(put('k2', 'two'));
      const listed = await store.list('k', { limit: 10 });
      expect(listed.map(({ key, revision, value }) => [key, revision, text(value)])).toEqual([
        ['k1', first, 'one'],
        ['k2', second, 'two'],
      ]);
    });

    it('takes a value of exactly the limit', async () => {
      await committed({ kind: 'put', key: 'big', value: new Uint8Array(LIMITS.documentBytes).fill(7) });
      expect((await store.get('big'))?.value.length).toBe(LIMITS.documentBytes);
    });

    it('refuses a value above the limit before anything of the commit is written', async () => {
      const revision = await committed(put('kept'));
      const tooLarge: StoreWrite = { kind: 'put', key: 'big', value: new Uint8Array(LIMITS.documentBytes + 1) };
      const refused = (async () => store.commit([put('kept', 'changed'), put('new'), tooLarge]))();
      await expect(refused).rejects.toMatchObject({
        code: RegistryErrorCode.LimitExceeded,
        message: expect.stringContaining('big'),
      });
      expect(await everything()).toEqual(['kept=kept']);
      expect(await store.revision()).toBe(revision);
      expect(await committed(put('next'))).toBeGreaterThan(revision);
    });

    it('keeps its own copy of a value once the commit is acknowledged', async () => {
      const value = bytes('before');
      await committed({ kind: 'put', key: 'k', value });
      value.fill(0);
      expect(await textOf('k')).toBe('before');
      expect(text((await store.list('k', { limit: 1 }))[0]?.value)).toBe('before');
    });

    it('grants leadership for the time asked, and renews it in the same term', async () => {
      const holder = 'n1#a' as ProcessId;
      const first = await store.campaign('meta', holder, 5_000);
      expect(first).toEqual({ name: 'meta', holder, term: expect.any(Number), validForMs: 5_000 });
      expect(first.term).toBeGreaterThan(0);
      expect(await store.campaign('meta', holder, 5_000)).toEqual(first);
    });

    it('commits within a term, and refuses a commit of another one before anything is written', async () => {
      const { term } = await store.campaign('meta', 'n1#a' as ProcessId, 5_000);
      const fenced = await store.commit([put('k', 'in office')], { name: 'meta', term });
      expect(fenced.committed).toBe(true);
      const late = (async () => store.commit([put('k', 'out of office'), put('other')], { name: 'meta', term: term + 1 }))();
      await expect(late).rejects.toMatchObject({ code: RegistryErrorCode.NotLeader });
      expect(await everything()).toEqual(['k=in office']);
    });

    it('can be resigned and taken again, in a term that does not fall', async () => {
      const terms: Leadership[] = [];
      for (let round = 0; round < 3; round += 1) {
        terms.push(await store.campaign('meta', `n1#${round}` as ProcessId, 5_000));
        await store.resign('meta');
      }
      for (const [at, { term, validForMs }] of terms.entries()) {
        expect(validForMs).toBe(5_000);
        expect(term).toBeGreaterThanOrEqual(terms[at - 1]?.term ?? 0);
      }
    });

    it('tells watchers of a prefix the keys of each commit in order, until they are closed', async () => {
      const seen: (readonly [readonly string[], number])[] = [];
      const watch = store.watch('w/', { changed: (keys, revision) => seen.push([[...keys].sort(), revision]), missed: () => undefined });
      // A watch may need a moment before it sees anything.
      let warmUps = 0;
      await eventually(async () => {
        warmUps += 1;
        await committed(put('w/warm-up', String(warmUps)));
        expect(seen.length).toBeGreaterThan(0);
      });
      const first = await committed(put('w/a'), put('o/ther'), put('w/b'));
      await committed(put('o/ther', 'again'));
      const second = await committed(remove('w/a'));
      await eventually(() => expect(seen.at(-1)).toEqual([['w/a'], second]));
      expect(seen.at(-2)).toEqual([['w/a', 'w/b'], first]);
      const count = seen.length;
      watch.close();
      await committed(put('w/c'));
      expect(seen.length).toBe(count);
    });

    it('refuses commits once it is closed, and says so', async () => {
      await committed(put('k'));
      await store.close();
      expect(store.condition()).toEqual({ state: 'closed' });
      const refused = (async () => store.commit([put('late')]))();
      await expect(refused).rejects.toMatchObject({ code: RegistryErrorCode.StoreUnavailable });
    });

    it('may be closed twice', async () => {
      await store.close();
      await store.close();
      expect(store.condition()).toEqual({ state: 'closed' });
    });
  });
}
