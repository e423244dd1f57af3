import { describe, expect, it } from 'vitest';
import type { DataInfoId } from '../../../../core/model/data-info-id.ts';
import { assertLimits, LIMITS } from '../../../../core/model/limits.ts';
import { type NodeId, nodeOf, type PeerId, type ProcessId, peerId, processId, Role } from '../../../../core/model/node.ts';
import { type Publisher, sameVisiblePublisher } from '../../../../core/model/publisher.ts';

const PUBLISHER: Publisher = {
  dataInfoId: 'a#@#b#@#c' as DataInfoId,
  registerId: 'r1',
  registerVersion: { version: 1, stamp: 2 },
  owner: 'n1#1' as ProcessId,
  liveness: { kind: 'connection' },
  format: 'sofa-bolt',
  payload: Uint8Array.of(1, 2, 3),
  zone: 'z',
  appName: 'app',
  clientAddress: '10.0.0.1:4000',
};

describe('what a reader sees of a publisher', () => {
  it.each<[string, Partial<Publisher>]>([
    ['its owner', { owner: 'n2#1' as ProcessId }],
    ['its register version', { registerVersion: { version: 9, stamp: 9 } }],
    ['its liveness', { liveness: { kind: 'lease', durationMs: 90_000 } }],
    ['its client address', { clientAddress: '10.0.0.2:4000' }],
    ['the array that holds equal payload bytes', { payload: Uint8Array.of(1, 2, 3) }],
  ])('does not change with %s', (_name, change) => {
    expect(sameVisiblePublisher(PUBLISHER, { ...PUBLISHER, ...change })).toBe(true);
  });

  it.each<[string, Partial<Publisher>]>([
    ['its format', { format: 'eureka' }],
    ['its zone', { zone: 'y' }],
    ['its application', { appName: 'other' }],
    ['its last payload byte', { payload: Uint8Array.of(1, 2, 4) }],
    ['its first payload byte', { payload: Uint8Array.of(0, 2, 3) }],
    ['a shorter payload', { payload: Uint8Array.of(1, 2) }],
    ['a longer payload', { payload: Uint8Array.of(1, 2, 3, 0) }],
    ['an empty payload', { payload: new Uint8Array(0) }],
  ])('changes with %s', (_name, change) => {
    expect(sameVisiblePublisher(PUBLISHER, { ...PUBLISHER, ...change })).toBe(false);
    expect(sameVisiblePublisher({ ...PUBLISHER, ...change }, PUBLISHER)).toBe(false);
  });
});

describe('the ids of nodes', () => {
  it.each([
    ['a peer', peerId('node-1' as NodeId, Role.Data), 'node-1/data', 'node-1'],
    ['a Session', peerId('node-1' as NodeId, Role.Session), 'node-1/session', 'node-1'],
    ['a process', processId('node-1' as NodeId, '1f'), 'node-1#1f', 'node-1'],
    ['a process whose incarnation holds a slash', processId('node-1' as NodeId, '1/2'), 'node-1#1/2', 'node-1'],
    ['a bare node', 'node-1' as PeerId, 'node-1', 'node-1'],
  ])('of %s are made of the node and lead back to it', (_name, id, text, node) => {
    expect(id).toBe(text);
    expect(nodeOf(id)).toBe(node);
  });
});

describe('the limits', () => {
  it('as they stand do not contradict each other', () => {
    expect(() => assertLimits()).not.toThrow();
  });

  it.each([
    ['a frame too small for a batch', { wireFrameBytes: 5 * 1024 * 1024 - 1 }, /a batch does not fit/],
    ['a page too large for a frame', { slotPageBytes: 61 * 1024 * 1024 }, /a slot page does not fit/],
    ['a chunk too large for etcd', { documentChunkBytes: 1_500_001 }, /a chunk of a document does not fit/],
    ['two of them at once', { wireFrameBytes: 1, documentChunkBytes: 2_000_000 }, /batch.*page.*chunk.*documents/],
  ])('with %s are refused at start', (_name, change, message) => {
    expect(() => assertLimits({ ...LIMITS, ...change } as typeof LIMITS)).toThrow(message);
  });

  it('are all positive whole numbers', () => {
    for (const [name, value] of Object.entries(LIMITS)) expect(Number.isSafeInteger(value) && value > 0, name).toBe(true);
  });
});
