import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EtcdKeys } from '../../core/host/etcd/etcd-format.ts';
import { EtcdGateway } from '../../core/host/etcd/etcd-gateway.ts';
import { type ProcessId, RegistryErrorCode } from '../../core/index.ts';
import { AnswerEater } from '../support/answer-eater.ts';
import { EtcdCluster } from '../support/etcd-process.ts';
import { etcdStore, freshCluster } from '../support/etcd-stores.ts';
import { eventually } from '../support/eventually.ts';

const put = (key: string, value: string | Uint8Array) => ({ kind: 'put' as const, key, value: Buffer.from(value) });
const isSame = (stored: { readonly value: Uint8Array } | undefined, value: Uint8Array) =>
  stored !== undefined && Buffer.compare(stored.value, value) === 0;
const large = (fill: number, bytes = 3_000_000) => new Uint8Array(bytes).map((_, at) => (at * fill) % 251);

describe('what can go wrong between the store and etcd', () => {
  let etcd: EtcdCluster;
  let gateway: EtcdGateway;
  beforeAll(async () => {
    etcd = await EtcdCluster.start();
    gateway = new EtcdGateway({ endpoints: etcd.endpoints });
  });
  afterAll(() => {
    gateway.close();
    return etcd.dispose();
  });
  const chunksOf = async (cluster: string) => {
    const { kvs = [] } = await gateway.ask<{ kvs?: readonly { readonly key: string }[] }>('kv/range', {
      ...new EtcdKeys(cluster).chunks(),
      keys_only: true,
    });
    return kvs.length;
  };

  it('a lost answer to a transaction that was carried out: it counts as committed, once', async () => {
    const proxy = await AnswerEater.before(etcd.endpoints[0] ?? '');
    const store = etcdStore({ endpoints: [proxy.endpoint], cluster: freshCluster() });
    const first = await store.commit([put('counter', '1')]);
    const revision = first.committed ? first.revision : 0;
    proxy.eats = 'request_put';
    const second = await store.commit([{ ...put('counter', '2'), expectedRevision: revision }]);
    expect(proxy.eaten).toBe(1);
    expect(second).toMatchObject({ committed: true });
    const stored = await store.get('counter');
    expect(Buffer.from(stored?.value ?? []).toString()).toBe('2');
    expect(stored?.revision).toBe(second.committed ? second.revision : 0);
    expect(await store.commit([{ ...put('counter', '3'), expectedRevision: revision }])).toMatchObject({ committed: false });
    await Promise.all([store.close(), proxy.close()]);
  });

  it('a lost answer to a transaction that lost its comparison: it is a conflict', async () => {
    const proxy = await AnswerEater.before(etcd.endpoints[0] ?? '');
    const store = etcdStore({ endpoints: [proxy.endpoint], cluster: freshCluster() });
    await store.commit([put('k', 'theirs')]);
    proxy.eats = 'request_put';
    expect(await store.commit([{ ...put('k', 'mine'), expectedRevision: 0 }])).toEqual({ committed: false, conflictingKey: 'k' });
    expect(proxy.eaten).toBe(1);
    await Promise.all([store.close(), proxy.close()]);
  });

  it('a write that was given up and arrives late does nothing', async () => {
    const proxy = await AnswerEater.before(etcd.endpoints[0] ?? '');
    const cluster = freshCluster();
    const store = etcdStore({ endpoints: [proxy.endpoint], cluster });
    const other = etcdStore({ endpoints: etcd.endpoints, cluster, client: 'n2' });
    await store.commit([put('k', 'one')]);
    proxy.holdUp();
    await expect(store.commit([put('k', 'late')])).rejects.toMatchObject({ code: RegistryErrorCode.StoreUnavailable });
    await other.commit([put('k', 'two')]);
    // Another way to etcd, on which this node resolves what it had under way before the late request arrives.
    const restarted = etcdStore({ endpoints: etcd.endpoints, cluster });
    await restarted.commit([put('k', 'three')]);
    proxy.goOn();
    await eventually(() => store.commit([put('other', 'x')]));
    expect(Buffer.from((await other.get('k'))?.value ?? []).toString()).toBe('three');
    await Promise.all([store.close(), other.close(), restarted.close(), proxy.close()]);
  });

  it('history that is compacted under a watch: the watcher is told that it missed something', async () => {
    const proxy = await AnswerEater.before(etcd.endpoints[0] ?? '');
    const cluster = freshCluster();
    const watching = etcdStore({ endpoints: [proxy.endpoint], cluster });
    const writing = etcdStore({ endpoints: etcd.endpoints, cluster, client: 'n2' });
    const seen: string[] = [];
    const watch = watching.watch('k', { changed: (keys) => seen.push(...keys), missed: () => seen.push('missed') });
    await eventually(async () => {
      await writing.commit([put('k0', 'x')]);
      expect(seen).toContain('k0');
    });
    proxy.holdUp();
    proxy.breakAll();
    await writing.commit([put('k1', 'x')]);
    const last = await writing.commit([put('k2', 'x')]);
    await gateway.ask('kv/compaction', { revision: String(last.committed ? last.revision : 0) });
    proxy.goOn();
    await eventually(() => expect(seen).toContain('missed'));
    await eventually(async () => {
      await writing.commit([put('k3', 'x')]);
      expect(seen).toContain('k3');
    });
    watch.close();
    await Promise.all([watching.close(), writing.close(), proxy.close()]);
  });

  it('large documents: chunks under a manifest, the old ones go with their value', async () => {
    const cluster = freshCluster();
    const store = etcdStore({ endpoints: etcd.endpoints, cluster });
    await store.commit([put('doc', large(1))]);
    expect(await chunksOf(cluster)).toBe(6);
    expect(isSame(await store.get('doc'), large(1))).toBe(true);
    // One chunk more, and all the others are the same content.
    const longer = Buffer.concat([large(1, 3 * 1024 * 1024), large(7, 10)]);
    await store.commit([put('doc', longer)]);
    expect(await chunksOf(cluster)).toBe(7);
    expect(isSame((await store.list('doc', { limit: 5 }))[0], longer)).toBe(true);
    await store.commit([put('doc', 'small')]);
    expect(await chunksOf(cluster)).toBe(0);
    await store.commit([put('doc', large(3))]);
    await store.commit([{ kind: 'delete', key: 'doc' }]);
    expect(await chunksOf(cluster)).toBe(0);
    await store.close();
  });

  it('writers of one large document at the same time: a reader sees one of them whole', async () => {
    const cluster = freshCluster();
    const stores = ['n1', 'n2', 'n3'].map((client) => etcdStore({ endpoints: etcd.endpoints, cluster, client }));
    const reader = etcdStore({ endpoints: etcd.endpoints, cluster, client: 'r' });
    const values = [large(1), large(1, 2_000_000), large(5)];
    const isWhole = (stored: { readonly value: Uint8Array } | undefined) => values.some((each) => isSame(stored, each));
    let isWriting = true;
    const writes = stores.map(async (store, at) => {
      for (let round = 0; round < 6; round += 1) await store.commit([put('doc', values[at] ?? '')]);
    });
    const reads = (async () => {
      for (let stored = await reader.get('doc'); isWriting; stored = await reader.get('doc')) {
        if (stored !== undefined) expect(isWhole(stored)).toBe(true);
      }
    })();
    await Promise.all(writes);
    isWriting = false;
    await reads;
    expect(isWhole(await reader.get('doc'))).toBe(true);
    for (const store of [...stores, reader]) await store.close();
  });

  it('chunks of a writer that died before its manifest are swept by the leader', async () => {
    const cluster = freshCluster();
    const store = etcdStore({ endpoints: etcd.endpoints, cluster, compactEveryMs: 50 });
    await store.commit([put('doc', large(1))]);
    const orphan = { key: new EtcdKeys(cluster).chunk('gone', 'ab'.repeat(32)), value: 'YQ==' };
    await gateway.ask('kv/put', orphan);
    expect(await chunksOf(cluster)).toBe(7);
    await store.campaign('meta', 'n1#a' as ProcessId, 5_000);
    await eventually(async () => expect(await chunksOf(cluster)).toBe(6));
    expect(isSame(await store.get('doc'), large(1))).toBe(true);
    await store.close();
  });

  it('history is compacted while somebody leads', async () => {
    const store = etcdStore({ endpoints: etcd.endpoints, cluster: freshCluster(), compactEveryMs: 50 });
    const first = await store.commit([put('k', '0')]);
    await store.campaign('meta', 'n1#a' as ProcessId, 5_000);
    await eventually(async () => {
      await store.commit([put('k', 'more')]);
      const asked = gateway.ask('kv/range', { key: 'YQ==', revision: String(first.committed ? first.revision : 0) });
      await expect(asked).rejects.toMatchObject({ message: expect.stringContaining('compacted') });
    });
    await store.close();
  });

  it.each([
    ['an unknown form', [9, 1, 2]],
    ['a manifest that promises more than a document may have', [1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0]],
    ['a manifest that ends early', [1, 10]],
    ['a manifest whose chunk is not there', [1, 3, 1, 2, 0xab, 0xcd]],
  ])('a stored value that is damaged, %s: a named error, and the others are read', async (_what, bytes) => {
    const cluster = freshCluster();
    const store = etcdStore({ endpoints: etcd.endpoints, cluster });
    await store.commit([put('good', 'here')]);
    await gateway.ask('kv/put', { key: new EtcdKeys(cluster).value('bad'), value: Buffer.from(bytes).toString('base64') });
    await expect(store.get('bad')).rejects.toMatchObject({ code: RegistryErrorCode.Malformed });
    expect(Buffer.from((await store.get('good'))?.value ?? []).toString()).toBe('here');
    await store.commit([put('bad', 'mended')]);
    expect(Buffer.from((await store.get('bad'))?.value ?? []).toString()).toBe('mended');
    await store.close();
  });

  it('something that is no etcd: a sentence that says what it answered', async () => {
    const store = etcdStore({ endpoints: ['http://127.0.0.1:1'], cluster: freshCluster() });
    await expect(store.get('k')).rejects.toMatchObject({
      code: RegistryErrorCode.StoreUnavailable,
      message: expect.stringContaining('ECONNREFUSED'),
    });
    await store.close();
  });
});

describe('an etcd that is full', () => {
  it('refuses writes by name while reads and leadership go on, and is cleaned up by itself', async () => {
    const etcd = await EtcdCluster.start({ quotaBytes: 6_000_000 });
    const store = etcdStore({ endpoints: etcd.endpoints, cluster: freshCluster() });
    const holder = 'n1#a' as ProcessId;
    await store.campaign('meta', holder, 5_000);
    await store.commit([put('kept', 'here')]);
    let written = 0;
    const fill = async () => {
      for (; written < 100; written += 1) await store.commit([put('doc', large(written + 1, 500_000))]);
    };
    await expect(fill()).rejects.toMatchObject({ code: RegistryErrorCode.StoreUnavailable, message: expect.stringContaining('NOSPACE') });
    expect(store.condition()).toMatchObject({ state: 'refusing-writes', reason: expect.stringContaining('NOSPACE') });
    expect(Buffer.from((await store.get('kept'))?.value ?? []).toString()).toBe('here');
    expect(await store.campaign('meta', holder, 5_000)).toMatchObject({ holder, validForMs: 5_000 });
    // Nearly all of it is history.
    await eventually(() => store.commit([put('kept', 'again')]), 20_000);
    expect(store.condition()).toEqual({ state: 'serving' });
    await store.close();
    await etcd.dispose();
  });
});
