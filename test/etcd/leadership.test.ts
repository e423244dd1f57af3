import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EtcdStore } from '../../core/host/etcd/etcd-store.ts';
import { type ProcessId, RegistryErrorCode } from '../../core/index.ts';
import { AnswerEater } from '../support/answer-eater.ts';
import { EtcdCluster } from '../support/etcd-process.ts';
import { etcdStore, freshCluster } from '../support/etcd-stores.ts';
import { eventually } from '../support/eventually.ts';

const A = 'a#1' as ProcessId;
const B = 'b#1' as ProcessId;
const VALID_MS = 2_000;
const put = (key: string, text: string) => ({ kind: 'put' as const, key, value: Buffer.from(text) });
const textOf = async (store: EtcdStore, key: string) => Buffer.from((await store.get(key))?.value ?? []).toString();

describe('leadership by etcd', () => {
  let etcd: EtcdCluster;
  beforeAll(async () => {
    etcd = await EtcdCluster.start();
  });
  afterAll(() => etcd.dispose());

  const pair = (endpoints = etcd.endpoints) => {
    const cluster = freshCluster();
    return [etcdStore({ endpoints, cluster, client: 'a' }), etcdStore({ endpoints: etcd.endpoints, cluster, client: 'b' })] as const;
  };

  it('goes to one of two, and tells the other who has it', async () => {
    const [a, b] = pair();
    const won = await a.campaign('meta', A, VALID_MS);
    expect(won).toMatchObject({ holder: A, validForMs: VALID_MS });
    expect(await b.campaign('meta', B, VALID_MS)).toEqual({ name: 'meta', holder: A, term: won.term, validForMs: 0 });
    await a.resign('meta');
    const next = await b.campaign('meta', B, VALID_MS);
    expect(next).toMatchObject({ holder: B, validForMs: VALID_MS });
    expect(next.term).toBeGreaterThan(won.term);
    await Promise.all([a.close(), b.close()]);
  });

  it('refuses the late write of a leader that was paused past its lease', async () => {
    const proxy = await AnswerEater.before(etcd.endpoints[0] ?? '');
    const [a, b] = pair([proxy.endpoint]);
    const { term } = await a.campaign('meta', A, VALID_MS);
    await a.commit([put('table', 'of a')], { name: 'meta', term });
    proxy.holdUp();
    const late = a.commit([put('table', 'of a, late')], { name: 'meta', term });
    // Its sender gives up meanwhile.
    const refused = expect(late).rejects.toMatchObject({ code: RegistryErrorCode.StoreUnavailable });
    const next = await eventually(async () => {
      const grant = await b.campaign('meta', B, VALID_MS);
      expect(grant.holder).toBe(B);
      return grant;
    });
    await b.commit([put('table', 'of b')], { name: 'meta', term: next.term });
    await refused;
    // Only now does it arrive.
    proxy.goOn();
    await expect(a.commit([put('table', 'of a, later still')], { name: 'meta', term })).rejects.toMatchObject({
      code: RegistryErrorCode.NotLeader,
    });
    expect(await textOf(b, 'table')).toBe('of b');
    expect(await b.campaign('meta', B, 60_000)).toMatchObject({ holder: B });
    expect(await a.campaign('meta', A, VALID_MS)).toMatchObject({ holder: B, validForMs: 0 });
    await Promise.all([a.close(), b.close(), proxy.close()]);
  });

  it('is taken over at once by the same node when it was started again', async () => {
    const cluster = freshCluster();
    const before = etcdStore({ endpoints: etcd.endpoints, cluster, client: 'a' });
    const { term } = await before.campaign('meta', A, 60_000);
    const again = etcdStore({ endpoints: etcd.endpoints, cluster, client: 'a' });
    const won = await again.campaign('meta', 'a#2' as ProcessId, 60_000);
    expect(won).toMatchObject({ holder: 'a#2', validForMs: 60_000 });
    expect(won.term).toBeGreaterThan(term);
    expect(await before.campaign('meta', A, 60_000)).toMatchObject({ validForMs: 60_000, holder: A });
    await Promise.all([before.close(), again.close()]);
  });
});

describe('an etcd of three members', () => {
  let etcd: EtcdCluster;
  beforeAll(async () => {
    etcd = await EtcdCluster.start({ members: 3 });
  });
  afterAll(() => etcd.dispose());

  it('loses its leader, and leadership, commits and watches go on', async () => {
    const cluster = freshCluster();
    const leader = await etcd.leader();
    const others = etcd.endpoints.filter((endpoint) => endpoint !== leader.endpoint);
    // The member that dies is the one that is asked first.
    const store = etcdStore({ endpoints: [leader.endpoint, ...others], cluster });
    const { term } = await store.campaign('meta', A, 5_000);
    const seen: string[] = [];
    const watch = store.watch('k', { changed: (keys) => seen.push(...keys), missed: () => seen.push('missed') });
    await eventually(async () => {
      await store.commit([put('k0', 'before')]);
      expect(seen).toContain('k0');
    });
    await etcd.kill(leader);
    const renewed = await eventually(() => store.campaign('meta', A, 5_000));
    expect(renewed).toMatchObject({ term, validForMs: 5_000 });
    await eventually(() => store.commit([put('k1', 'after')], { name: 'meta', term }));
    await eventually(() => expect(seen).toContain('k1'));
    expect(seen).not.toContain('missed');
    expect(await textOf(store, 'k1')).toBe('after');
    watch.close();
    await store.close();
    etcd.run(leader);
    await etcd.ready();
  });

  it('refuses when most of it is gone, and heals when it is back', async () => {
    const store = etcdStore({ endpoints: etcd.endpoints, cluster: freshCluster() });
    await store.commit([put('k', 'one')]);
    const lost = etcd.members.slice(1);
    for (const member of lost) await etcd.kill(member);
    await expect(store.commit([put('k', 'two')])).rejects.toMatchObject({ code: RegistryErrorCode.StoreUnavailable });
    for (const member of lost) etcd.run(member);
    const result = await eventually(() => store.commit([put('k', 'three')]));
    expect(result.committed).toBe(true);
    expect(await textOf(store, 'k')).toBe('three');
    await store.close();
  });
});
