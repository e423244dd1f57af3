import { type Composer, type DataInfoId, type FormatReader, type Formats, formatDataInfoId, parseDataInfoId } from '../../core/index.ts';

/** Clients that live by their connection publish and subscribe in one format, clients that live by heartbeats in the other. */
export const CONNECTION_FORMAT = 'sim-connection';
export const LEASE_FORMAT = 'sim-lease';

/** Each registration is one address, known by its registerId, so that readers of the other format must see exactly what its own see. */
function readerOf(format: string): FormatReader {
  return {
    format,
    readInstances: ({ registerId, payload }) => [
      {
        instanceId: registerId,
        host: registerId,
        ports: new Map([['http', 80]]),
        weight: 1,
        healthy: true,
        enabled: true,
        metadata: new Map([['value', new TextDecoder().decode(payload)]]),
        zone: '',
        origin: format,
      },
    ],
  };
}

function composerOf(format: string): Composer {
  return {
    format,
    compose: ({ instanceId, metadata }) => [{ registerId: instanceId, payload: new TextEncoder().encode(`${metadata.get('value')}`) }],
  };
}

const NAMES = [CONNECTION_FORMAT, LEASE_FORMAT];
export const SIM_FORMATS: Formats = { readers: NAMES.map(readerOf), composers: NAMES.map(composerOf) };

/** The name as clients that live by heartbeats spell it: all in capitals, as Eureka does. */
export function spelledByLeases(name: DataInfoId): DataInfoId {
  const parts = parseDataInfoId(name);
  return formatDataInfoId({ ...parts, dataId: parts.dataId.toUpperCase() });
}

/** The public name, whoever spelled it. */
export function publicName(dataInfoId: DataInfoId): DataInfoId {
  const parts = parseDataInfoId(dataInfoId);
  return formatDataInfoId({ ...parts, dataId: parts.dataId.toLowerCase() });
}
