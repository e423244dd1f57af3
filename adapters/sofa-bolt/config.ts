/** Settings of the SOFA adapter. The same names serve in the file, the environment and as flags. */
export interface SofaConfig {
  readonly enabled: boolean;
  readonly host: string;
  readonly port: number;
  readonly httpPort: number;
  readonly advertisedHost: string;
  readonly idleTimeoutMs: number;
}

/** JSON schema (Ajv) with description, unit, default and range of each setting. */
export const sofaConfigSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    enabled: { type: 'boolean', default: true, description: 'Serve SOFA clients' },
    host: { type: 'string', minLength: 1, default: '127.0.0.1', description: 'Address to listen on; 0.0.0.0 or :: for all' },
    port: { type: 'integer', minimum: 0, maximum: 65535, default: 9600, description: 'Port of the bolt protocol' },
    httpPort: {
      type: 'integer',
      minimum: 0,
      maximum: 65535,
      default: 9603,
      description: 'Port of the session list, the endpoint of SOFA clients',
    },
    advertisedHost: {
      type: 'string',
      maxLength: 255,
      pattern: '^[^:;?\\s]*$',
      allowed: 'a host name or an IPv4 address',
      default: '',
      description: 'Host in the session list, an IPv4 address or a name; empty: the address by which the client reached this gateway',
    },
    idleTimeoutMs: {
      type: 'integer',
      minimum: 1000,
      maximum: 600_000,
      default: 45_000,
      description: 'Milliseconds without a byte from a client, which sends a heartbeat every 15 s, after which it is dead',
    },
  },
} as const;
