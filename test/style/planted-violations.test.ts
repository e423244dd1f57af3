import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Where a violation is planted, what it is, and what must be said about that file. */
const FOR_THE_LINTER: readonly { readonly name: string; readonly file: string; readonly code: string; readonly rule: string }[] = [
  { name: 'a role imports another', file: 'core/session/p1.ts', code: "import '../data/index.ts';", rule: 'noRestrictedImports' },
  { name: 'the model imports a slot', file: 'core/model/p2.ts', code: "import '../slot/slot-of.ts';", rule: 'noRestrictedImports' },
  { name: 'wire imports a role', file: 'core/wire/p3.ts', code: "import '../meta/index.ts';", rule: 'noRestrictedImports' },
  {
    name: 'an adapter goes past the doors',
    file: 'adapters/eureka/p4.ts',
    code: "import '../../core/slot/slot-of.ts';",
    rule: 'noRestrictedImports',
  },
  { name: 'the core imports Node', file: 'core/data/p5.ts', code: "import 'node:fs';", rule: 'noRestrictedImports' },
  { name: 'the core imports koa', file: 'core/session/p6.ts', code: "import 'koa';", rule: 'noRestrictedImports' },
  { name: 'the host imports a role', file: 'core/host/p7.ts', code: "import '../data/index.ts';", rule: 'noRestrictedImports' },
  { name: 'a wall clock in the core', file: 'core/data/p8.ts', code: 'export const p = Date.now();', rule: 'plugin' },
  { name: 'a date in an adapter', file: 'adapters/eureka/p9.ts', code: 'export const p = new Date();', rule: 'plugin' },
  { name: 'chance in the core', file: 'core/slot/p10.ts', code: 'export const p = Math.random();', rule: 'plugin' },
  { name: 'a stop watch in the core', file: 'core/lease/p11.ts', code: 'export const p = performance.now();', rule: 'plugin' },
  { name: 'a timer in the core', file: 'core/meta/p12.ts', code: 'export const p = setTimeout;', rule: 'noRestrictedGlobals' },
  { name: 'the process in the core', file: 'core/meta/p13.ts', code: 'export const p = process;', rule: 'noRestrictedGlobals' },
  {
    name: 'the environment in an adapter',
    file: 'adapters/eureka/p14.ts',
    code: "export const p = process.env['X'];",
    rule: 'noProcessEnv',
  },
  { name: 'an enum', file: 'core/model/p15.ts', code: 'export enum P { A }', rule: 'noEnum' },
  { name: 'a default export', file: 'core/model/p16.ts', code: 'export default 1;', rule: 'noDefaultExport' },
  { name: 'a file name in another case', file: 'core/model/WrongName.ts', code: 'export const p = 1;', rule: 'useFilenamingConvention' },
  { name: 'the console in the core', file: 'core/model/p17.ts', code: "console.log('x');", rule: 'noConsole' },
  {
    name: 'a floating promise',
    file: 'core/model/p18.ts',
    code: 'async function f() {}\nexport function g() { f(); }',
    rule: 'noFloatingPromises',
  },
  {
    name: 'one half of a cycle',
    file: 'core/model/p19.ts',
    code: "import { b } from './p20.ts';\nexport const a = () => b;",
    rule: 'noImportCycles',
  },
  {
    name: 'the other half of a cycle',
    file: 'core/model/p20.ts',
    code: "import { a } from './p19.ts';\nexport const b = () => a;",
    rule: 'noImportCycles',
  },
];

const FOR_THE_COMPILER: readonly { readonly name: string; readonly file: string; readonly code: string; readonly error: string }[] = [
  { name: 'the core imports an adapter', file: 'core/q1.ts', code: "import '../adapters/eureka/index.ts';", error: 'TS6307' },
  {
    name: 'the core names a type of deploy',
    file: 'core/q2.ts',
    code: "export type { Config } from '../deploy/config-schema.ts';",
    error: 'TS6307',
  },
  { name: 'an adapter imports another', file: 'adapters/eureka/q3.ts', code: "import '../sofa-bolt/q4.ts';", error: 'TS6307' },
];

describe('a planted violation is caught', () => {
  let folder = '';
  let linted = '';
  let compiled = '';

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'isthmus-style-'));
    for (const name of ['core', 'adapters', 'deploy', 'tools', 'biome.json', 'tsconfig.base.json', 'tsconfig.json', 'package.json']) {
      cpSync(join(ROOT, name), join(folder, name), { recursive: true });
    }
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    mkdirSync(join(folder, 'adapters/sofa-bolt'), { recursive: true });
    for (const { file, code } of [...FOR_THE_LINTER, ...FOR_THE_COMPILER, { file: 'adapters/sofa-bolt/q4.ts', code: 'export {};' }]) {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), `${code}\n`);
    }
    writeFileSync(join(folder, '.gitignore'), 'node_modules/\ndist/\n');
    execFileSync('git', ['init', '-q'], { cwd: folder });
    linted = run(['node_modules/@biomejs/biome/bin/biome', 'lint', '--max-diagnostics=none', '--reporter=json', '.'], folder);
    for (const { file } of FOR_THE_LINTER) rmSync(join(folder, file));
    compiled = run(['node_modules/typescript/bin/tsc', '-b', '--pretty', 'false'], folder);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each(FOR_THE_LINTER)('$name: $rule', ({ file, rule }) => {
    expect(findings(linted, file)).toContainEqual(expect.stringContaining(rule));
  });

  it.each(FOR_THE_COMPILER)('$name: $error', ({ file, error }) => {
    expect(compiled.split('\n').filter((line) => line.startsWith(file))).toContainEqual(expect.stringContaining(error));
  });
});

function run(command: readonly string[], cwd: string): string {
  return spawnSync(process.execPath, command, { cwd, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 }).stdout;
}

function findings(report: string, file: string): readonly string[] {
  const parsed = JSON.parse(report) as {
    readonly diagnostics: readonly { readonly category: string; readonly location: { readonly path: unknown } }[];
  };
  return parsed.diagnostics.filter(({ location }) => JSON.stringify(location.path).includes(file)).map(({ category }) => category);
}
