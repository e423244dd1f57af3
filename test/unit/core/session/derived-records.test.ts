import { describe, expect, it } from 'vitest';
import { foldDataInfoId } from '../../../../core/model/data-info-id.ts';
import type { Publisher } from '../../../../core/model/publisher.ts';
import { DerivedRecords, type RecordChange } from '../../../../core/session/derived-records.ts';
import { Joins } from '../../../../core/session/joins.ts';
import { DEFAULT_CROSS_PROTOCOL, Visibility } from '../../../../core/session/visibility.ts';
import { formatsOf, nameOf, publisherOf, textOf } from './formats.ts';

/** A reader of everything in red, over records that the test changes. */
class Reading {
  readonly #records = new Map<string, Publisher>();
  readonly #derived = new DerivedRecords('red', new Joins(formatsOf(['red', 'blue']), new Visibility(DEFAULT_CROSS_PROTOCOL)), (foldedId) =>
    [...this.#records.values()].filter((publisher) => foldDataInfoId(publisher.dataInfoId) === foldedId),
  );
  /** What the reader holds. */
  readonly shown = new Map<string, string>();

  /** In one batch; answers what the reader was told. */
  apply(...changes: readonly RecordChange[]): readonly string[] {
    for (const change of changes) {
      const key = (each: { dataInfoId: string; registerId: string }) => `${each.dataInfoId} ${each.registerId}`;
      if (change.kind === 'upsert') this.#records.set(key(change.publisher), change.publisher);
      else this.#records.delete(key(change));
    }
    return this.#derived.apply(changes).map((change) => {
      const { registerId } = change.kind === 'remove' ? change : change.publisher;
      if (change.kind === 'remove' || change.kind === 'derived-removed') this.shown.delete(registerId);
      else this.shown.set(registerId, textOf(change.publisher));
      return `${change.kind} ${registerId}`;
    });
  }
}

const put = (publisher: Publisher): RecordChange => ({ kind: 'upsert', publisher, version: 1n });
const gone = ({ dataInfoId, registerId, format }: Publisher): RecordChange => ({
  kind: 'remove',
  dataInfoId,
  registerId,
  format,
  version: 2n,
  reason: 'withdrawn',
});
const red = publisherOf('red', 'r', '10.0.0.1:80');
const blue = publisherOf('blue', 'b', '10.0.0.2:80');

describe('a reader of everything', () => {
  it('is told of its own format as it is, and of others as they are composed', () => {
    const reading = new Reading();
    expect(reading.apply(put(red), put(blue))).toEqual(['upsert r', 'derived 10.0.0.2:80']);
    expect(reading.shown.get('10.0.0.2:80')).toBe('red 10.0.0.2:80');
    expect(reading.apply(gone(blue))).toEqual(['derived-removed 10.0.0.2:80']);
    expect(reading.apply(gone(red))).toEqual(['remove r']);
  });

  it('hears nothing of a foreign publisher that registers the same anew', () => {
    const reading = new Reading();
    reading.apply(put(blue));
    expect(reading.apply(put({ ...blue, registerVersion: { version: 0, stamp: 9 } }))).toEqual([]);
  });

  it('hears of a change of its content', () => {
    const reading = new Reading();
    reading.apply(put(blue));
    const changed = { ...blue, payload: new TextEncoder().encode('10.0.0.3:80') };
    expect(reading.apply(put(changed))).toEqual(['derived 10.0.0.3:80', 'derived-removed 10.0.0.2:80']);
  });

  it('is shown the foreign one again when the own one of its address goes, whichever came first', () => {
    const twice = publisherOf('blue', 'b', '10.0.0.1:80');
    for (const order of [
      [red, twice],
      [twice, red],
    ]) {
      const reading = new Reading();
      for (const publisher of order) reading.apply(put(publisher));
      expect([...reading.shown.keys()]).toEqual(['r']);
      expect(reading.apply(gone(red))).toEqual(['remove r', 'derived 10.0.0.1:80']);
    }
  });

  it('is shown one of two that publish one address, and the other when that goes', () => {
    const reading = new Reading();
    const other = publisherOf('blue', 'c', '10.0.0.2:80', { appName: 'other' });
    reading.apply(put(blue), put(other));
    expect([...reading.shown.keys()]).toEqual(['10.0.0.2:80']);
    expect(reading.apply(gone(blue))).toEqual(['derived 10.0.0.2:80']);
    expect(reading.apply(gone(other))).toEqual(['derived-removed 10.0.0.2:80']);
  });

  it('joins spellings that differ in case', () => {
    const reading = new Reading();
    const lower = { ...publisherOf('blue', 'b', '10.0.0.1:80'), dataInfoId: nameOf('ORDERS') };
    reading.apply(put(red), put(lower));
    expect([...reading.shown.keys()]).toEqual(['r']);
  });

  it('ends with the last of several changes in one batch', () => {
    const reading = new Reading();
    reading.apply(put(blue), gone(blue));
    expect([...reading.shown.keys()]).toEqual([]);
    reading.apply(gone(blue), put(blue), gone(blue), put(blue));
    expect([...reading.shown.keys()]).toEqual(['10.0.0.2:80']);
  });

  it('hears nothing of names that stay with their own', () => {
    const reading = new Reading();
    const grouped = { ...blue, dataInfoId: 'orders#@#DEFAULT_INSTANCE_ID#@#SOFA' as Publisher['dataInfoId'] };
    expect(reading.apply(put(grouped))).toEqual([]);
    expect(reading.apply(gone(grouped))).toEqual([]);
  });
});
