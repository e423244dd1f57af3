/** Settings of a node among others. */
export interface ClusterConfig {
  readonly name: string;
  readonly listen: string;
  readonly advertisedHost: string;
  readonly secretFile: string;
  readonly zone: string;
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string };
}

/** Where Meta keeps what must not be lost. */
export interface MetaStoreConfig {
  readonly etcd: string;
  readonly etcdTls: { readonly ca: string; readonly cert: string; readonly key: string };
}

export const DEFAULT_LISTEN = '127.0.0.1:9620';
const file = (what: string) =>
  ({ type: 'string', allowed: 'path of a file', default: '', description: `${what}, PEM file; empty: no TLS between nodes` }) as const;

export const rolesSchema = {
  type: 'string',
  pattern: '^(meta|data|session)(,(meta|data|session))*$',
  allowed: 'meta, data and session, with commas between them',
  default: 'meta,data,session',
  description: 'What this process does, any of meta, data and session',
} as const;

export const joinSchema = {
  type: 'string',
  format: 'addresses',
  allowed: 'host:port, with commas between several',
  default: '',
  description: 'Addresses of Meta nodes, host:port[,host:port]; empty: the Meta role of this process',
} as const;

export const replicasSchema = {
  type: 'integer',
  minimum: 1,
  maximum: 3,
  default: 2,
  description: 'Copies of each slot on different Data nodes; read by Meta',
} as const;

const etcdFile = (what: string) =>
  ({ type: 'string', allowed: 'path of a file', default: '', description: `${what}, PEM file, for etcd with https` }) as const;

/** JSON schema (Ajv) of the group `meta`. */
export const metaStoreConfigSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    etcd: {
      type: 'string',
      pattern: '^(https?://[^,\\s]+(,https?://[^,\\s]+)*)?$',
      allowed: 'http://host:port or https://host:port, with commas between several',
      default: '',
      description: 'Addresses of etcd for several Metas, http://host:2379[,...]; empty: the embedded store of the only Meta',
    },
    etcdTls: {
      type: 'object',
      additionalProperties: false,
      properties: {
        ca: etcdFile('Authority that signed etcd'),
        cert: etcdFile('Certificate of this node for etcd'),
        key: etcdFile('Key of this node for etcd'),
      },
    },
  },
} as const;

/** JSON schema (Ajv) of the group `cluster`. */
export const clusterConfigSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    name: {
      type: 'string',
      minLength: 1,
      maxLength: 100,
      default: 'isthmus',
      description: 'Name of the cluster; fixed at the first start',
    },
    listen: {
      type: 'string',
      format: 'address',
      allowed: 'host:port',
      default: '',
      description: `Where other nodes connect, host:port; empty: ${DEFAULT_LISTEN} for a node among others, nothing for one that is alone`,
    },
    advertisedHost: { type: 'string', maxLength: 255, default: '', description: 'Host told to other nodes; empty: the one it listens on' },
    secretFile: {
      type: 'string',
      allowed: 'path of a file',
      default: '',
      description: 'File with the secret that all nodes of the cluster share; needed beyond loopback unless there is TLS',
    },
    zone: { type: 'string', maxLength: 100, default: '', description: 'Rack or zone of this node: copies of a slot are kept apart' },
    tls: {
      type: 'object',
      additionalProperties: false,
      properties: {
        ca: file('Authority that signed the nodes of this cluster'),
        cert: file('Certificate of this node'),
        key: file('Key of this node'),
      },
    },
  },
} as const;
