import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createSessionListApp, type SessionListParts, weightsOf } from '../../../../adapters/sofa-bolt/session-list.ts';
import { http } from '../../../support/http.ts';

const PARTS: SessionListParts = {
  port: () => 9_600,
  connectionCount: () => 100,
  advertisedHost: 'own',
  otherSessions: () => ['a:9600', 'b:9600'],
  otherLoads: async () => new Map([['b:9600', 3]]),
};

async function list(path: string, parts: Partial<SessionListParts> = {}) {
  const server = createServer(createSessionListApp({ ...PARTS, ...parts }).callback());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const { status, text } = await http((server.address() as AddressInfo).port, { path: `/api/servers/${path}` });
    return `${status} ${text}`;
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

describe('the list of session servers', () => {
  it('has this one first, and each once', async () => {
    expect(await list('query')).toBe('200 own:9600;a:9600;b:9600');
    expect(await list('query', { otherSessions: () => ['a:9600', 'own:9600'] })).toBe('200 own:9600;a:9600');
  });

  it('has the connections of each as weight, and the median where they are not known', async () => {
    expect(await list('queryWithWeight')).toBe('200 own:9600?weight=100;a:9600?weight=3;b:9600?weight=3');
  });

  it('has the own number for all when nothing is known of the others', async () => {
    expect(await list('queryWithWeight', { otherLoads: async () => new Map() })).toBe(
      '200 own:9600?weight=100;a:9600?weight=100;b:9600?weight=100',
    );
  });
});

describe('the weights of session servers', () => {
  it.each([
    ['one alone has its connections', [5], [5]],
    ['two that differ by little are equal', [1_000, 1_200], [1_000, 1_000]],
    ['few connections more or less are no difference', [0, 10], [0, 0]],
    ['one that has just started attracts', [1_000, 1_020, 0], [1_000, 1_000, 0]],
    ['one that is full is avoided, the others are equal', [1_000, 1_010, 990, 2_000], [1_000, 1_000, 1_000, 2_000]],
    ['one that is not known is like the others', [1_000, undefined, 3_000], [1_000, 1_000, 3_000]],
    ['nobody is known', [undefined, undefined], [0, 0]],
    ['none', [], []],
  ])('%s', (_what, connections, weights) => {
    expect(weightsOf(connections)).toEqual(weights);
  });
});
