import { RegistryError } from '../model/errors.ts';
import { type Member, type PeerId, Role } from '../model/node.ts';
import { EMPTY_SLOT_TABLE, type SlotTable } from '../model/slot-table.ts';
import type { RoleHost } from '../seams/host.ts';
import { decodeHeartbeatAnswer, encodeHeartbeat, type HeartbeatAnswer } from '../wire/heartbeat.ts';
import type { StoredMembers } from './cluster-record.ts';
import type { MetaConfig } from './meta-server.ts';

/** Of a standby's own lease at the leader: it only keeps it in the list of Metas. */
const LEASE_BEATS = 20;

/** What a Meta does while another one leads: it reports to the leader, so that all know where it is, and names the leader to who asks. */
export class Standby {
  readonly #config: MetaConfig;
  readonly #host: RoleHost;
  readonly #self: Member;
  readonly #storedMembers: StoredMembers;
  #table: SlotTable = EMPTY_SLOT_TABLE;
  #members: readonly Member[] = [];
  #membersEpoch = 0;

  constructor(config: MetaConfig, host: RoleHost, self: Member, storedMembers: StoredMembers) {
    this.#config = config;
    this.#host = host;
    this.#self = self;
    this.#storedMembers = storedMembers;
  }

  /** As the leader told it last. */
  get table(): SlotTable {
    return this.#table;
  }

  get members(): readonly Member[] {
    return this.#members;
  }

  /** What this Meta knew when it led itself. */
  take(table: SlotTable, members: readonly Member[]): void {
    this.#table = table;
    this.#members = members;
  }

  /** Never throws: a leader that cannot be reached is looked up in the store, where the members' addresses are. */
  async report(leader: PeerId, leaseMs: number = LEASE_BEATS * this.#config.heartbeatMs): Promise<void> {
    const { cluster, slotCount, heartbeatMs } = this.#config;
    const state = { leaseMs, tableEpoch: this.#table.epoch, membersEpoch: this.#membersEpoch, load: 0, slots: [], broken: [] };
    const request = encodeHeartbeat({ cluster, slotCount, member: this.#self, ...state });
    try {
      this.#learn(leader, decodeHeartbeatAnswer(await this.#host.peers.request(leader, request, { timeoutMs: heartbeatMs })));
    } catch (caught) {
      this.#host.log.debug('the leader was not reached', { leader, reason: RegistryError.from(caught).message });
      await this.#lookUp();
    }
  }

  /** Who asks this Meta is told whom to ask. */
  answer(leader: PeerId | ''): HeartbeatAnswer {
    const metas = this.#members.filter((member) => member.role === Role.Meta && member.peer !== this.#self.peer);
    return { leader, tableEpoch: 0, membersEpoch: 0, documentRevision: 0, table: undefined, members: [this.#self, ...metas] };
  }

  #learn(leader: PeerId, answer: HeartbeatAnswer): void {
    if (answer.leader !== leader) return;
    if (answer.table !== undefined) this.#table = answer.table;
    if (answer.members === undefined) return;
    this.#members = answer.members;
    this.#membersEpoch = answer.membersEpoch;
    this.#host.peers.learnAddresses(answer.members);
  }

  async #lookUp(): Promise<void> {
    try {
      const members = await this.#storedMembers.load();
      if (members.length === 0) return;
      this.#members = members;
      this.#membersEpoch = 0;
      this.#host.peers.learnAddresses(members);
    } catch (caught) {
      this.#host.log.debug('the store does not tell the members', { reason: RegistryError.from(caught).message });
    }
  }
}
