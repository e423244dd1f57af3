import { type DataInfoId, type FoldedId, foldDataInfoId } from '../model/data-info-id.ts';
import { RegistryError, RegistryErrorCode } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { Subscriber } from '../model/subscriber.ts';
import type { RoleHost } from '../seams/host.ts';
import type { ClientConnection, ClientInfo, CloseReason, Registration } from '../seams/session-gateway.ts';
import type { ConnectionPublishers } from './connection-publishers.ts';
import type { InterestKeeper } from './interest-keeper.ts';
import type { PublisherHolder } from './publisher-store.ts';
import { type PushContext, PushGroup } from './push/push-group.ts';
import type { PushRegistry } from './push/push-registry.ts';
import type { SessionTrace } from './trace.ts';
import type { ViewStore } from './view-store.ts';

export interface ConnectionParts {
  readonly host: RoleHost;
  readonly publishers: ConnectionPublishers;
  readonly interests: InterestKeeper;
  readonly views: ViewStore;
  readonly pushes: PushRegistry;
  readonly trace: SessionTrace;
  /** By `ip:port`. */
  isPushStopped(address: string): boolean;
  /** When more than this share of the connections breaks within a second, withdrawals wait. */
  readonly massCloseShare: number;
  readonly massCloseGraceMs: number;
}

const WINDOW_MS = 1_000;
/** How long a broken link is held before it is decided whether it broke alone. A client whose process dies ends its link cleanly. */
const DECISION_MS = 250;
/** Below this number of breaks it is clients that die, not the network. */
const MASS_CLOSE_LEAST = 10;

/** All client connections of a Session. */
export class ClientConnections {
  readonly #parts: ConnectionParts;
  readonly #open = new Set<Connection>();
  #breaks: number[] = [];
  #stopped = false;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
  }

  get count(): number {
    return this.#open.size;
  }

  connect(client: ClientInfo): ClientConnection {
    if (this.#stopped) throw new RegistryError(RegistryErrorCode.Stopped, 'the Session is stopping');
    const connection = new Connection(client, this.#parts, {
      closed: (reason) => {
        this.#open.delete(connection);
        if (reason !== 'clean') this.#breaks.push(this.#parts.host.clock.monotonicMs());
      },
      isMassBreak: () => this.#isMassBreak(),
      isStopped: () => this.#stopped,
    });
    this.#open.add(connection);
    return connection;
  }

  /** The process is leaving: its clients move to other Sessions, so nothing is withdrawn in their name. */
  stop(): void {
    this.#stopped = true;
    for (const connection of this.#open) connection.abandon();
    this.#open.clear();
  }

  /** Whether so many links broke within a second that it is the network and not the clients. */
  #isMassBreak(): boolean {
    const nowMs = this.#parts.host.clock.monotonicMs();
    this.#breaks = this.#breaks.filter((atMs) => nowMs - atMs < WINDOW_MS);
    const before = this.#open.size + this.#breaks.length;
    return this.#breaks.length >= MASS_CLOSE_LEAST && this.#breaks.length > this.#parts.massCloseShare * before;
  }
}

/** What a connection needs of all the others. */
interface Neighbours {
  closed(reason: CloseReason): void;
  isMassBreak(): boolean;
  isStopped(): boolean;
}

class Connection implements ClientConnection {
  readonly #client: ClientInfo;
  readonly #parts: ConnectionParts;
  readonly #neighbours: Neighbours;
  readonly #holder: PublisherHolder = { publishers: new Set() };
  readonly #groups = new Map<string, PushGroup>();
  /** By DataInfoId and registerId: the group a subscriber is in. */
  readonly #subscriptions = new Map<string, PushGroup>();
  readonly #context: PushContext;
  #closed = false;

  constructor(client: ClientInfo, parts: ConnectionParts, neighbours: Neighbours) {
    this.#client = client;
    this.#parts = parts;
    this.#neighbours = neighbours;
    this.#context = {
      clock: parts.host.clock,
      sink: client.push,
      profile: client.pushProfile,
      view: (foldedId, dataInfoId) => parts.views.view(foldedId, dataInfoId, client.format),
      watch: (flight, timeoutMs) => parts.pushes.deadlines.watch(flight, timeoutMs),
      isStopped: () => parts.isPushStopped(client.address),
      acknowledged: (foldedId, version) => parts.trace.acknowledged(foldedId, version),
      sent: (foldedId, version) => parts.trace.sent(foldedId, version),
    };
  }

  publish(registration: Registration, clientVersion: number): void {
    this.#assertOpen();
    this.#parts.publishers.publish(this.#holder, registration, clientVersion);
  }

  unpublish(dataInfoId: DataInfoId, registerId: string, clientVersion: number): void {
    this.#assertOpen();
    this.#parts.publishers.unpublish(dataInfoId, registerId, clientVersion);
  }

  subscribe(subscriber: Subscriber): void {
    this.#assertOpen();
    const key = `${subscriber.dataInfoId}\u0000${subscriber.registerId}`;
    if (!this.#subscriptions.has(key) && this.#subscriptions.size >= LIMITS.subscribersPerConnection) {
      throw new RegistryError(
        RegistryErrorCode.LimitExceeded,
        `one connection subscribes at most ${LIMITS.subscribersPerConnection} names`,
      );
    }
    this.unsubscribe(subscriber.dataInfoId, subscriber.registerId);
    const group = this.#group(foldDataInfoId(subscriber.dataInfoId), subscriber);
    this.#subscriptions.set(key, group);
    group.add(subscriber);
  }

  unsubscribe(dataInfoId: DataInfoId, registerId: string): void {
    const key = `${dataInfoId}\u0000${registerId}`;
    const group = this.#subscriptions.get(key);
    if (group === undefined) return;
    this.#subscriptions.delete(key);
    group.remove(registerId);
    if (group.size > 0) return;
    for (const [groupKey, other] of this.#groups) if (other === group) this.#groups.delete(groupKey);
    this.#dropGroup(group);
  }

  close(reason: CloseReason): void {
    if (this.#closed) return;
    this.abandon();
    this.#neighbours.closed(reason);
    const { publishers, host, massCloseGraceMs } = this.#parts;
    if (reason === 'clean' || massCloseGraceMs === 0) {
      publishers.disconnect(this.#holder);
      return;
    }
    // The first of many cannot be told from a single one until others follow.
    // A Session that stops meanwhile withdraws nothing in its clients' name.
    const disconnect = () => {
      if (!this.#neighbours.isStopped()) publishers.disconnect(this.#holder);
    };
    host.clock.schedule(DECISION_MS, () => {
      if (!this.#neighbours.isMassBreak()) disconnect();
      else host.clock.schedule(massCloseGraceMs, disconnect);
    });
  }

  /** Ends pushing without withdrawing anything. */
  abandon(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const group of this.#groups.values()) this.#dropGroup(group);
    this.#groups.clear();
    this.#subscriptions.clear();
  }

  #group(foldedId: FoldedId, subscriber: Subscriber): PushGroup {
    const { dataInfoId, scope, zone, acceptsSeveralDataCenters } = subscriber;
    const key = `${dataInfoId}\u0000${scope}\u0000${zone}\u0000${acceptsSeveralDataCenters}`;
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = new PushGroup(foldedId, dataInfoId, this.#context);
      this.#groups.set(key, group);
      if (this.#parts.pushes.add(group)) {
        this.#parts.views.follow(foldedId);
        this.#parts.interests.add(foldedId);
      }
    }
    return group;
  }

  #dropGroup(group: PushGroup): void {
    group.close();
    if (!this.#parts.pushes.remove(group)) return;
    this.#parts.views.unfollow(group.foldedId);
    this.#parts.interests.remove(group.foldedId);
  }

  #assertOpen(): void {
    if (this.#closed) throw new RegistryError(RegistryErrorCode.Stopped, `the connection of ${this.#client.address} is closed`);
  }
}
