import { describe, expect, it } from 'vitest';
import { type DataInfoId, formatDataInfoId } from '../../../../core/model/data-info-id.ts';
import { CrossProtocol, DEFAULT_CROSS_PROTOCOL, Visibility } from '../../../../core/session/visibility.ts';
import { instanceAt } from './formats.ts';

function named(dataId: string, group = 'DEFAULT_GROUP', instanceId = 'DEFAULT_INSTANCE_ID'): DataInfoId {
  return formatDataInfoId({ dataId, instanceId, group });
}

describe('which names meet those of other protocols', () => {
  const visibility = new Visibility(DEFAULT_CROSS_PROTOCOL);

  it.each(['orders', 'Orders', 'order-service', 'com.acme.orders', 'orders_v2', '订单'])('%s does', (dataId) => {
    expect(visibility.publicNamespace(named(dataId))).toBe('DEFAULT_INSTANCE_ID');
  });

  it.each(['com.acme.Pay:1.0@DEFAULT', 'com.acme.Pay:1.0', 'orders@dubbo', 'a/b', 'a,b', 'a b', 'a?b', 'a#b', 'a%20b'])(
    '%s is an interface, or no name that every protocol can say',
    (dataId) => {
      expect(visibility.publicNamespace(named(dataId))).toBeUndefined();
    },
  );

  it.each(['SOFA', 'dubbo', 'default_group', 'SOFA.CONFIG'])('nothing in the group %s does', (group) => {
    expect(visibility.publicNamespace(named('orders', group))).toBeUndefined();
  });

  it('names their namespace', () => {
    expect(visibility.publicNamespace(named('orders', 'DEFAULT_GROUP', 'tenant-1'))).toBe('tenant-1');
  });

  it('does nothing when it is off', () => {
    const off = new Visibility({ ...DEFAULT_CROSS_PROTOCOL, services: CrossProtocol.Off });
    expect(off.publicNamespace(named('orders'))).toBeUndefined();
  });

  it.each([
    ['*', ['orders', 'billing-eu', 'Internal-x'], []],
    ['', [], ['orders']],
    ['orders,billing-*', ['orders', 'ORDERS', 'billing-', 'billing-eu'], ['orders2', 'my-billing-eu']],
    ['*, !internal-*', ['orders'], ['internal-a', 'Internal-b']],
    ['*,!internal-*,internal-api', ['orders', 'internal-api'], ['internal-b']],
    ['a.b', ['a.b'], ['axb']],
    ['!*', [], ['orders']],
  ])('lists names by the patterns %j', (names, listed, others) => {
    const visible = (dataId: string) => new Visibility({ services: 'http', names }).publicNamespace(named(dataId)) !== undefined;
    expect(listed.filter(visible)).toEqual(listed);
    expect(others.filter(visible)).toEqual([]);
  });

  it('is quick with patterns made to be slow', () => {
    const slow = new Visibility({ services: 'http', names: `${'*a'.repeat(30)}*b` });
    const started = performance.now();
    expect(slow.publicNamespace(named('a'.repeat(1_000)))).toBeUndefined();
    expect(performance.now() - started).toBeLessThan(100);
  });
});

describe('which instances cross', () => {
  const visibility = new Visibility(DEFAULT_CROSS_PROTOCOL);

  it.each([
    [{ http: 80 }, true],
    [{ https: 443 }, true],
    [{ http: 80, dubbo: 20_880 }, true],
    [{ dubbo: 20_880 }, false],
    [{ bolt: 12_200, tri: 50_051 }, false],
  ])('%j: %s', (ports, isVisible) => {
    expect(visibility.isVisible(instanceAt('10.0.0.1', ports))).toBe(isVisible);
  });
});
