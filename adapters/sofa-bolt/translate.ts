import type { Composer, FormatReader, Publisher, ServiceInstance } from '../../core/index.ts';
import { decodeBoxes, encodeBoxes, SOFA_FORMAT } from './payload.ts';
import { DEFAULT_ZONE } from './registrations.ts';

/** `[scheme://]host:port[/path][?key=value&...]`, as SOFA applications publish addresses. */
const ADDRESS = /^(?:([a-z][a-z0-9+.-]*):\/\/)?(\[[0-9a-f:.]+\]|[a-z0-9._-]+):(\d{1,5})(\/[^?#\s]*)?(?:\?([^#\s]*))?$/i;
/** Schemes that any HTTP client can call. Without one an address under an application's name is taken for HTTP. */
const HTTP_SCHEMES: ReadonlyMap<string, 'http' | 'https'> = new Map([
  ['', 'http'],
  ['http', 'http'],
  ['rest', 'http'],
  ['https', 'https'],
]);
/** Parameters that only providers of SOFARPC write: behind the address listens its own protocol, whatever the name says. */
const RPC_KEYS = ['rpcVer', '_SERIALIZETYPE', 'serialization'] as const;
/** Real addresses stay below 2,000 characters; a longer text is data, and would burden every reader of everything. */
const ADDRESS_LENGTH_MOST = 8_192;

/**
 * SOFA data as neutral instances: each value that is an HTTP address. Everything else is opaque and no instance for anybody else
 * (docs/protocol-mapping.md). Which names may be seen at all is the core's policy.
 */
export const sofaFormatReader: FormatReader = {
  format: SOFA_FORMAT,
  readInstances(publisher) {
    try {
      return decodeBoxes(publisher.payload).flatMap(({ data }) => (data === null ? [] : readAddress(data, publisher)));
    } catch {
      return [];
    }
  },
};

function readAddress(text: string, publisher: Publisher): readonly ServiceInstance[] {
  if (text.length > ADDRESS_LENGTH_MOST) return [];
  const [, scheme = '', host = '', port = '', path, query = ''] = ADDRESS.exec(text.trim()) ?? [];
  const metadata = readPairs(query);
  const protocol = HTTP_SCHEMES.get((scheme || (metadata.get('protocol') ?? '')).toLowerCase());
  const portNumber = Number(port);
  if (protocol === undefined || host === '' || portNumber < 1 || portNumber > 65_535) return [];
  if (scheme === '' && RPC_KEYS.some((key) => metadata.has(key))) return [];
  if (path !== undefined && path !== '/' && !metadata.has('path')) metadata.set('path', path);
  const weight = Number(metadata.get('weight') ?? 1);
  const address = host.startsWith('[') ? host.slice(1, -1) : host;
  return [
    {
      instanceId: `${address}:${portNumber}`,
      host: address,
      ports: new Map([[metadata.get('secure') === 'true' ? 'https' : protocol, portNumber]]),
      weight: Number.isFinite(weight) && weight >= 0 ? weight : 1,
      healthy: true,
      enabled: true,
      metadata,
      // The default zone is the word for none.
      zone: publisher.zone === DEFAULT_ZONE ? '' : publisher.zone,
      origin: SOFA_FORMAT,
    },
  ];
}

/** `key=value&...` with percent escapes; a plus sign is itself, and what is no escape stays as it is. The first of a key counts. */
function readPairs(query: string): Map<string, string> {
  const pairs = new Map<string, string>();
  for (const pair of query.split('&')) {
    const at = pair.indexOf('=');
    const key = unescapePercent(at === -1 ? pair : pair.slice(0, at));
    if (key !== '' && !pairs.has(key)) pairs.set(key, at === -1 ? '' : unescapePercent(pair.slice(at + 1)));
  }
  return pairs;
}

function unescapePercent(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Instances of other ecosystems as SOFA data: one value `host:port?key=value&...` each. */
export const sofaComposer: Composer = {
  format: SOFA_FORMAT,
  compose(instance) {
    const data = composeAddress(instance);
    return data === undefined ? [] : [{ registerId: addressOf(instance) ?? data, payload: encodeBoxes([{ data }]) }];
  },
};

/**
 * undefined when it takes no traffic now, because SOFA data has no word for "there, but do not call". The escapes are those that both
 * readers of URLs and readers of forms understand.
 */
export function composeAddress(instance: ServiceInstance): string | undefined {
  const address = addressOf(instance);
  if (address === undefined || !instance.healthy || !instance.enabled) return undefined;
  const pairs = new Map(instance.metadata);
  if (instance.weight !== 1) pairs.set('weight', String(instance.weight));
  if (!instance.ports.has('http')) pairs.set('secure', 'true');
  const query = [...pairs]
    .filter(([key]) => key !== '')
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${escapePercent(key)}=${escapePercent(value)}`)
    .join('&');
  return query === '' ? address : `${address}?${query}`;
}

function addressOf({ host, ports }: ServiceInstance): string | undefined {
  const port = ports.get('http') ?? ports.get('https');
  return port === undefined ? undefined : `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Characters that may stand in a query without a second meaning stay readable. */
function escapePercent(text: string): string {
  const wellFormed = text.replace(/[\ud800-\udfff]/gu, '\ufffd');
  return encodeURIComponent(wellFormed).replace(/%(3A|2F|2C|40|24)/g, (sequence) => decodeURIComponent(sequence));
}
