import { describe, expect, it } from 'vitest';
import { PublisherRecord, StoredDatum, type StoredGroup } from '../../../../core/data/stored-datum.ts';
import type { DataInfoId } from '../../../../core/model/data-info-id.ts';
import { StoredPublisher } from '../../../../core/model/stored-publisher.ts';
import { PUBLISHER } from '../wire/samples.ts';

const NAME = PUBLISHER.dataInfoId;

function emptyDatum(): StoredDatum {
  const group = { foldedId: NAME.toLowerCase(), datums: new Map<DataInfoId, StoredDatum>(), floor: 0n } as unknown as StoredGroup;
  return new StoredDatum(NAME, group, 1n);
}

function recordOf(datum: StoredDatum, registerId: string): PublisherRecord {
  return new PublisherRecord(StoredPublisher.of({ ...PUBLISHER, registerId }), datum);
}

const idsOf = (datum: StoredDatum) => datum.value().publishers.map((publisher) => publisher.registerId);

describe('a stored datum', () => {
  it('has its publishers in the order of their registerIds, whatever the order in which they come and go', () => {
    const datum = emptyDatum();
    const records = ['m', 'B', 'z', '', 'mm', 'a', 'ä', 'M'].map((registerId) => recordOf(datum, registerId));
    for (const record of records) datum.add(record);
    expect(idsOf(datum)).toEqual(['', 'B', 'M', 'a', 'm', 'mm', 'z', 'ä']);
    expect(records.map((record) => datum.find(record.publisher.registerId))).toEqual(records);

    for (const record of [records[3], records[6], records[0]]) expect(record && datum.remove(record)).toBe(true);
    expect(idsOf(datum)).toEqual(['B', 'M', 'a', 'mm', 'z']);
    expect([datum.size, [...datum.records()].length]).toEqual([5, 5]);
  });

  it('finds nothing that is not there, before, between and behind what is', () => {
    const datum = emptyDatum();
    expect(datum.find('a')).toBeUndefined();
    for (const registerId of ['b', 'd']) datum.add(recordOf(datum, registerId));
    expect(['a', 'c', 'e'].map((registerId) => datum.find(registerId))).toEqual([undefined, undefined, undefined]);
  });

  it('removes a record once, and not another one under its registerId', () => {
    const datum = emptyDatum();
    const [old, other] = [recordOf(datum, 'a'), recordOf(datum, 'a')];
    datum.add(old);
    expect(datum.remove(other)).toBe(false);
    expect([datum.remove(old), datum.remove(old)]).toEqual([true, false]);
  });

  it('knows its flipped records until the last is forgotten', () => {
    const datum = emptyDatum();
    const [a, b] = [recordOf(datum, 'a'), recordOf(datum, 'b')];
    for (const record of [a, b]) datum.add(record);
    datum.markFlipped(a);
    datum.markFlipped(b);
    datum.forgetFlipped(a);
    expect([a.isFlipped, b.isFlipped, datum.hasFlipped]).toEqual([false, true, true]);
    datum.forgetFlipped(b);
    expect([b.isFlipped, datum.hasFlipped]).toEqual([false, false]);
  });

  it('gives a value that later changes do not touch', () => {
    const datum = emptyDatum();
    const record = recordOf(datum, 'a');
    datum.add(record);
    const { publishers } = datum.value();
    datum.remove(record);
    expect(publishers).toEqual([record.publisher]);
  });
});
