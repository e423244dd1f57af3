import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { SlotStore } from '../../../../core/data/slot-store.ts';
import type { Publisher } from '../../../../core/model/publisher.ts';
import { type SharedTexts, StoredPublisher } from '../../../../core/model/stored-publisher.ts';
import { PUBLISHER } from '../wire/samples.ts';

const COUNT = 2_000;
const PAYLOAD_BYTES = 4_000;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function liveBytes(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

/** As read from a message: texts and bytes of its own. */
function publisher(index: number): Publisher {
  const payload = new TextEncoder().encode(`${index} `.padEnd(PAYLOAD_BYTES, 'x'));
  return { ...PUBLISHER, registerId: `register-${index}`, payload };
}

/** What a store takes of what a Session of the same process holds already. */
function bytesBesideSession(texts: SharedTexts): number {
  const held = Array.from({ length: COUNT }, (_, index) => StoredPublisher.of(publisher(index)));
  const before = liveBytes();
  const store = new SlotStore(texts);
  for (let index = 0; index < COUNT; index += 1) store.publish(publisher(index), { wallMs: 1, monotonicMs: 1 });
  const bytes = liveBytes() - before;
  expect([held.length, store.publisherCount]).toEqual([COUNT, COUNT]);
  return bytes;
}

it('a store keeps no second copy of data that a Session of its process holds, when it is told of one', () => {
  expect(bytesBesideSession('all')).toBeLessThan(0.2 * COUNT * PAYLOAD_BYTES);
});

it('a store without a Session beside it looks for no data that it might share', () => {
  expect(bytesBesideSession('names')).toBeGreaterThan(0.9 * COUNT * PAYLOAD_BYTES);
});
