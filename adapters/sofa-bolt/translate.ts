import { DEFAULT_GROUP, type FormatReader, type Publisher, parseDataInfoId, type ServiceInstance } from '../../core/index.ts';
import { decodeBoxes, SOFA_FORMAT } from './payload.ts';

/** `[scheme://]host:port[/path][?key=value&...]`, as SOFA applications publish addresses. */
const ADDRESS = /^(?:([a-z][a-z0-9+.-]*):\/\/)?(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})(?:\/[^?\s]*)?(?:\?([^\s]*))?$/;
/** Schemes that any HTTP client can call. Without one an address under an application's name is taken for HTTP. */
const HTTP_SCHEMES: ReadonlyMap<string, string> = new Map([
  ['', 'http'],
  ['http', 'http'],
  ['rest', 'http'],
  ['https', 'https'],
]);

/**
 * SOFA data as neutral instances: addresses that are published under an application's name in the default group. SOFARPC's interface
 * names, Dubbo's groups and opaque data are no instances for anybody else (docs/protocol-mapping.md).
 */
export const sofaFormatReader: FormatReader = {
  format: SOFA_FORMAT,
  readInstances(publisher) {
    const { dataId, group } = parseDataInfoId(publisher.dataInfoId);
    if (group !== DEFAULT_GROUP || !isApplicationName(dataId)) return [];
    try {
      return decodeBoxes(publisher.payload).flatMap(({ data }) => (data === null ? [] : readAddress(data, publisher)));
    } catch {
      return [];
    }
  },
};

/** An application's name has no interface version, protocol or unique id behind it. */
function isApplicationName(dataId: string): boolean {
  return !/[:@/\s?#,%]/.test(dataId);
}

function readAddress(text: string, publisher: Publisher): readonly ServiceInstance[] {
  const [, scheme = '', host = '', port = '', query = ''] = ADDRESS.exec(text.trim()) ?? [];
  const protocol = HTTP_SCHEMES.get(scheme.toLowerCase());
  const portNumber = Number(port);
  if (protocol === undefined || host === '' || portNumber < 1 || portNumber > 65_535) return [];
  const metadata = new Map(new URLSearchParams(query));
  const weight = Number(metadata.get('weight') ?? 1);
  const address = host.startsWith('[') ? host.slice(1, -1) : host;
  return [
    {
      instanceId: `${address}:${portNumber}`,
      host: address,
      ports: new Map([[protocol, portNumber]]),
      weight: Number.isFinite(weight) && weight >= 0 ? weight : 1,
      healthy: true,
      enabled: true,
      metadata,
      zone: publisher.zone,
      origin: SOFA_FORMAT,
    },
  ];
}

/**
 * An instance of another ecosystem as SOFA data: `host:port?key=value&...`. undefined when it takes no traffic now, because SOFA data has
 * no word for "there, but do not call".
 */
export function composeAddress(instance: ServiceInstance): string | undefined {
  if (!instance.healthy || !instance.enabled) return undefined;
  const port = instance.ports.get('http') ?? instance.ports.get('https');
  if (port === undefined) return undefined;
  const host = instance.host.includes(':') ? `[${instance.host}]` : instance.host;
  const pairs = new Map(instance.metadata);
  if (instance.weight !== 1) pairs.set('weight', String(instance.weight));
  if (!instance.ports.has('http')) pairs.set('secure', 'true');
  const query = new URLSearchParams([...pairs].sort(([a], [b]) => (a < b ? -1 : 1))).toString();
  return `${host}:${port}${query === '' ? '' : `?${query}`}`;
}
