import { readFileSync } from 'node:fs';
import { environmentNameOf, flagOf, type Setting, settings } from './config-schema.ts';
import { isServiceLink } from './service-links.ts';

/** What the command line asks for besides settings. */
export interface Command {
  readonly kind: 'run' | 'help' | 'version' | 'print-ports' | 'check-config';
}

/** Settings by group and name, as they were written: not checked yet. */
export interface Tree {
  [key: string]: unknown;
}

/** What is wrong so far. */
export class Findings {
  /** Each a sentence that begins with the path, flag, variable or file it is about. */
  readonly problems: string[] = [];
  /** Paths of settings that a problem was found with: nothing can be said of what depends on them. */
  readonly paths = new Set<string>();

  add(problem: string, path?: string): void {
    if (!this.problems.includes(problem)) this.problems.push(problem);
    if (path !== undefined) this.paths.add(path);
  }
}

const COMMANDS: Readonly<Record<string, Command['kind']>> = {
  '--help': 'help',
  '-h': 'help',
  '--version': 'version',
  '--print-ports': 'print-ports',
  '--check-config': 'check-config',
};

/** What was found in the sources, before defaults. */
export interface Sources {
  readonly tree: Tree;
  readonly command: Command;
  /** False when there is a file that nothing is known of. */
  readonly isComplete: boolean;
}

/** Reads settings from the file (`--config`), the environment (ISTHMUS_...) and flags, the later winning. */
export function readSources(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  findings: Findings,
): Sources {
  const { flags, command, file } = readArguments(argv, findings);
  const path = file ?? environment['ISTHMUS_CONFIG'];
  const read = path === undefined ? {} : readFile(path, findings);
  const tree = read ?? {};
  mergeEnvironment(tree, environment, findings);
  for (const [setting, value] of flags) put(tree, setting.path, parseValue(setting, value, flagOf(setting.path), findings));
  return { tree, command, isComplete: read !== undefined };
}

function readArguments(argv: readonly string[], findings: Findings) {
  const known = new Map(settings().map((setting) => [flagOf(setting.path), setting]));
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
      findings.add(`${name}: there is no such option (--help lists them)`);
      continue;
    }
    let value = equals === -1 ? argv[index + 1] : argument.slice(equals + 1);
    if (equals === -1) {
      if (value === undefined || value.startsWith('--')) value = setting?.type === 'boolean' ? 'true' : undefined;
      else index += 1;
    }
    if (value === undefined) findings.add(`${name}: a value is missing`, setting?.path);
    else if (setting === undefined) file = value;
    else flags.push([setting, value]);
  }
  return { flags, command, file };
}

/** undefined when nothing is known of what the file holds. */
function readFile(path: string, findings: Findings): Tree | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (caught) {
    findings.add(`${path}: the file cannot be read: ${messageOf(caught)}`);
    return undefined;
  }
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed as Tree;
    findings.add(`${path}: the file must hold one JSON object`);
  } catch (caught) {
    findings.add(`${path}: the file is no JSON: ${messageOf(caught)}`);
  }
  return undefined;
}

function messageOf(caught: unknown): string {
  return caught instanceof Error ? caught.message : String(caught);
}

function mergeEnvironment(tree: Tree, environment: Readonly<Record<string, string | undefined>>, findings: Findings): void {
  const known = new Map(settings().map((setting) => [environmentNameOf(setting.path), setting]));
  for (const [name, value] of Object.entries(environment)) {
    if (!name.startsWith('ISTHMUS_') || name === 'ISTHMUS_CONFIG' || value === undefined || isServiceLink(name, value)) continue;
    const setting = known.get(name);
    if (setting === undefined) findings.add(`${name}: there is no such setting`);
    else put(tree, setting.path, parseValue(setting, value, name, findings));
  }
}

function parseValue(setting: Setting, value: string, source: string, findings: Findings): unknown {
  if (setting.type === 'string') return value;
  if (setting.type === 'boolean') {
    if (value === 'true' || value === 'false') return value === 'true';
    findings.add(`${source}: ${JSON.stringify(value)} is not allowed; allowed: ${setting.range}`, setting.path);
    return undefined;
  }
  const parsed = value.trim() === '' ? Number.NaN : Number(value);
  if (Number.isFinite(parsed)) return parsed;
  findings.add(`${source}: ${JSON.stringify(value)} is not a number; allowed: ${setting.range}`, setting.path);
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
