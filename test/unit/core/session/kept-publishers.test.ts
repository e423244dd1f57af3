import { describe, expect, it } from 'vitest';
import { foldDataInfoId } from '../../../../core/model/data-info-id.ts';
import type { Datum } from '../../../../core/model/datum.ts';
import type { ProcessId } from '../../../../core/model/node.ts';
import { keepPublishers } from '../../../../core/session/kept-publishers.ts';
import { nameOf, publisherOf, textOf } from './formats.ts';

const ORDERS = nameOf('orders');

function group(...datums: readonly Datum[]) {
  return { foldedId: foldDataInfoId(ORDERS), floor: 3n, held: false, datums };
}

describe('a group that is fetched again', () => {
  const a = publisherOf('red', 'a', 'one');
  const b = publisherOf('red', 'b', 'two');

  it('keeps the publishers that are the same registrations, and has the rest as it was fetched', () => {
    const before = group({ dataInfoId: ORDERS, version: 1n, publishers: [a, b] });
    const changed = { ...b, registerVersion: { version: 0, stamp: 2 }, payload: new TextEncoder().encode('three') };
    const moved = { ...a, registerId: 'c' };
    const kept = keepPublishers(
      { ...group({ dataInfoId: ORDERS, version: 2n, publishers: [{ ...a }, changed, moved] }), held: true },
      before,
    );
    expect(kept).toMatchObject({ foldedId: foldDataInfoId(ORDERS), floor: 3n, held: true });
    const [datum] = kept.datums;
    expect(datum?.version).toBe(2n);
    expect(datum?.publishers[0]).toBe(a);
    expect(datum?.publishers.map((publisher) => [publisher.registerId, textOf(publisher)])).toEqual([
      ['a', 'one'],
      ['b', 'three'],
      ['c', 'one'],
    ]);
  });

  it('does not take the same number of another Session for the same', () => {
    const other = { ...a, owner: 'n2#1' as ProcessId, payload: new TextEncoder().encode('other') };
    const kept = keepPublishers(
      group({ dataInfoId: ORDERS, version: 2n, publishers: [other] }),
      group({ dataInfoId: ORDERS, version: 1n, publishers: [a] }),
    );
    expect(kept.datums[0]?.publishers.map(textOf)).toEqual(['other']);
  });

  it('does not mix spellings', () => {
    const upper = { ...a, dataInfoId: nameOf('ORDERS') };
    const kept = keepPublishers(
      group({ dataInfoId: upper.dataInfoId, version: 2n, publishers: [upper] }),
      group({ dataInfoId: ORDERS, version: 1n, publishers: [a] }),
    );
    expect(kept.datums[0]?.publishers[0]?.dataInfoId).toBe(upper.dataInfoId);
  });

  it('shares no memory with the message that brought a new publisher', () => {
    const payload = new TextEncoder().encode('fetched');
    const kept = keepPublishers(group({ dataInfoId: ORDERS, version: 2n, publishers: [{ ...a, payload }] }), group());
    payload.fill(0);
    expect(kept.datums[0]?.publishers.map(textOf)).toEqual(['fetched']);
  });
});
