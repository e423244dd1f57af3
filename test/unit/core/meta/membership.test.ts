import { describe, expect, it } from 'vitest';
import { Membership } from '../../../../core/meta/membership.ts';
import { type NodeId, type PeerId, peerId, processId, Role } from '../../../../core/model/node.ts';

const BEAT_MS = 1_000;
const id = (name: string, role: Role): PeerId => peerId(name as NodeId, role);

/** Members that beat every second, but for the victim, which was heard last at 0; each may report a broken link to it. */
class Scene {
  readonly membership = new Membership(BEAT_MS, 1, 0);
  readonly #others: { readonly peer: PeerId; readonly role: Role; readonly sees: boolean }[] = [];
  readonly #victim: PeerId;

  constructor(role: Role = Role.Data) {
    this.#victim = id('d1', role);
    this.#beat(this.#victim, role, false, 0);
  }

  with(count: number, role: Role, sees: boolean): this {
    for (let i = 0; i < count; i += 1) this.#others.push({ peer: id(`${role}-${this.#others.length}`, role), role, sees });
    return this;
  }

  /** When the victim is found to be gone, looking four times a second; undefined within the first ten seconds. */
  goneAtMs(): number | undefined {
    for (let nowMs = 0; nowMs <= 10_000; nowMs += 250) {
      if (nowMs % BEAT_MS === 0) for (const { peer, role, sees } of this.#others) this.#beat(peer, role, sees, nowMs);
      if (this.membership.evict(nowMs).some((member) => member.peer === this.#victim)) return nowMs;
    }
    return undefined;
  }

  #beat(peer: PeerId, role: Role, sees: boolean, nowMs: number): void {
    const member = { peer, role, processId: processId(peer.split('/')[0] as NodeId, 'p'), address: '', zone: '' };
    const head = { cluster: 'c', slotCount: 256, member, leaseMs: 20_000, tableEpoch: 0, membersEpoch: 0, load: 0 };
    this.membership.beat({ ...head, slots: [], broken: sees ? [this.#victim] : [] }, nowMs);
  }
}

describe('evidence of broken links', () => {
  it('that all of several report is believed after two missed beats', () => {
    expect(new Scene().with(2, Role.Data, true).with(2, Role.Session, true).goneAtMs()).toBe(2_250);
  });

  it('is not weakened by Data nodes that have no link to it', () => {
    expect(new Scene().with(2, Role.Data, false).with(2, Role.Session, true).goneAtMs()).toBe(2_250);
  });

  it('that a majority of the Sessions reports is believed after three, whatever Data nodes say', () => {
    expect(new Scene().with(2, Role.Data, false).with(2, Role.Session, true).with(1, Role.Session, false).goneAtMs()).toBe(3_250);
    expect(new Scene().with(3, Role.Data, true).with(1, Role.Session, true).with(1, Role.Session, false).goneAtMs()).toBeUndefined();
  });

  it('of one Session is believed sooner when a Data node confirms it', () => {
    expect(new Scene().with(1, Role.Data, true).with(1, Role.Data, false).with(1, Role.Session, true).goneAtMs()).toBe(2_250);
  });

  it('is left to the Data nodes where there is no Session', () => {
    expect(new Scene().with(2, Role.Data, true).with(1, Role.Data, false).goneAtMs()).toBe(3_250);
  });

  it('of the only other member is believed after three', () => {
    expect(new Scene().with(1, Role.Session, true).goneAtMs()).toBe(3_250);
  });

  it('of a Session that a single Data node reports leaves it to the lease: it may sleep, and hold what nobody else knows', () => {
    expect(new Scene(Role.Session).with(1, Role.Data, true).with(1, Role.Session, false).goneAtMs()).toBeUndefined();
    expect(new Scene(Role.Session).with(2, Role.Data, true).with(1, Role.Session, false).goneAtMs()).toBe(2_250);
    expect(new Scene(Role.Session).with(2, Role.Data, true).with(1, Role.Data, false).goneAtMs()).toBe(3_250);
  });

  it('of half of the others, or of nobody, leaves it to the lease', () => {
    expect(new Scene().with(1, Role.Data, true).with(1, Role.Session, false).goneAtMs()).toBeUndefined();
    expect(new Scene().with(2, Role.Data, false).with(2, Role.Session, false).goneAtMs()).toBeUndefined();
    expect(new Scene().goneAtMs()).toBeUndefined();
  });
});

describe('the client connections of the Sessions', () => {
  const beat = (membership: Membership, peer: PeerId, role: Role, load: number, leaseMs = 20_000) => {
    const member = { peer, role, processId: processId(peer.split('/')[0] as NodeId, 'p'), address: '', zone: '' };
    membership.beat({ cluster: 'c', slotCount: 256, member, leaseMs, tableEpoch: 0, membersEpoch: 0, load, slots: [], broken: [] }, 0);
    return member;
  };

  it('are what each told last', () => {
    const membership = new Membership(BEAT_MS, 1, 0);
    const [first, second] = [id('s1', Role.Session), id('s2', Role.Session)];
    beat(membership, second, Role.Session, 3);
    beat(membership, first, Role.Session, 5);
    beat(membership, first, Role.Session, 7);
    beat(membership, id('d1', Role.Data), Role.Data, 1_000);
    expect(membership.sessionLoads()).toEqual([
      { peer: first, connections: 7 },
      { peer: second, connections: 3 },
    ]);
    beat(membership, second, Role.Session, 3, 0);
    expect(membership.sessionLoads()).toEqual([{ peer: first, connections: 7 }]);
  });

  it('are not known of a Session that is remembered from the term before, until it is heard', () => {
    const membership = new Membership(BEAT_MS, 1, 0);
    const peer = id('s1', Role.Session);
    membership.remember(beat(new Membership(BEAT_MS, 1, 0), peer, Role.Session, 9), 20_000, 0);
    expect(membership.sessionLoads()).toEqual([]);
    beat(membership, peer, Role.Session, 9);
    expect(membership.sessionLoads()).toEqual([{ peer, connections: 9 }]);
  });
});
