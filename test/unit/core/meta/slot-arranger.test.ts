import { describe, expect, it } from 'vitest';
import { Membership } from '../../../../core/meta/membership.ts';
import { SlotArranger } from '../../../../core/meta/slot-arranger.ts';
import { type PeerId, type ProcessId, Role } from '../../../../core/model/node.ts';
import { EMPTY_SLOT_TABLE, type SlotTable } from '../../../../core/model/slot-table.ts';
import type { SlotReport } from '../../../../core/wire/heartbeat.ts';

const NOBODY: ReadonlySet<PeerId> = new Set();
const at = (name: string) => `${name}/data` as PeerId;

/** Data nodes that heartbeat as told, and the arranger that hears them. */
class Nodes {
  readonly membership = new Membership(1_000, 1, 0);
  readonly arranger: SlotArranger;
  table: SlotTable = EMPTY_SLOT_TABLE;
  nowMs = 0;

  constructor(slotCount: number, replicas: number) {
    this.arranger = new SlotArranger(slotCount, replicas, this.membership);
  }

  beat(
    name: string,
    slots: readonly SlotReport[] = [],
    more: { readonly tableEpoch?: number; readonly address?: string; readonly zone?: string } = {},
  ) {
    const member = {
      peer: at(name),
      role: Role.Data,
      processId: `${name}#1` as ProcessId,
      address: more.address ?? `${name}:1`,
      zone: more.zone ?? '',
    };
    const epochs = { tableEpoch: more.tableEpoch ?? this.table.epoch, membersEpoch: 0 };
    const request = { cluster: 'c', slotCount: 4, member, leaseMs: 20_000, ...epochs, load: 0, slots, broken: [] };
    this.membership.beat(request, this.nowMs);
    this.arranger.noteWeights(request);
  }

  /** Everybody reports what the table says of it: led slots serve, followed ones are synced. */
  reportAll(weightOf: (slotId: number) => number = () => 0): void {
    const peers = new Set(this.table.slots.flatMap((slot) => [slot.leader, ...slot.followers]));
    for (const { peer } of this.membership.members()) {
      if (!peers.has(peer)) continue;
      const slots = this.table.slots.filter((slot) => slot.leader === peer || slot.followers.includes(peer));
      const reports = slots.map(({ slotId, leader, leaderEpoch }) => ({
        slotId,
        leaderEpoch,
        serving: leader === peer,
        synced: leader !== peer,
        weight: leader === peer ? weightOf(slotId) : 0,
      }));
      this.beat(peer.replace('/data', ''), reports);
    }
  }

  arrange(restarted = NOBODY): SlotTable {
    this.table = this.arranger.arrange(this.table, restarted, this.nowMs);
    return this.table;
  }

  settle(weightOf?: (slotId: number) => number): void {
    for (let round = 0; round < 100; round += 1) {
      this.reportAll(weightOf);
      const before = this.table;
      if (this.arrange() === before) return;
    }
    throw new Error('not settled');
  }
}

describe('the slot arranger', () => {
  it('balances by the weights that leaders report', () => {
    const nodes = new Nodes(4, 2);
    for (const name of ['a', 'b']) nodes.beat(name);
    nodes.arrange();
    const [heavy] = nodes.table.slots;
    nodes.settle((slotId) => (slotId === heavy?.slotId ? 3_000 : 1_000));
    const led = nodes.table.slots.filter((slot) => slot.leader === nodes.table.slots[0]?.leader);
    expect(led.map((slot) => slot.slotId)).toEqual([0]);
  });

  it('keeps the last weight of a slot while its new leader has not reported yet', () => {
    const nodes = new Nodes(4, 2);
    for (const name of ['a', 'b']) nodes.beat(name);
    nodes.arrange();
    nodes.settle((slotId) => (slotId === 0 ? 3_000 : 1_000));
    const settled = nodes.table;
    nodes.beat('a');
    nodes.beat('b');
    expect(nodes.arrange()).toBe(settled);
  });

  it('moves nothing for balance while a Data node has not been heard for two heartbeats', () => {
    const nodes = new Nodes(4, 2);
    for (const name of ['a', 'b']) nodes.beat(name);
    nodes.table = { epoch: 7, slots: [0, 1, 2, 3].map((slotId) => ({ slotId, leader: at('a'), leaderEpoch: 1, followers: [at('b')] })) };
    nodes.reportAll();
    nodes.nowMs = 2_001;
    nodes.beat(
      'b',
      [0, 1, 2, 3].map((slotId) => ({ slotId, leaderEpoch: 1, serving: false, synced: true, weight: 0 })),
    );
    const before = nodes.table;
    expect(nodes.arrange()).toBe(before);
    nodes.reportAll();
    expect(nodes.arrange().slots.filter((slot) => slot.leader === at('b'))).toHaveLength(2);
  });

  it('gives a copy up only when what is said of the others is said under the present table', () => {
    const nodes = new Nodes(1, 2);
    nodes.table = { epoch: 7, slots: [{ slotId: 0, leader: at('a'), leaderEpoch: 1, followers: [at('b'), at('c')] }] };
    const report = (serving: boolean) => [{ slotId: 0, leaderEpoch: 1, serving, synced: !serving, weight: 1 }];
    nodes.beat('a', report(true));
    for (const name of ['b', 'c']) nodes.beat(name, report(false), { tableEpoch: 6 });
    const before = nodes.table;
    expect(nodes.arrange()).toBe(before);
    for (const name of ['b', 'c']) nodes.beat(name, report(false), { tableEpoch: 7 });
    expect(nodes.arrange().slots[0]?.followers).toHaveLength(1);
  });

  it('replaces a lost leader also by what was said under an earlier table', () => {
    const nodes = new Nodes(1, 3);
    nodes.table = { epoch: 7, slots: [{ slotId: 0, leader: at('a'), leaderEpoch: 1, followers: [at('b'), at('c')] }] };
    nodes.beat('b', [], { tableEpoch: 7 });
    nodes.beat('c', [{ slotId: 0, leaderEpoch: 1, serving: false, synced: true, weight: 0 }], { tableEpoch: 6 });
    expect(nodes.arrange().slots[0]).toMatchObject({ leader: at('c'), leaderEpoch: 2 });
  });

  it('replaces a leader that was lost before it served by a copy of before, not by one that was started a moment ago', () => {
    const nodes = new Nodes(1, 3);
    nodes.table = { epoch: 7, slots: [{ slotId: 0, leader: at('a'), leaderEpoch: 3, followers: [at('b'), at('c')] }] };
    nodes.beat('b', [{ slotId: 0, leaderEpoch: 3, serving: false, synced: false, weight: 0 }]);
    nodes.beat('c', [{ slotId: 0, leaderEpoch: 2, serving: false, synced: true, weight: 0 }]);
    expect(nodes.arrange().slots[0]).toMatchObject({ leader: at('c'), leaderEpoch: 4 });
  });

  it('takes a follower of before that it has not heard yet for better than one that says that it has nothing', () => {
    const nodes = new Nodes(1, 3);
    nodes.table = { epoch: 7, slots: [{ slotId: 0, leader: at('a'), leaderEpoch: 3, followers: [at('b'), at('c')] }] };
    nodes.beat('b', [{ slotId: 0, leaderEpoch: 3, serving: false, synced: false, weight: 0 }]);
    const unheard = { peer: at('c'), role: Role.Data, processId: 'c#1' as ProcessId, address: 'c:1', zone: '' };
    nodes.membership.remember(unheard, 20_000, 0);
    expect(nodes.arrange().slots[0]).toMatchObject({ leader: at('c'), leaderEpoch: 4 });
  });

  it('keeps copies apart by zone, and by the machine of their addresses', () => {
    const byZone = new Nodes(4, 2);
    for (const [name, zone] of [
      ['a', 'east'],
      ['b', 'east'],
      ['c', 'west'],
    ] as const)
      byZone.beat(name, [], { zone });
    for (const slot of byZone.arrange().slots) expect([slot.leader, ...slot.followers]).toContain(at('c'));
    const byMachine = new Nodes(4, 2);
    for (const [name, address] of [
      ['a', '10.0.0.1:7'],
      ['b', '10.0.0.1:8'],
      ['c', '10.0.0.2:7'],
    ] as const)
      byMachine.beat(name, [], { address });
    for (const slot of byMachine.arrange().slots) expect([slot.leader, ...slot.followers]).toContain(at('c'));
  });

  it('tells how far the copies are from what is configured', () => {
    const nodes = new Nodes(4, 3);
    nodes.beat('a');
    nodes.arrange();
    expect(nodes.arranger.replication(nodes.table)).toMatchObject({ replicas: 3, dataNodes: 1, possible: 1, incompleteSlots: 4 });
    nodes.reportAll();
    expect(nodes.arranger.replication(nodes.table)).toMatchObject({ possible: 1, incompleteSlots: 0, movingSlots: 0 });
    nodes.beat('b');
    nodes.arrange();
    expect(nodes.arranger.replication(nodes.table)).toMatchObject({ dataNodes: 2, possible: 2, incompleteSlots: 4 });
    nodes.reportAll();
    expect(nodes.arranger.replication(nodes.table)).toMatchObject({ possible: 2, incompleteSlots: 0 });
  });
});
