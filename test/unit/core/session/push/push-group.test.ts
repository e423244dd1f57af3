import { beforeEach, describe, expect, it } from 'vitest';
import { foldDataInfoId } from '../../../../../core/model/data-info-id.ts';
import { Scope, type Subscriber } from '../../../../../core/model/subscriber.ts';
import type { Push, PushOutcome, PushProfile, ServiceView } from '../../../../../core/seams/session-gateway.ts';
import { PushGroup } from '../../../../../core/session/push/push-group.ts';
import { HandClock } from '../../../../support/hand-clock.ts';
import { nameOf, publisherOf } from '../formats.ts';

const ORDERS = nameOf('orders');
const PROFILE: PushProfile = { emptyFirstPushWaitMs: 300, leastPushGapMs: 150, acknowledgeTimeoutMs: 2_000, retryDelaysMs: [500, 1_000] };

describe('the subscribers of a connection that are pushed together', () => {
  const listed = [publisherOf('red', 'a', '10.0.0.1:80')];
  let clock: HandClock;
  let view: ServiceView | undefined;
  let isStopped: boolean;
  let sent: { readonly push: Push; readonly done: (outcome: PushOutcome) => void }[];
  let group: PushGroup;

  beforeEach(() => {
    clock = new HandClock();
    view = undefined;
    isStopped = false;
    sent = [];
    group = new PushGroup(foldDataInfoId(ORDERS), ORDERS, {
      clock,
      profile: PROFILE,
      sink: (push, done) => void sent.push({ push, done }),
      watch: (flight, timeoutMs) => void clock.schedule(timeoutMs, () => (flight.hasLanded ? undefined : flight.expired())),
      view: () => view,
      isStopped: () => isStopped,
      acknowledged: () => undefined,
      sent: () => undefined,
    });
  });

  function subscriber(registerId: string): Subscriber {
    return { dataInfoId: ORDERS, registerId, scope: Scope.Global, zone: '', acceptsSeveralDataCenters: false, appName: '' };
  }

  /** The name now looks like this. */
  function show(version: bigint, publishers = listed): void {
    view = { dataInfoId: ORDERS, version, publishers, derived: [], memo: (_key, make) => make() };
    group.advance();
  }

  const answer = (outcome: PushOutcome) => sent.at(-1)?.done(outcome);
  const story = () => sent.map(({ push }) => `${push.cause} ${push.view.version} to ${push.subscribers.map((each) => each.registerId)}`);

  it('are sent each version once, also when its content is what they have', () => {
    show(1n);
    group.add(subscriber('s'));
    answer('acknowledged');
    clock.advance(150);
    show(1n);
    show(2n);
    answer('acknowledged');
    clock.advance(150);
    show(3n);
    expect(story()).toEqual(['first 1 to s', 'change 2 to s', 'change 3 to s']);
  });

  it('get the newest after an answer that took long, not what came before it', () => {
    show(1n);
    group.add(subscriber('s'));
    clock.advance(1_000);
    show(2n);
    show(3n);
    expect(story()).toEqual(['first 1 to s']);
    answer('acknowledged');
    expect(story()).toEqual(['first 1 to s', 'change 3 to s']);
  });

  it('are sent no two pushes within the least gap', () => {
    show(1n);
    group.add(subscriber('s'));
    answer('acknowledged');
    show(2n);
    clock.advance(149);
    expect(sent).toHaveLength(1);
    show(3n);
    clock.advance(1);
    expect(story()).toEqual(['first 1 to s', 'change 3 to s']);
  });

  it('wait with an empty first list, not with another', () => {
    show(1n, []);
    group.add(subscriber('s'));
    clock.advance(299);
    expect(sent).toEqual([]);
    clock.advance(1);
    expect(story()).toEqual(['first 1 to s']);
    answer('acknowledged');
    clock.advance(150);
    show(2n);
    answer('acknowledged');
    clock.advance(150);
    show(3n, []);
    expect(sent).toHaveLength(3);
  });

  it('are pushed to alone when they come later', () => {
    show(1n);
    group.add(subscriber('s'));
    answer('acknowledged');
    group.add(subscriber('t'));
    clock.advance(150);
    expect(story()).toEqual(['first 1 to s', 'first 1 to t']);
  });

  it('are sent again what failed, after the wait of each try, and then only by the repair', () => {
    show(1n);
    group.add(subscriber('s'));
    answer('failed');
    clock.advance(500);
    clock.advance(2_000);
    clock.advance(1_000);
    answer('failed');
    clock.advance(60_000);
    expect(story()).toEqual(['first 1 to s', 'repeat 1 to s', 'repeat 1 to s']);
    group.repair();
    answer('acknowledged');
    group.repair();
    expect(story().slice(3)).toEqual(['first 1 to s']);
  });

  it('are left alone while pushing is stopped, and when their connection has ended', () => {
    isStopped = true;
    show(1n);
    group.add(subscriber('s'));
    expect(sent).toEqual([]);
    isStopped = false;
    group.advance();
    answer('acknowledged');
    group.close();
    clock.advance(150);
    show(2n);
    expect(story()).toEqual(['first 1 to s']);
  });
});
