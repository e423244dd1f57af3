import { Ajv, type ErrorObject } from 'ajv';
import { eurekaConfigProblems } from '../adapters/eureka/index.ts';
import { type Config, configSchema, settings } from './config-schema.ts';
import { type Command, Findings, readSources, type Tree } from './config-sources.ts';
import { ADDRESS_FORMATS, clusterProblems } from './node-network.ts';
import { portProblems } from './ports.ts';

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

/**
 * Reads settings from file, environment and flags, checks them together against the schema and against each other, and fills in
 * defaults.
 *
 * @throws ConfigError with all problems at once.
 */
export function loadConfig(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): { readonly config: Config; readonly command: Command } {
  const findings = new Findings();
  const { tree, command, isComplete } = readSources(argv, environment, findings);
  const config = checkAlone(tree, findings);
  if (isComplete) checkTogether(config, findings);
  const isAsked = command.kind === 'help' || command.kind === 'version';
  if (findings.problems.length > 0 && !isAsked) throw new ConfigError(findings.problems);
  return { config: withOffset(config), command };
}

/** Each setting by itself. A wrong one is told and has its default in what is returned. */
function checkAlone(tree: Tree, findings: Findings): Config {
  // Without the schema of schemas: compiling that takes a tenth of the whole start. A test holds ours against it.
  const ajv = new Ajv({
    allErrors: true,
    useDefaults: true,
    strict: true,
    meta: false,
    validateSchema: false,
    keywords: ['allowed'],
    formats: ADDRESS_FORMATS,
  });
  const validate = ajv.compile<Config>(configSchema);
  addGroups(tree, configSchema);
  if (validate(tree)) return tree;
  const errors = (validate.errors ?? []).map((error) => ({ error, names: namesOf(error) }));
  for (const { error, names } of errors) findings.add(describe(error, names, tree), names.join('.'));
  for (const { names } of errors) remove(tree, names);
  addGroups(tree, configSchema);
  if (!validate(tree)) throw new Error(`defaults do not fit the schema: ${ajv.errorsText(validate.errors)}`);
  return tree;
}

/** Rules between settings, and what files hold. Nothing is said of a setting that is wrong by itself. */
function checkTogether(config: Config, findings: Findings): void {
  const problems = [...clusterProblems(config), ...portProblems(config), ...eurekaConfigProblems(config.eureka)];
  const wrong = [...findings.paths];
  for (const problem of problems) {
    const about = problem.slice(0, problem.indexOf(':'));
    if (!wrong.some((path) => path === about || path.startsWith(`${about}.`))) findings.add(problem);
  }
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

function namesOf(error: ErrorObject): readonly string[] {
  const names = error.instancePath.split('/').slice(1);
  return error.keyword === 'additionalProperties' ? [...names, String(error.params['additionalProperty'])] : names;
}

function describe(error: ErrorObject, names: readonly string[], tree: Tree): string {
  const path = names.join('.');
  if (error.keyword === 'additionalProperties') {
    const hint = names.some((name) => name.includes('.')) ? '; in a file each group is an object of its own' : '';
    return `${path}: there is no such setting${hint}`;
  }
  const setting = settings().find((each) => each.path === path);
  const value = JSON.stringify(valueAt(tree, names));
  if (setting === undefined) return `${path}: ${value} is not allowed; allowed: a group of settings`;
  const isFraction = setting.type === 'integer' && error.keyword === 'type';
  return `${path}: ${value} is not allowed; allowed: ${setting.range}${isFraction ? ', whole numbers' : ''}`;
}

function valueAt(tree: Tree, names: readonly string[]): unknown {
  return names.reduce<unknown>((node, name) => (typeof node === 'object' && node !== null ? (node as Tree)[name] : undefined), tree);
}

function remove(tree: Tree, names: readonly string[]): void {
  const group = valueAt(tree, names.slice(0, -1)) as Tree | undefined;
  if (group !== undefined) delete group[names.at(-1) ?? ''];
}

/** Port 0 stays "any free port". */
function withOffset(config: Config): Config {
  const shift = (port: number) => (port === 0 ? port : port + config.portOffset);
  return {
    ...config,
    admin: { ...config.admin, port: shift(config.admin.port) },
    eureka: { ...config.eureka, port: shift(config.eureka.port) },
    sofa: { ...config.sofa, port: shift(config.sofa.port), httpPort: shift(config.sofa.httpPort) },
  };
}
