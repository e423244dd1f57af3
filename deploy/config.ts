import { readFileSync } from 'node:fs';
import { Ajv, type ErrorObject } from 'ajv';
import { eurekaConfigProblems } from '../adapters/eureka/index.ts';
import { type Config, configSchema, environmentNameOf, flagOf, type Setting, settings } from './config-schema.ts';
import { clusterProblems } from './node-network.ts';

/** What the command line asks for besides settings. */
export interface Command {
  readonly kind: 'run' | 'help' | 'version' | 'print-ports' | 'check-config';
}

export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(
      `the configuration has ${problems.length === 1 ? 'an error' : `${problems.length} errors`}:\n${problems.map((p) => `  - ${p}`).join('\n')}`,
    );
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

interface Tree {
  [key: string]: unknown;
}

const COMMANDS: Readonly<Record<string, Command['kind']>> = {
  '--help': 'help',
  '-h': 'help',
  '--version': 'version',
  '--print-ports': 'print-ports',
  '--check-config': 'check-config',
};

/**
 * Reads settings from the file (`--config`), the environment (ISTHMUS_...) and flags, the later winning, checks them together
 * against the schema and fills in defaults.
 *
 * @throws ConfigError with all problems at once.
 */
export function loadConfig(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): { readonly config: Config; readonly command: Command } {
  const problems: string[] = [];
  const known = new Map(settings().map((setting) => [flagOf(setting.path), setting]));
  const { flags, command, file } = readArguments(argv, known, problems);
  const tree: Tree = {};
  const path = file ?? environment['ISTHMUS_CONFIG'];
  if (path !== undefined) mergeFile(tree, path, problems);
  mergeEnvironment(tree, environment, problems);
  for (const [setting, value] of flags) put(tree, setting.path, parseValue(setting, value, flagOf(setting.path), problems));
  check(tree, problems);
  if (problems.length === 0) problems.push(...eurekaConfigProblems((tree as unknown as Config).eureka));
  if (problems.length > 0 && command.kind !== 'help' && command.kind !== 'version') throw new ConfigError(problems);
  return { config: withOffset(tree as unknown as Config), command };
}

function readArguments(argv: readonly string[], known: ReadonlyMap<string, Setting>, problems: string[]) {
  const flags: [Setting, string][] = [];
  let command: Command = { kind: 'run' };
  let file: string | undefined;
  for (let index = 0; index < argv.length; index += 1) {
    const argument = argv[index] ?? '';
    const equals = argument.indexOf('=');
    const name = equals === -1 ? argument : argument.slice(0, equals);
    const kind = COMMANDS[name];
    if (kind !== undefined) {
      command = { kind };
      continue;
    }
    const setting = known.get(name);
    if (setting === undefined && name !== '--config') {
      problems.push(`${name}: there is no such option (--help lists them)`);
      continue;
    }
    let value = equals === -1 ? argv[index + 1] : argument.slice(equals + 1);
    if (equals === -1) {
      if (value === undefined || value.startsWith('--')) value = setting?.type === 'boolean' ? 'true' : undefined;
      else index += 1;
    }
    if (value === undefined) problems.push(`${name}: a value is missing`);
    else if (setting === undefined) file = value;
    else flags.push([setting, value]);
  }
  return { flags, command, file };
}

function mergeFile(tree: Tree, path: string, problems: string[]): void {
  try {
    const parsed: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
      problems.push(`${path}: the file must hold one JSON object`);
    else Object.assign(tree, parsed);
  } catch (caught) {
    problems.push(`${path}: ${caught instanceof Error ? caught.message : String(caught)}`);
  }
}

function mergeEnvironment(tree: Tree, environment: Readonly<Record<string, string | undefined>>, problems: string[]): void {
  const known = new Map(settings().map((setting) => [environmentNameOf(setting.path), setting]));
  for (const [name, value] of Object.entries(environment)) {
    if (!name.startsWith('ISTHMUS_') || name === 'ISTHMUS_CONFIG' || value === undefined) continue;
    const setting = known.get(name);
    if (setting === undefined) problems.push(`${name}: there is no such setting`);
    else put(tree, setting.path, parseValue(setting, value, name, problems));
  }
}

function parseValue(setting: Setting, value: string, source: string, problems: string[]): unknown {
  if (setting.type === 'string') return value;
  if (setting.type === 'boolean') {
    if (value === 'true' || value === 'false') return value === 'true';
    problems.push(`${source}: ${JSON.stringify(value)} is not allowed; allowed: true or false`);
    return undefined;
  }
  const parsed = value.trim() === '' ? Number.NaN : Number(value);
  if (Number.isFinite(parsed)) return parsed;
  problems.push(`${source}: ${JSON.stringify(value)} is not a number; allowed: ${setting.range}`);
  return undefined;
}

function put(tree: Tree, path: string, value: unknown): void {
  if (value === undefined) return;
  const names = path.split('.');
  let node = tree;
  for (const name of names.slice(0, -1)) {
    if (typeof node[name] !== 'object' || node[name] === null) node[name] = {};
    node = node[name] as Tree;
  }
  node[names.at(-1) ?? ''] = value;
}

function check(tree: Tree, problems: string[]): void {
  addGroups(tree, configSchema);
  // Without the schema of schemas: compiling that takes a tenth of the whole start. A test holds ours against it.
  const ajv = new Ajv({ allErrors: true, useDefaults: true, strict: true, meta: false, validateSchema: false });
  const validate = ajv.compile(configSchema);
  if (!validate(tree)) for (const error of validate.errors ?? []) problems.push(describe(error, tree));
  else problems.push(...clusterProblems(tree as unknown as Config));
}

/** Groups that nobody mentioned must exist for their defaults to be filled in. */
function addGroups(tree: Tree, schema: { readonly properties: Readonly<Record<string, object>> }): void {
  for (const [name, child] of Object.entries(schema.properties)) {
    if (!('properties' in child)) continue;
    tree[name] ??= {};
    const group = tree[name];
    if (typeof group === 'object' && group !== null) addGroups(group as Tree, child as typeof schema);
  }
}

function describe(error: ErrorObject, tree: Tree): string {
  const path = error.instancePath.slice(1).replaceAll('/', '.');
  if (error.keyword === 'additionalProperties') {
    const name = String(error.params['additionalProperty']);
    return `${path === '' ? name : `${path}.${name}`}: there is no such setting`;
  }
  const value = path
    .split('.')
    .reduce<unknown>((node, name) => (typeof node === 'object' && node !== null ? (node as Tree)[name] : undefined), tree);
  const range = settings().find((setting) => setting.path === path)?.range ?? error.message ?? '';
  return `${path}: ${JSON.stringify(value)} is not allowed; allowed: ${range}`;
}

/** Port 0 stays "any free port". */
function withOffset(config: Config): Config {
  const shift = (port: number | undefined) => (port === undefined || port === 0 ? port : port + config.portOffset);
  return {
    ...config,
    admin: { ...config.admin, port: shift(config.admin?.port) as number },
    eureka: { ...config.eureka, port: shift(config.eureka?.port) as number },
    sofa: { ...config.sofa, port: shift(config.sofa?.port) as number, httpPort: shift(config.sofa?.httpPort) as number },
  };
}
