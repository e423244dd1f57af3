import { credentialsProblems } from './authentication.ts';
import { PeerAddresses } from './peers.ts';

/** Settings of the Eureka adapter. The same names serve in the file, the environment and as flags. */
export interface EurekaConfig {
  readonly enabled: boolean;
  readonly host: string;
  readonly port: number;
  readonly contextPath: string;
  readonly leaseMultiplier: number;
  readonly deltaRetentionMs: number;
  readonly requestTimeoutMs: number;
  readonly peerAddresses: string;
  readonly credentialsFile: string;
  readonly credentialsMode: 'enforce' | 'observe';
}

/** JSON schema (Ajv) with description, unit, default and range of each setting. */
export const eurekaConfigSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    enabled: { type: 'boolean', default: true, description: 'Serve Eureka clients' },
    host: { type: 'string', minLength: 1, default: '127.0.0.1', description: 'Address to listen on; 0.0.0.0 or :: for all' },
    port: { type: 'integer', minimum: 0, maximum: 65535, default: 8761, description: 'Port of the Eureka REST protocol' },
    contextPath: {
      type: 'string',
      pattern: '^(/[^/?#\\s]+)*$',
      maxLength: 200,
      allowed: 'nothing, or names of up to 200 characters with / before each',
      default: '',
      description: 'Additional path prefix before /eureka, e.g. /registry',
    },
    leaseMultiplier: {
      type: 'number',
      minimum: 1,
      maximum: 10,
      default: 1,
      description: 'A lease ends after this many durations without a heartbeat; existing Eureka servers take 2',
    },
    deltaRetentionMs: {
      type: 'integer',
      minimum: 1000,
      maximum: 3_600_000,
      default: 180_000,
      description: 'Milliseconds a change stays in apps/delta',
    },
    requestTimeoutMs: {
      type: 'integer',
      minimum: 100,
      maximum: 300_000,
      default: 30_000,
      description: 'Milliseconds a client may take to send a whole request',
    },
    peerAddresses: {
      type: 'string',
      maxLength: 4_000,
      allowed: 'IP addresses, with commas between them',
      default: '',
      description: 'IP addresses, comma-separated, of existing Eureka servers whose replication is believed',
    },
    credentialsFile: {
      type: 'string',
      maxLength: 4_000,
      allowed: 'path of a file',
      default: '',
      description: 'File of user:secret lines that clients must know (Basic authentication); empty for none',
    },
    credentialsMode: {
      type: 'string',
      enum: ['enforce', 'observe'],
      default: 'enforce',
      description: 'observe lets everybody in and reports who would be refused',
    },
  },
} as const;

/** What the schema cannot say: every problem of the settings with its path, as the user reads it. */
export function eurekaConfigProblems(config: EurekaConfig): readonly string[] {
  const problems: string[] = [];
  try {
    new PeerAddresses(config.peerAddresses);
  } catch (caught) {
    problems.push(`eureka.peerAddresses: ${caught instanceof Error ? caught.message : String(caught)}`);
  }
  if (config.enabled && config.credentialsFile !== '')
    problems.push(...credentialsProblems(config.credentialsFile).map((problem) => `eureka.credentialsFile: ${problem}`));
  return problems;
}
