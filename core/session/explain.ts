import type { DataInfoId } from '../model/data-info-id.ts';
import { type DatumGroup, groupVersion } from '../model/datum.ts';
import type { Publisher } from '../model/publisher.ts';
import { acceptedAtMs } from '../model/register-version.ts';
import type { ServiceInstance } from '../model/service-instance.ts';
import type { Joins } from './joins.ts';

/** What a name holds and what readers of each format are shown of it, for people. Versions and times are texts. */
export interface NameExplanation {
  readonly dataInfoId: DataInfoId;
  readonly slotId: number;
  readonly version: string;
  /** After a restart: shown to nobody until its connected publishers are back. */
  readonly isHeld: boolean;
  /** Why no other protocol meets the name; null when they do. */
  readonly staysWithItsOwnBecause: string | null;
  readonly members: readonly MemberExplanation[];
  readonly readers: Readonly<Record<string, ReaderExplanation>>;
}

export interface MemberExplanation {
  readonly dataInfoId: DataInfoId;
  readonly version: string;
  readonly publishers: readonly PublisherExplanation[];
}

export interface PublisherExplanation {
  readonly registerId: string;
  readonly format: string;
  readonly livesBy: string;
  /** The Session process that holds it. */
  readonly session: string;
  readonly registeredAt: string;
  readonly zone: string;
  readonly appName: string;
  readonly clientAddress: string;
  readonly payloadBytes: number;
  /** What other protocols can read of it. */
  readonly addresses: readonly string[];
}

export interface ReaderExplanation {
  /** registerIds of its own format, under exactly this name. */
  readonly own: readonly string[];
  /** Under other spellings: for those who subscribe to these, and readers of everything. */
  readonly ownUnderOtherSpellings: readonly string[];
  readonly derived: readonly { readonly registerId: string; readonly of: string }[];
  readonly notShown: readonly { readonly of: string; readonly because: string }[];
}

/** Pure: the answer for one group as its leader told it. */
export function explainName(group: DatumGroup, dataInfoId: DataInfoId, slotId: number, joins: Joins): NameExplanation {
  return {
    dataInfoId,
    slotId,
    version: String(groupVersion(group)),
    isHeld: group.held,
    staysWithItsOwnBecause: joins.whyPrivate(dataInfoId) ?? null,
    members: group.datums.map((datum) => ({
      dataInfoId: datum.dataInfoId,
      version: String(datum.version),
      publishers: datum.publishers.map((publisher) => explainPublisher(publisher, joins)),
    })),
    readers: Object.fromEntries(joins.formats.map((format) => [format, explainReader(group, dataInfoId, format, joins)])),
  };
}

function explainPublisher(publisher: Publisher, joins: Joins): PublisherExplanation {
  const { registerId, format, liveness, owner, zone, appName, clientAddress, payload, registerVersion } = publisher;
  return {
    registerId,
    format,
    livesBy: liveness.kind === 'connection' ? 'its connection' : `heartbeats, ${liveness.durationMs / 1_000} s`,
    session: owner,
    registeredAt: new Date(acceptedAtMs(registerVersion)).toISOString(),
    zone,
    appName,
    clientAddress,
    payloadBytes: payload.length,
    addresses: joins.instancesOf(publisher).map(addressText),
  };
}

function explainReader(group: DatumGroup, dataInfoId: DataInfoId, format: string, joins: Joins): ReaderExplanation {
  const publishers = group.datums.flatMap((datum) => datum.publishers);
  const isExact = (publisher: Publisher) => publisher.dataInfoId === dataInfoId;
  const own = publishers.filter((publisher) => publisher.format === format);
  const foreign = publishers.filter((publisher) => publisher.format !== format);
  const namespace = joins.publicNamespace(dataInfoId);
  const joined = foreign.filter((publisher) => namespace !== undefined && joins.publicNamespace(publisher.dataInfoId) === namespace);
  const derived = joins.derive(format, own.filter(isExact), joined);
  const shown = new Set<unknown>(derived);
  const notShown = foreign.flatMap((publisher) => {
    const because = (reason: string, instance?: ServiceInstance) => ({ of: sourceText(publisher, instance), because: reason });
    if (!joined.includes(publisher))
      return [because(joins.whyPrivate(publisher.dataInfoId) ?? joins.whyPrivate(dataInfoId) ?? 'it is in another namespace')];
    const instances = joins.instancesOf(publisher);
    if (instances.length === 0) return [because('its data is no address')];
    const candidates = joins.candidatesOf(format, publisher);
    return instances.flatMap((instance) => {
      if (!joins.isVisible(instance)) return [because('it has no HTTP or HTTPS port', instance)];
      const composed = candidates.filter((candidate) => candidate.instance === instance);
      if (composed.length === 0) return [because('it takes no calls now, or cannot be said in this format', instance)];
      if (composed.some((candidate) => shown.has(candidate.derived))) return [];
      return [because('another registration of this address or id is shown', instance)];
    });
  });
  return {
    own: own.filter(isExact).map((publisher) => publisher.registerId),
    ownUnderOtherSpellings: own.filter((publisher) => !isExact(publisher)).map((publisher) => publisher.registerId),
    derived: derived.map(({ registerId, source }) => ({ registerId, of: sourceText(source) })),
    notShown,
  };
}

function sourceText({ format, registerId }: Publisher, instance?: ServiceInstance): string {
  return instance === undefined ? `${format} ${registerId}` : `${format} ${registerId}, ${addressText(instance)}`;
}

function addressText({ host, ports, healthy, enabled }: ServiceInstance): string {
  const state = !enabled ? ' out of service' : healthy ? '' : ' not healthy';
  return `${[...ports].map(([name, port]) => `${name}://${host.includes(':') ? `[${host}]` : host}:${port}`).join(' ')}${state}`;
}
