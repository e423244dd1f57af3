import { describe, expect, it } from 'vitest';
import { LeaseKeeper } from '../../../../core/data/lease-keeper.ts';
import type { PublisherRecord } from '../../../../core/data/stored-datum.ts';
import { type LeaseDomain, LeaseDomains, segmentOf } from '../../../../core/lease/lease-domain.ts';
import { DEFAULT_LEASE_GUARD, explainSilence } from '../../../../core/lease/lease-guard.ts';
import type { DataInfoId } from '../../../../core/model/data-info-id.ts';
import type { ProcessId } from '../../../../core/model/node.ts';
import type { Publisher } from '../../../../core/model/publisher.ts';
import { HandClock } from '../../../support/hand-clock.ts';
import { SILENT_LOG } from '../../../support/standalone.ts';

const DURATION_MS = 90_000;
const RENEWAL_MS = 30_000;
const STEP_MS = 100;

interface Client {
  readonly record: PublisherRecord;
  readonly phaseMs: number;
  isSilent: boolean;
}

interface Place {
  readonly service: string;
  readonly session?: string;
  readonly zone?: string;
  readonly segment?: string;
}

/** Clients that renew every 30 s at moments of their own, against the keeper; steps are short, so that no sleep is forgiven. */
class Estate {
  readonly clock = new HandClock();
  readonly clients: Client[] = [];
  readonly gone: Client[] = [];
  readonly keeper: LeaseKeeper;

  constructor(mostHoldMs = DEFAULT_LEASE_GUARD.mostHoldMs) {
    this.keeper = new LeaseKeeper(this.clock, SILENT_LOG, { ...DEFAULT_LEASE_GUARD, mostHoldMs }, (record) => {
      const client = this.clients.find((one) => one.record === record);
      this.keeper.release(record);
      if (client !== undefined) this.gone.push(client);
    });
  }

  add(count: number, place: Place): readonly Client[] {
    const added = Array.from({ length: count }, (_, i) => {
      const index = this.clients.length + i;
      const publisher = publisherOf(index, place);
      const record = { publisher, lease: undefined } as unknown as PublisherRecord;
      this.keeper.grant(record);
      return { record, phaseMs: (index * 7_919) % RENEWAL_MS, isSilent: false };
    });
    this.clients.push(...added);
    return added;
  }

  run(forMs: number): void {
    for (let passed = 0; passed < forMs; passed += STEP_MS) {
      this.clock.advance(STEP_MS);
      const atMs = this.clock.monotonicMs();
      for (const client of this.clients) {
        if (client.isSilent || client.record.lease === undefined) continue;
        if ((atMs - client.phaseMs) % RENEWAL_MS < STEP_MS) this.keeper.renew(client.record);
      }
    }
  }

  holds(): readonly string[] {
    return this.keeper.holds().map(({ kind, name, held, total }) => `${kind} ${name} ${held}/${total}`);
  }
}

function publisherOf(index: number, { service, session = 's1', zone = '', segment = `10.0.${index % 250}` }: Place): Publisher {
  return {
    dataInfoId: `${service}#@#DEFAULT_INSTANCE_ID#@#DEFAULT_GROUP` as DataInfoId,
    registerId: `r${index}`,
    registerVersion: { version: 0, stamp: 1 },
    owner: session as ProcessId,
    liveness: { kind: 'lease', durationMs: DURATION_MS },
    format: 'eureka',
    payload: new Uint8Array(0),
    zone,
    appName: service,
    clientAddress: `${segment}.7`,
  };
}

describe('what keeps overdue leases', () => {
  it('nothing when 500 instances become 50 by clean cancels within two minutes', () => {
    const estate = new Estate();
    const clients = estate.add(500, { service: 'a' });
    estate.run(60_000);
    for (const client of clients.slice(50)) {
      estate.keeper.release(client.record);
      if (clients.indexOf(client) % 4 === 0) estate.run(1_000);
    }
    estate.run(DURATION_MS * 2);
    expect([estate.keeper.size, estate.keeper.heldCount, estate.gone.length]).toEqual([50, 0, 0]);
  });

  it('the Session that was cut off, for its own clients alone, and from the first of them on', () => {
    const estate = new Estate();
    const cut: Client[] = [];
    for (let service = 0; service < 10; service += 1) {
      cut.push(...estate.add(6, { service: `a${service}`, session: 'cut', zone: 'z1' }));
      estate.add(6, { service: `a${service}`, session: 'fine', zone: 'z1' });
    }
    const dead = estate.clients.find((client) => !cut.includes(client));
    estate.run(60_000);
    for (const client of cut) client.isSilent = true;
    if (dead !== undefined) dead.isSilent = true;
    estate.run(DURATION_MS + RENEWAL_MS);
    expect(estate.gone).toEqual([dead]);
    expect(estate.holds()).toEqual(['session cut 60/60']);
  });

  it('nothing any more two renewal periods after the network is whole again; who stayed away is gone then', () => {
    const estate = new Estate();
    const cut = estate.add(60, { service: 'a', session: 'cut' });
    estate.add(60, { service: 'a', session: 'fine' });
    estate.run(60_000);
    for (const client of cut) client.isSilent = true;
    estate.run(DURATION_MS + RENEWAL_MS);
    expect([estate.gone.length, estate.keeper.heldCount]).toEqual([0, 60]);
    for (const client of cut.slice(3)) client.isSilent = false;
    estate.run(2 * RENEWAL_MS);
    expect(new Set(estate.gone)).toEqual(new Set(cut.slice(0, 3)));
    expect([estate.keeper.heldCount, estate.holds()]).toEqual([0, []]);
  });

  it.each<[string, Place, string]>([
    ['a zone', { service: 'a', zone: 'east' }, 'zone east 30/30'],
    ['a network segment', { service: 'a', segment: '10.9.9' }, 'segment 10.9.9.0/24 30/30'],
    ['a service', { service: 'alone' }, 'service alone#@#default_instance_id#@#default_group 30/30'],
  ])('%s that fell silent as a whole', (_name, place, expected) => {
    const estate = new Estate();
    estate.add(300, { service: 'b', zone: 'west' });
    const silent = estate.add(30, place);
    // The service `a` has others elsewhere, so that it is not the service that fell silent.
    if (place.service === 'a') estate.add(300, { service: 'a', zone: 'west' });
    estate.run(60_000);
    for (const client of silent) client.isSilent = true;
    estate.run(DURATION_MS + RENEWAL_MS);
    expect(estate.gone).toEqual([]);
    expect(estate.holds()).toEqual([expected]);
  });

  it('nothing for fewer than five, or for those that die one after the other', () => {
    const estate = new Estate();
    const few = estate.add(4, { service: 'few' });
    const slowly = estate.add(100, { service: 'b' });
    estate.run(60_000);
    for (const client of few) client.isSilent = true;
    estate.run(DURATION_MS + RENEWAL_MS);
    expect(estate.gone.length).toBe(4);
    for (const client of slowly.slice(0, 20)) {
      client.isSilent = true;
      estate.run(10_000);
    }
    estate.run(DURATION_MS + RENEWAL_MS);
    expect([estate.gone.length, estate.keeper.heldCount]).toEqual([24, 0]);
  });

  it('nothing beyond the longest hold, whatever stays silent', () => {
    const estate = new Estate(60_000);
    for (const client of estate.add(40, { service: 'a' })) client.isSilent = true;
    estate.run(DURATION_MS + 55_000);
    expect([estate.gone.length, estate.keeper.heldCount]).toEqual([0, 40]);
    expect(estate.keeper.holds()[0]?.endsInMs).toBeLessThan(10_000);
    estate.run(10_000);
    expect([estate.gone.length, estate.keeper.heldCount, estate.keeper.size]).toEqual([40, 0, 0]);
  });
});

describe('why leases fell silent', () => {
  const domainOf = (kind: LeaseDomain['kind'], total: number, name: string = kind): LeaseDomain => ({
    kind,
    name,
    total,
    silent: 0,
    suspectUntilMs: 0,
    expired: [],
  });

  it('is explained by the domain that lost the greatest share, and what is left without it', () => {
    const [session, zone, service] = [domainOf('session', 100), domainOf('zone', 1_000), domainOf('service', 20)];
    const cut = Array.from({ length: 90 }, () => ({ domains: [session, zone] }));
    const dead = Array.from({ length: 10 }, () => ({ domains: [service, zone] }));
    const other = [{ domains: [zone] }, { domains: [zone] }];
    const explained = explainSilence([...cut, ...dead, ...other], [session, zone, service], DEFAULT_LEASE_GUARD);
    expect(cut.every((lease) => explained.get(lease) === session)).toBe(true);
    expect(dead.every((lease) => explained.get(lease) === service)).toBe(true);
    expect(other.every((lease) => explained.get(lease) === undefined)).toBe(true);
  });

  it('is explained by nothing when the guard is off', () => {
    const session = domainOf('session', 10);
    const silent = Array.from({ length: 10 }, () => ({ domains: [session] }));
    expect(explainSilence(silent, [session], { ...DEFAULT_LEASE_GUARD, share: 1 }).size).toBe(0);
  });

  it('counts those that expired a moment ago', () => {
    const session = { ...domainOf('session', 20), expired: [{ atMs: 0, count: 4 }] };
    const silent = [{ domains: [session] }];
    expect(explainSilence(silent, [session], DEFAULT_LEASE_GUARD).size).toBe(1);
  });
});

describe('domains', () => {
  it.each([
    ['10.1.2.3', '10.1.2.0/24'],
    ['::ffff:10.1.2.3', '10.1.2.0/24'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8::6', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['', ''],
    ['host', ''],
  ])('the segment of %j is %j', (address, expected) => {
    expect(segmentOf(address)).toBe(expected);
  });

  it('are forgotten with their last lease', () => {
    const domains = new LeaseDomains();
    const entered = domains.enter(publisherOf(1, { service: 'a', zone: 'z' }));
    expect([...domains.all()].map(({ kind, total }) => `${kind} ${total}`)).toEqual(['service 1', 'session 1', 'zone 1', 'segment 1']);
    domains.leave(entered);
    expect([...domains.all()]).toEqual([]);
  });
});
