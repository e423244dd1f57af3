import { describe, expect, it } from 'vitest';
import { foldDataInfoId } from '../../../../core/model/data-info-id.ts';
import type { Publisher } from '../../../../core/model/publisher.ts';
import { explainName } from '../../../../core/session/explain.ts';
import { Joins } from '../../../../core/session/joins.ts';
import { type CrossProtocolConfig, DEFAULT_CROSS_PROTOCOL, Visibility } from '../../../../core/session/visibility.ts';
import { formatsOf, instanceAt, nameOf, publisherOf } from './formats.ts';

const ORDERS = nameOf('orders');
const formats = formatsOf(['red', 'blue']);
const red = publisherOf('red', 'r', '10.0.0.1:80');
const blue = publisherOf('blue', 'b', '10.0.0.2:80');

function explained(publishers: readonly Publisher[], config: CrossProtocolConfig = DEFAULT_CROSS_PROTOCOL, name = ORDERS, used = formats) {
  const names = [...new Set([name, ...publishers.map((publisher) => publisher.dataInfoId)])];
  const datums = names.map((dataInfoId) => ({
    dataInfoId,
    version: 7n,
    publishers: publishers.filter((publisher) => publisher.dataInfoId === dataInfoId),
  }));
  const group = { foldedId: foldDataInfoId(name), floor: 9n, held: true, datums };
  return explainName(group, name, 3, new Joins(used, new Visibility(config)));
}

const reasons = (...args: Parameters<typeof explained>) => explained(...args).readers['red']?.notShown;

describe('what a name holds', () => {
  it('says where it is, and who publishes what', () => {
    const version = { version: 0, stamp: Date.parse('2026-05-01T00:00:00Z') * 1_024 };
    const lease = { ...red, registerVersion: version, liveness: { kind: 'lease', durationMs: 90_000 }, zone: 'EAST' } as const;
    const { members, ...rest } = explained([lease]);
    expect(rest).toMatchObject({ dataInfoId: ORDERS, slotId: 3, version: '9', isHeld: true, staysWithItsOwnBecause: null });
    expect(members[0]?.publishers).toEqual([
      {
        registerId: 'r',
        format: 'red',
        livesBy: 'heartbeats, 90 s',
        session: 'n1#1',
        registeredAt: '2026-05-01T00:00:00.000Z',
        zone: 'EAST',
        appName: '',
        clientAddress: '',
        payloadBytes: 11,
        addresses: ['http://10.0.0.1:80'],
      },
    ]);
  });

  it('says what readers of each format are shown', () => {
    const upper = { ...publisherOf('red', 'r2', '10.0.0.3:80'), dataInfoId: nameOf('ORDERS') };
    const { readers } = explained([red, blue, upper]);
    expect(readers).toEqual({
      red: { own: ['r'], ownUnderOtherSpellings: ['r2'], derived: [{ registerId: '10.0.0.2:80', of: 'blue b' }], notShown: [] },
      blue: {
        own: ['b'],
        ownUnderOtherSpellings: [],
        derived: [
          { registerId: '10.0.0.3:80', of: 'red r2' },
          { registerId: '10.0.0.1:80', of: 'red r' },
        ],
        notShown: [],
      },
    });
  });
});

describe('why something is not shown', () => {
  it.each<[string, CrossProtocolConfig, string]>([
    ['orders', { services: 'off', names: '*' }, 'registry.crossProtocol is off'],
    ['orders', { services: 'http', names: 'billing' }, 'registry.crossProtocolNames leaves it out'],
    ['com.acme.Pay:1.0@DEFAULT', DEFAULT_CROSS_PROTOCOL, 'it has characters that no application name has: blanks or one of : @ / ? # , %'],
  ])('%s with %j', (dataId, config, because) => {
    const name = nameOf(dataId);
    expect(explained([], config, name).staysWithItsOwnBecause).toBe(because);
    expect(reasons([{ ...blue, dataInfoId: name }], config, name)).toEqual([{ of: 'blue b', because }]);
  });

  it('a name in another group', () => {
    const grouped = 'orders#@#DEFAULT_INSTANCE_ID#@#SOFA' as typeof ORDERS;
    expect(reasons([{ ...blue, dataInfoId: grouped }], undefined, grouped)).toEqual([
      { of: 'blue b', because: 'its group is not DEFAULT_GROUP' },
    ]);
  });

  it('a name in a namespace that differs in case', () => {
    const other = { ...blue, dataInfoId: 'orders#@#default_instance_id#@#DEFAULT_GROUP' as typeof ORDERS };
    expect(reasons([red, other])).toEqual([{ of: 'blue b', because: 'it is in another namespace' }]);
  });

  it('data that is no address', () => {
    expect(reasons([publisherOf('blue', 'b', 'opaque')])).toEqual([{ of: 'blue b', because: 'its data is no address' }]);
  });

  it('an address without HTTP, or without a form in the format', () => {
    const reader = {
      format: 'blue',
      readInstances: () => [instanceAt('10.0.0.2', { dubbo: 1 }), instanceAt('10.0.0.3', { http: 2 }, { enabled: false })],
    };
    const picky = { format: 'red', compose: () => [] };
    expect(reasons([blue], undefined, ORDERS, { readers: [reader], composers: [picky] })).toEqual([
      { of: 'blue b, dubbo://10.0.0.2:1', because: 'it has no HTTP or HTTPS port' },
      { of: 'blue b, http://10.0.0.3:2 out of service', because: 'it takes no calls now, or cannot be said in this format' },
    ]);
  });

  it('an address that is registered natively', () => {
    expect(reasons([red, publisherOf('blue', 'b', '10.0.0.1:80')])).toEqual([
      { of: 'blue b, http://10.0.0.1:80', because: 'another registration of this address or id is shown' },
    ]);
  });
});
