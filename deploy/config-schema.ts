import { type EurekaConfig, eurekaConfigSchema } from '../adapters/eureka/index.ts';
import { type SofaConfig, sofaConfigSchema } from '../adapters/sofa-bolt/index.ts';
import { CrossProtocol, DEFAULT_CROSS_PROTOCOL } from '../core/index.ts';
import {
  type ClusterConfig,
  clusterConfigSchema,
  joinSchema,
  type MetaStoreConfig,
  metaStoreConfigSchema,
  replicasSchema,
  rolesSchema,
} from './cluster-config.ts';

/** The whole configuration after defaults: nothing is optional. */
export interface Config {
  readonly dataDir: string;
  readonly dataCenter: string;
  /** Comma-separated; `rolesOf` reads it. */
  readonly roles: string;
  readonly join: string;
  readonly portOffset: number;
  readonly slots: number;
  readonly replicas: number;
  readonly cluster: ClusterConfig;
  readonly meta: MetaStoreConfig;
  readonly log: { readonly level: 'debug' | 'info' | 'warn' | 'error'; readonly format: 'auto' | 'json' | 'text' };
  readonly admin: { readonly host: string; readonly port: number };
  readonly registry: {
    readonly restoreHoldMs: number;
    readonly restoreOldestMs: number;
    readonly leaseGuard: boolean;
    readonly crossProtocol: CrossProtocol;
    readonly crossProtocolNames: string;
  };
  readonly eureka: EurekaConfig;
  readonly sofa: SofaConfig;
}

/**
 * One schema for file, environment and flags (JSON Schema, checked by Ajv). Every leaf has a description; `--help` is made of it. One with a
 * pattern says in `allowed` what it lets through, for the user.
 */
export const configSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    dataDir: { type: 'string', minLength: 1, default: './isthmus-data', description: 'Folder of the durable state; one gateway at a time' },
    dataCenter: {
      type: 'string',
      minLength: 1,
      maxLength: 100,
      default: 'DefaultDataCenter',
      description: 'Name of this datacenter as clients see it',
    },
    roles: rolesSchema,
    join: joinSchema,
    portOffset: { type: 'integer', minimum: 0, maximum: 50_000, default: 0, description: 'Added to every port' },
    slots: { type: 'integer', enum: [256, 1024, 4096], default: 256, description: 'Slot count; fixed at the first start' },
    replicas: replicasSchema,
    cluster: clusterConfigSchema,
    meta: metaStoreConfigSchema,
    log: {
      type: 'object',
      additionalProperties: false,
      properties: {
        level: { type: 'string', enum: ['debug', 'info', 'warn', 'error'], default: 'info', description: 'Least level that is written' },
        format: {
          type: 'string',
          enum: ['auto', 'json', 'text'],
          default: 'auto',
          description: 'auto: text on a terminal, JSON lines otherwise',
        },
      },
    },
    admin: {
      type: 'object',
      additionalProperties: false,
      properties: {
        host: { type: 'string', minLength: 1, default: '127.0.0.1', description: 'Address of the admin port' },
        port: { type: 'integer', minimum: 0, maximum: 65535, default: 9615, description: 'Health, metrics, operating' },
      },
    },
    registry: {
      type: 'object',
      additionalProperties: false,
      properties: {
        restoreHoldMs: {
          type: 'integer',
          minimum: 0,
          maximum: 3_600_000,
          default: 60_000,
          description: 'Milliseconds a name is held after a restart until its connected publishers are back',
        },
        restoreOldestMs: {
          type: 'integer',
          minimum: 0,
          maximum: 86_400_000,
          default: 600_000,
          description: 'Milliseconds since the last sign of life after which a restart restores nothing',
        },
        leaseGuard: {
          type: 'boolean',
          default: true,
          description:
            'Keep overdue leases when more than 15 % of their service, Session, zone or network segment fell silent together, 15 minutes at most',
        },
        crossProtocol: {
          type: 'string',
          enum: [CrossProtocol.Http, CrossProtocol.Off],
          default: DEFAULT_CROSS_PROTOCOL.services,
          description: 'What clients of one protocol see of the others: http, the services with an HTTP address; off, nothing',
        },
        crossProtocolNames: {
          type: 'string',
          maxLength: 10_000,
          default: DEFAULT_CROSS_PROTOCOL.names,
          description: 'Which names cross: patterns with *, in a list with commas; ! excludes, the last that fits decides',
        },
      },
    },
    eureka: eurekaConfigSchema,
    sofa: sofaConfigSchema,
  },
} as const;

export interface Setting {
  /** Dotted path, e.g. `eureka.port`. */
  readonly path: string;
  readonly type: 'string' | 'integer' | 'number' | 'boolean';
  readonly description: string;
  readonly defaultValue: unknown;
  /** What is allowed, as the user reads it. */
  readonly range: string;
}

interface SchemaNode {
  readonly type: string;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly allowed?: string;
}

/** Every setting, in the order of the schema. */
export function settings(node: SchemaNode = configSchema, prefix = ''): readonly Setting[] {
  return Object.entries(node.properties ?? {}).flatMap(([name, child]) => {
    const path = prefix === '' ? name : `${prefix}.${name}`;
    if (child.properties !== undefined) return settings(child, path);
    const type = child.type as Setting['type'];
    return [{ path, type, description: child.description ?? '', defaultValue: child.default, range: rangeOf(child) }];
  });
}

function rangeOf(node: SchemaNode): string {
  if (node.allowed !== undefined) return node.allowed;
  if (node.type === 'boolean') return 'true or false';
  if (node.enum !== undefined) return `one of ${node.enum.join(', ')}`;
  if (node.minimum !== undefined && node.maximum !== undefined) return `${node.minimum} to ${node.maximum}`;
  if (node.maxLength !== undefined) return `${node.minLength ?? 0} to ${node.maxLength} characters`;
  return (node.minLength ?? 0) > 0 ? 'any text but none' : 'any text';
}

/** `eureka.port` as a flag: `--eureka.port`; `dataDir`: `--data-dir`. */
export function flagOf(path: string): string {
  return `--${kebab(path)}`;
}

/** `eureka.port` in the environment: `ISTHMUS_EUREKA_PORT`; `dataDir`: `ISTHMUS_DATA_DIR`. */
export function environmentNameOf(path: string): string {
  return `ISTHMUS_${kebab(path).replaceAll(/[.-]/g, '_').toUpperCase()}`;
}

function kebab(path: string): string {
  return path.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
