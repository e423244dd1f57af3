import { describe, expect, it } from 'vitest';
import { foldDataInfoId } from '../../../../core/model/data-info-id.ts';
import type { Datum } from '../../../../core/model/datum.ts';
import { Joins } from '../../../../core/session/joins.ts';
import { buildView } from '../../../../core/session/service-view.ts';
import { CrossProtocol, DEFAULT_CROSS_PROTOCOL, Visibility } from '../../../../core/session/visibility.ts';
import { formatsOf, nameOf, publisherOf, textOf } from './formats.ts';

function joinsOf(formats = formatsOf(['red', 'blue', 'green']), config = DEFAULT_CROSS_PROTOCOL): Joins {
  return new Joins(formats, new Visibility(config));
}

const shown = (joins: Joins, ...args: Parameters<Joins['derive']>) => joins.derive(...args).map(textOf);

describe('what is derived for readers of a format', () => {
  it('is each instance of the others in the words of the format, with where it comes from', () => {
    const source = publisherOf('blue', 'b', '10.0.0.1:80 10.0.0.2:80');
    const derived = joinsOf().derive('red', [], [source]);
    expect(derived.map(textOf)).toEqual(['red 10.0.0.1:80', 'red 10.0.0.2:80']);
    const mark = { derived: true, format: 'red', dataInfoId: source.dataInfoId, source };
    expect(derived[0]).toEqual({ ...mark, registerId: '10.0.0.1:80', payload: new TextEncoder().encode('red 10.0.0.1:80') });
  });

  it('is in the order of format, name and registerId, whatever order they come in', () => {
    const b = publisherOf('green', 'a', '10.0.0.2:80');
    const a = publisherOf('blue', 'z', '10.0.0.3:80');
    const c = publisherOf('green', 'b', '10.0.0.1:80');
    expect(shown(joinsOf(), 'red', [], [c, b, a])).toEqual(['red 10.0.0.3:80', 'red 10.0.0.2:80', 'red 10.0.0.1:80']);
    expect(shown(joinsOf(), 'red', [], [a, b, c])).toEqual(['red 10.0.0.3:80', 'red 10.0.0.2:80', 'red 10.0.0.1:80']);
  });

  it('leaves out data that is no address', () => {
    expect(shown(joinsOf(), 'red', [], [publisherOf('blue', 'b', 'opaque data')])).toEqual([]);
  });

  it('leaves out what has the address of a publisher of the format: applications that move are registered twice', () => {
    const own = publisherOf('red', 'r', '10.0.0.1:80');
    const foreign = publisherOf('blue', 'b', '10.0.0.1:80 10.0.0.2:80');
    expect(shown(joinsOf(), 'red', [own], [foreign])).toEqual(['red 10.0.0.2:80']);
  });

  it('leaves out what has the registerId of a publisher of the format', () => {
    const own = publisherOf('red', '10.0.0.1:80', 'elsewhere:80');
    expect(shown(joinsOf(), 'red', [own], [publisherOf('blue', 'b', '10.0.0.1:80')])).toEqual([]);
  });

  it('shows one address once, of the first that has it', () => {
    const [first] = joinsOf().derive('red', [], [publisherOf('green', 'g', '10.0.0.1:80'), publisherOf('blue', 'b', '10.0.0.1:80')]);
    expect(first?.source.format).toBe('blue');
  });

  it('is nothing for a format without a composer, and of a format without a reader', () => {
    const formats = { readers: formatsOf(['blue']).readers, composers: formatsOf(['red']).composers };
    expect(shown(joinsOf(formats), 'green', [], [publisherOf('blue', 'b', '10.0.0.1:80')])).toEqual([]);
    expect(shown(joinsOf(formats), 'red', [], [publisherOf('green', 'g', '10.0.0.1:80')])).toEqual([]);
  });

  it('adds up what several composers of a format make', () => {
    const formats = formatsOf(['red', 'blue']);
    const second = { format: 'red', compose: () => [{ registerId: 'second', payload: new TextEncoder().encode('second') }] };
    const joins = joinsOf({ ...formats, composers: [...formats.composers, second] });
    expect(shown(joins, 'red', [], [publisherOf('blue', 'b', '10.0.0.1:80')])).toEqual(['red 10.0.0.1:80', 'second']);
  });

  it('is composed once per publisher and format', () => {
    let count = 0;
    const joins = joinsOf(formatsOf(['red', 'blue'], () => (count += 1)));
    const source = publisherOf('blue', 'b', '10.0.0.1:80');
    const first = joins.derive('red', [], [source]);
    expect(joins.derive('red', [], [source])).toEqual(first);
    expect(count).toBe(1);
  });
});

describe('the view of a name', () => {
  const orders = nameOf('orders');
  const group = (...datums: readonly Datum[]) => ({ foldedId: foldDataInfoId(orders), floor: 0n, held: false, datums });
  const datum = (dataId: string, version: bigint, ...publishers: readonly ReturnType<typeof publisherOf>[]): Datum => ({
    dataInfoId: nameOf(dataId),
    version,
    publishers: publishers.map((publisher) => ({ ...publisher, dataInfoId: nameOf(dataId) })),
  });
  const red = publisherOf('red', 'r', '10.0.0.1:80');
  const blue = publisherOf('blue', 'b', '10.0.0.2:80');

  it('has the own publishers of exactly this name, and of the others all spellings', () => {
    const view = buildView(
      group(datum('orders', 3n, red), datum('ORDERS', 5n, blue, { ...red, registerId: 'r2' })),
      orders,
      'red',
      joinsOf(),
    );
    expect(view.publishers.map((publisher) => publisher.registerId)).toEqual(['r']);
    expect(view.derived.map(textOf)).toEqual(['red 10.0.0.2:80']);
    expect(view.version).toBe(5n);
  });

  it('rises when a member empties', () => {
    const before = buildView(group(datum('orders', 3n, red), datum('ORDERS', 5n, blue)), orders, 'red', joinsOf());
    const after = buildView(group(datum('orders', 3n, red), datum('ORDERS', 6n)), orders, 'red', joinsOf());
    expect([before.derived.length, after.derived.length]).toEqual([1, 0]);
    expect(after.version).toBeGreaterThan(before.version);
  });

  it('has nothing of others when the name is no public one', () => {
    const grouped = 'orders#@#DEFAULT_INSTANCE_ID#@#SOFA' as typeof orders;
    const both = { ...datum('orders', 1n), dataInfoId: grouped, publishers: [red, blue].map((each) => ({ ...each, dataInfoId: grouped })) };
    const view = buildView(group(both), grouped, 'red', joinsOf());
    expect([view.publishers.length, view.derived.length]).toEqual([1, 0]);
  });

  it('has nothing of another namespace that differs in case', () => {
    const other = 'orders#@#default_instance_id#@#DEFAULT_GROUP' as typeof orders;
    const foreign = { dataInfoId: other, version: 2n, publishers: [{ ...blue, dataInfoId: other }] };
    expect(buildView(group(datum('orders', 1n, red), foreign), orders, 'red', joinsOf()).derived).toEqual([]);
  });

  it('says whether publishers of other formats were read for it, so that these are kept for the next', () => {
    const views = [group(datum('orders', 1n, red)), group(datum('orders', 1n, red), datum('ORDERS', 2n, blue))];
    expect(views.map((members) => buildView(members, orders, 'red', joinsOf()).isMixed)).toEqual([false, true]);
  });

  it('has nothing of others when that is switched off', () => {
    const off = joinsOf(undefined, { ...DEFAULT_CROSS_PROTOCOL, services: CrossProtocol.Off });
    expect(buildView(group(datum('orders', 1n, red, blue)), orders, 'red', off).derived).toEqual([]);
  });
});
