import { describe, expect, it } from 'vitest';
import { BoltType } from '../../../../adapters/sofa-bolt/codec/frame.ts';
import { FrameReader } from '../../../../adapters/sofa-bolt/codec/frame-reader.ts';
import { decodeMultiReceivedData, decodeReceivedData } from '../../../../adapters/sofa-bolt/codec/received-data.ts';
import { encodeBoxes, SOFA_FORMAT } from '../../../../adapters/sofa-bolt/payload.ts';
import { encodePush } from '../../../../adapters/sofa-bolt/push-encoder.ts';
import { type DerivedPublisher, Scope, type ServiceView } from '../../../../core/index.ts';
import { nameOf, publisherOf } from '../../core/session/formats.ts';

const boxes = (data: string) => encodeBoxes([{ data }]);
const own = (zone: string) => ({ ...publisherOf(SOFA_FORMAT, zone, '', { zone }), payload: boxes(`own in ${zone}`) });
const derived: DerivedPublisher = {
  derived: true,
  dataInfoId: nameOf('orders'),
  registerId: '10.0.0.1:80',
  format: SOFA_FORMAT,
  payload: boxes('10.0.0.1:80'),
  source: publisherOf('eureka', 'e', ''),
};

/** Counts how often something is encoded for the view. */
function viewOf(
  publishers: ServiceView['publishers'],
  others: readonly DerivedPublisher[],
): ServiceView & { readonly encoded: () => number } {
  const kept = new Map<string, unknown>();
  return {
    dataInfoId: nameOf('orders'),
    version: 7n,
    publishers,
    derived: others,
    memo<T>(key: string, make: () => T): T {
      if (!kept.has(key)) kept.set(key, make());
      return kept.get(key) as T;
    },
    encoded: () => kept.size,
  };
}

function zonesPushed(view: ServiceView, scope: Scope, zone: string, acceptsSeveralDataCenters = false) {
  const subscriber = { dataInfoId: view.dataInfoId, registerId: 's', scope, zone, acceptsSeveralDataCenters, appName: '' };
  const parts = encodePush({ view, subscribers: [subscriber], cause: 'change' }, 'DC', { protocol: 1, version: 1, switches: 0 }, 1);
  const [frame] = new FrameReader().push(Buffer.concat(parts));
  if (frame?.type === BoltType.Response || frame === undefined) throw new Error('a push is a request');
  const data = acceptsSeveralDataCenters
    ? decodeMultiReceivedData(frame.content).multiData.get('DC')?.unzipData
    : decodeReceivedData(frame.content).data;
  return Object.fromEntries([...(data ?? [])].map(([name, list]) => [name, list.map((box) => box.data)]));
}

describe('the zones of a push', () => {
  it('are those of the publishers; what is derived stands in the zone of the reader', () => {
    const view = viewOf([own('EAST'), own('DEFAULT_ZONE')], [derived]);
    const west = { EAST: ['own in EAST'], DEFAULT_ZONE: ['own in DEFAULT_ZONE'], WEST: ['10.0.0.1:80'] };
    expect(zonesPushed(view, Scope.Global, 'WEST')).toEqual(west);
    expect(zonesPushed(view, Scope.DataCenter, 'EAST')).toEqual({
      EAST: ['own in EAST', '10.0.0.1:80'],
      DEFAULT_ZONE: ['own in DEFAULT_ZONE'],
    });
    expect(zonesPushed(view, Scope.Global, 'WEST', true)).toEqual(west);
  });

  it('are only the own one for the scope zone, with what is derived', () => {
    const view = viewOf([own('EAST'), own('DEFAULT_ZONE')], [derived]);
    expect(zonesPushed(view, Scope.Zone, 'EAST')).toEqual({ EAST: ['own in EAST', '10.0.0.1:80'] });
    expect(zonesPushed(view, Scope.Zone, 'WEST')).toEqual({ WEST: ['10.0.0.1:80'] });
  });

  it('are encoded once for readers of all zones when nothing is derived', () => {
    const view = viewOf([own('EAST')], []);
    zonesPushed(view, Scope.Global, 'EAST');
    zonesPushed(view, Scope.Global, 'WEST');
    // The data once, and the beginning of the frame, which names the reader's zone, twice.
    expect(view.encoded()).toBe(3);
    zonesPushed(view, Scope.Global, 'WEST');
    expect(view.encoded()).toBe(3);
  });

  it('holds many publishers of as many values as one may have', () => {
    const payload = encodeBoxes(Array.from({ length: 60_000 }, () => ({ data: null })));
    const publishers = ['a', 'b', 'c'].map((id) => ({ ...publisherOf(SOFA_FORMAT, id, '', { zone: 'Z' }), payload }));
    const subscriber = {
      dataInfoId: nameOf('orders'),
      registerId: 's',
      scope: Scope.Global,
      zone: 'Z',
      acceptsSeveralDataCenters: false,
      appName: '',
    };
    const push = { view: viewOf(publishers, []), subscribers: [subscriber], cause: 'first' as const };
    const bytes = encodePush(push, 'dc', { protocol: 1, version: 1, switches: 0 }, 1).reduce((sum, part) => sum + part.length, 0);
    // Each box names its class and its value: three bytes.
    expect(bytes).toBeGreaterThan(180_000 * 3);
  });
});
