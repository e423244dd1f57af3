import { SaxesParser } from 'saxes';
import { EUREKA_LIMITS } from '../limits.ts';
import { EurekaRequestError } from './errors.ts';
import type { InstanceInfo, PortWrapper, Tree } from './instance-info.ts';
import { compactAmazonMetadata } from './json.ts';

const UNPARSABLE_XML = '<error>cannot parse request body</error>';
/** What XML 1.0 cannot hold, lone surrogates included. */
const ILLEGAL =
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** A bare carriage return would be read as a line feed. */
const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', '\r': '&#xd;' };

/** One instance in XStream's form (Eureka protocol, XML). */
export function toXmlInstance(info: InstanceInfo): string {
  const { leaseInfo } = info;
  const lease = (
    [
      'renewalIntervalInSecs',
      'durationInSecs',
      'registrationTimestamp',
      'lastRenewalTimestamp',
      'evictionTimestamp',
      'serviceUpTimestamp',
    ] as const
  )
    .map((key) => element(key, leaseInfo[key]))
    .join('');
  return [
    '<instance>',
    element('instanceId', info.instanceId),
    element('hostName', info.hostName),
    element('app', info.app),
    element('ipAddr', info.ipAddr),
    element('status', info.status),
    element('overriddenstatus', info.overriddenStatus),
    port('port', info.port),
    port('securePort', info.securePort),
    element('countryId', info.countryId),
    dataCenter(info),
    `<leaseInfo>${lease}</leaseInfo>`,
    info.metadata.size === 0 ? '<metadata class="java.util.Collections$EmptyMap"/>' : `<metadata>${entries(info.metadata)}</metadata>`,
    optional('appGroupName', info.appGroupName),
    optional('homePageUrl', info.homePageUrl),
    optional('statusPageUrl', info.statusPageUrl),
    optional('healthCheckUrl', info.healthCheckUrl),
    optional('secureHealthCheckUrl', info.secureHealthCheckUrl),
    optional('vipAddress', info.vipAddress),
    optional('secureVipAddress', info.secureVipAddress),
    element('isCoordinatingDiscoveryServer', String(info.isCoordinatingDiscoveryServer)),
    element('lastUpdatedTimestamp', info.lastUpdatedTimestamp),
    element('lastDirtyTimestamp', info.lastDirtyTimestamp),
    element('actionType', info.actionType),
    optional('asgName', info.asgName),
    '</instance>',
  ].join('');
}

/** An instance reduced to what a client needs to call it (Eureka protocol, compact form). */
export function toXmlCompactInstance(info: InstanceInfo): string {
  return [
    '<instance>',
    element('instanceId', info.instanceId),
    element('app', info.app),
    element('ipAddr', info.ipAddr),
    optional('vipAddress', info.vipAddress),
    optional('secureVipAddress', info.secureVipAddress),
    dataCenter({ ...info, amazonMetadata: compactAmazonMetadata(info.amazonMetadata) }),
    element('hostName', info.hostName),
    element('status', info.status),
    element('lastUpdatedTimestamp', info.lastUpdatedTimestamp),
    element('actionType', info.actionType),
    optional('asgName', info.asgName),
    port('port', info.port),
    port('securePort', info.securePort),
    '</instance>',
  ].join('');
}

function dataCenter(info: InstanceInfo): string {
  if (info.dataCenterName !== 'Amazon') {
    return `<dataCenterInfo class="com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo">${element('name', info.dataCenterName)}</dataCenterInfo>`;
  }
  const metadata = entries(info.amazonMetadata ?? new Map());
  return `<dataCenterInfo class="com.netflix.appinfo.AmazonInfo"><name>Amazon</name><metadata>${metadata}</metadata></dataCenterInfo>`;
}

export function element(name: string, value: string | number): string {
  return `<${name}>${escapeXml(String(value))}</${name}>`;
}

function optional(name: string, value: string | undefined): string {
  return value === undefined ? '' : element(name, value);
}

function port(name: string, wrapper: PortWrapper): string {
  return `<${name} enabled="${String(wrapper.enabled)}">${wrapper.number}</${name}>`;
}

function entries(metadata: ReadonlyMap<string, string>): string {
  return [...metadata].map(([key, value]) => element(escapeXmlName(key), value)).join('');
}

export function escapeXml(text: string): string {
  return text.replace(ILLEGAL, '').replace(/[&<>"\r]/g, (c) => ESCAPES[c] ?? c);
}

/** XStream's friendly names with Eureka's replacements; a colon is escaped, too, because an unbound prefix breaks strict parsers. */
export function escapeXmlName(key: string): string {
  const escaped = key.replace(ILLEGAL, '').replace(/[\s\S]/gu, (c) => {
    if (c === '_') return '__';
    if (c === '$') return '_-';
    return /^[\p{L}\p{Nd}.-]$/u.test(c) ? c : hexName(c);
  });
  const first = escaped.charAt(0);
  return first === '' ? '_' : /[\p{Nd}.-]/u.test(first) ? hexName(first) + escaped.slice(1) : escaped;
}

function hexName(text: string): string {
  return Array.from({ length: text.length }, (_, i) => `_.${text.charCodeAt(i).toString(16).padStart(4, '0')}`).join('');
}

export function unescapeXmlName(name: string): string {
  return name.replace(/__|_-|_\.([0-9a-f]{4})/g, (match, hex?: string) => {
    if (match === '__') return '_';
    return hex === undefined ? '$' : String.fromCharCode(Number.parseInt(hex, 16));
  });
}

interface Frame {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: Record<string, unknown>;
  text: string;
}

/**
 * Reads an `<instance>` document into the same tree as its JSON form. DOCTYPE and entities beyond the five are refused; depth and number
 * of elements are bounded. The text may come in slices.
 *
 * @throws EurekaRequestError 400.
 */
export class XmlTreeReader {
  readonly #root: Frame = { name: '', attributes: {}, children: {}, text: '' };
  readonly #parser = new SaxesParser({ xmlns: false });

  constructor() {
    const stack: Frame[] = [this.#root];
    let nodes = 0;
    this.#parser.on('error', refuse);
    this.#parser.on('doctype', () => refuse());
    this.#parser.on('opentag', (tag) => {
      nodes += 1;
      if (nodes > EUREKA_LIMITS.nodes || stack.length > EUREKA_LIMITS.depth) refuse();
      const colon = tag.name.indexOf(':');
      stack.push({ name: tag.name.slice(colon + 1), attributes: tag.attributes, children: {}, text: '' });
    });
    const addText = (text: string) => {
      const top = stack.at(-1);
      if (top !== undefined) top.text += text;
    };
    this.#parser.on('text', addText);
    this.#parser.on('cdata', addText);
    this.#parser.on('closetag', () => {
      const closed = stack.pop();
      const parent = stack.at(-1);
      if (closed !== undefined && parent !== undefined) put(parent, closed);
    });
  }

  write(slice: string): void {
    guarded(() => this.#parser.write(slice));
  }

  end(): Tree {
    guarded(() => this.#parser.close());
    return this.#root.children;
  }
}

function refuse(cause?: unknown): never {
  throw new EurekaRequestError(400, UNPARSABLE_XML, { cause });
}

function guarded(run: () => unknown): void {
  try {
    run();
  } catch (caught) {
    if (caught instanceof EurekaRequestError) throw caught;
    refuse(caught);
  }
}

/** A whole document at once. @throws EurekaRequestError 400. */
export function parseXmlBody(body: string): Tree {
  const reader = new XmlTreeReader();
  reader.write(withoutMark(body));
  return reader.end();
}

/** Characters of one slice: some milliseconds, even of the markup that costs most. */
const SLICE_LENGTH = 16 * 1024;

/** The same with a turn of the event loop between slices: a large document can cost hundreds of milliseconds. @throws EurekaRequestError 400. */
export async function parseXmlBodyInTurns(body: string, nextTurn: () => Promise<void>): Promise<Tree> {
  const reader = new XmlTreeReader();
  const text = withoutMark(body);
  for (let at = 0; at < text.length; at += SLICE_LENGTH) {
    if (at > 0) await nextTurn();
    reader.write(text.slice(at, at + SLICE_LENGTH));
  }
  return reader.end();
}

function withoutMark(body: string): string {
  return body.charCodeAt(0) === 0xfeff ? body.slice(1) : body;
}

function put(parent: Frame, closed: Frame): void {
  if (parent.name === 'metadata') {
    // Whatever an entry is called, it is a text, and its spaces are its own.
    const isNested = Object.keys(closed.children).length > 0;
    define(parent, unescapeXmlName(closed.name), isNested ? closed.children : closed.text);
    return;
  }
  if (closed.name === 'port' || closed.name === 'securePort') {
    const enabled = closed.attributes['enabled'] ?? (closed.name === 'port' ? 'true' : 'false');
    parent.children[closed.name] = { $: closed.text.trim(), '@enabled': enabled };
    return;
  }
  const isMap = Object.keys(closed.children).length > 0 || ['metadata', 'dataCenterInfo', 'leaseInfo', 'instance'].includes(closed.name);
  define(parent, closed.name, isMap ? closed.children : closed.text.trim());
}

/** As an own property, so that no name of the document can reach the object's prototype. */
function define(parent: Frame, name: string, value: unknown): void {
  Object.defineProperty(parent.children, name, { value, enumerable: true, writable: true, configurable: true });
}
