import { beforeEach, describe, expect, it } from 'vitest';
import { RegistryError, RegistryErrorCode } from '../../../../core/model/errors.ts';
import { type Member, type PeerId, type ProcessId, Role } from '../../../../core/model/node.ts';
import type { SlotTable } from '../../../../core/model/slot-table.ts';
import type { RoleHost } from '../../../../core/seams/host.ts';
import { frameKind, MessageKind } from '../../../../core/wire/frame.ts';
import { encodeHeartbeatAnswer } from '../../../../core/wire/heartbeat.ts';
import { MetaClient } from '../../../../core/wire/meta-client.ts';
import { encodeTableGetAnswer } from '../../../../core/wire/table-get.ts';
import { HandClock } from '../../../support/hand-clock.ts';
import { SILENT_LOG } from '../../../support/standalone.ts';

const [META, SELF, HOLDER] = ['m/meta', 'd1/data', 'd2/data'] as [PeerId, PeerId, PeerId];
const MEMBER: Member = { peer: SELF, role: Role.Data, processId: 'd1#1' as ProcessId, address: '', zone: '' };

const table = (epoch: number): SlotTable => ({ epoch, slots: [{ slotId: 0, leader: HOLDER, leaderEpoch: epoch, followers: [SELF] }] });

describe('a slot table that a Data node has named', () => {
  let clock: HandClock;
  let isMetaThere: boolean;
  /** What Meta and the Data node hold. */
  let held: { meta: SlotTable; holder: SlotTable };
  let asked: PeerId[];
  let client: MetaClient;
  let changes: number;

  beforeEach(() => {
    clock = new HandClock();
    isMetaThere = true;
    held = { meta: table(1), holder: table(2) };
    asked = [];
    changes = 0;
    const request = async (peer: PeerId, frame: Uint8Array) => {
      asked.push(peer);
      if (frameKind(frame) === MessageKind.TableGet) return encodeTableGetAnswer(held.holder);
      if (!isMetaThere) throw new RegistryError(RegistryErrorCode.Timeout, 'Meta does not answer');
      const epochs = { tableEpoch: held.meta.epoch, membersEpoch: 0, documentRevision: 0 };
      return encodeHeartbeatAnswer({ leader: META, ...epochs, table: held.meta, members: undefined });
    };
    const unwatched = () => ({ close: () => undefined });
    const peers = { self: SELF, request, onLinkBroken: unwatched, onLinkRestored: unwatched };
    client = new MetaClient({
      cluster: 'c',
      slotCount: 1,
      member: MEMBER,
      metas: [META],
      heartbeatMs: 1_000,
      leaseMs: 20_000,
      host: { clock, log: SILENT_LOG, peers } as unknown as RoleHost,
      report: () => ({ load: 0, slots: [] }),
    });
    client.onChange((change) => {
      if (change.table) changes += 1;
    });
  });

  async function started(): Promise<void> {
    await client.start();
    asked = [];
    changes = 0;
  }

  const settled = () => new Promise((resolve) => setImmediate(resolve));

  it('is fetched from that node when Meta does not answer, and told', async () => {
    await started();
    isMetaThere = false;
    client.tableNamed(HOLDER, 2);
    await settled();
    expect(asked).toEqual([META, HOLDER]);
    expect(client.table).toEqual(table(2));
    expect(changes).toBe(1);
    // What one holds is not asked for again.
    clock.advance(1_200);
    await settled();
    expect(asked).toEqual([META, HOLDER, META]);
  });

  it('is fetched from Meta when it answers', async () => {
    await started();
    held.meta = table(2);
    client.tableNamed(HOLDER, 2);
    await settled();
    expect(asked).toEqual([META]);
    expect(client.table.epoch).toBe(2);
  });

  it('is not asked for when it is no newer', async () => {
    await started();
    isMetaThere = false;
    client.tableNamed(HOLDER, 1);
    await settled();
    expect(asked).toEqual([]);
  });

  it('never replaces a newer one', async () => {
    held.meta = table(3);
    await started();
    isMetaThere = false;
    client.tableNamed(HOLDER, 4);
    await settled();
    expect(asked).toEqual([META, HOLDER]);
    expect(client.table.epoch).toBe(3);
    expect(changes).toBe(0);
  });

  it('is not the first one of a node that has just started: it might give it back what it has lost', async () => {
    isMetaThere = false;
    client.tableNamed(HOLDER, 2);
    await settled();
    expect(asked).toEqual([META]);
    expect(client.table.epoch).toBe(0);
  });
});
