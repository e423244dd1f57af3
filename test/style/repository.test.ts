import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { EXPLAINED } from '../conformance/eureka-recorded/explained.ts';
import { EXPLAINED_CALLS, EXPLAINED_REQUESTS } from '../conformance/sofa-recorded/explained.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const FILES = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: ROOT, encoding: 'utf8' })
  .split('\n')
  .filter((file) => file !== '' && existsSync(join(ROOT, file)));
const SOURCES = FILES.filter((file) => /^(core|adapters|deploy|test|bench|tools)\/.*\.(ts|mjs)$/.test(file));
const PAGES = FILES.filter((file) => file.endsWith('.md') && !file.startsWith('test/vectors/'));
/** Built from parts, so that this file does not find itself. */
const MARKERS = new RegExp(`\\b(${['TO', 'FIX', 'XX'].map((start, i) => start + ['DO', 'ME', 'X'][i]).join('|')})\\b`);
const MACHINE_PATHS = new RegExp(`(^|[^A-Za-z0-9_.])/(${['wo' + 'rk', 'ro' + 'ot', 'fa' + 'rm'].join('|')})/`);

describe('the repository', () => {
  it('has no source file above 800 lines', () => {
    expect(SOURCES.filter((file) => read(file).split('\n').length > 800)).toEqual([]);
  });

  it('has no marker of unfinished work', () => {
    expect(SOURCES.filter((file) => MARKERS.test(read(file)))).toEqual([]);
  });

  it('names no path of the machine it was written on', () => {
    const texts = FILES.filter((file) => !file.startsWith('test/vectors/') && file !== 'package-lock.json');
    expect(texts.filter((file) => MACHINE_PATHS.test(read(file)))).toEqual([]);
  });

  it('has a lockfile that names no registry', () => {
    expect(read('package-lock.json')).not.toContain('"resolved": "http');
  });

  it('skips no test', () => {
    const pattern = new RegExp(`\\b(it|test|describe)\\.(${['sk' + 'ip', 'on' + 'ly', 'to' + 'do'].join('|')})\\b`);
    expect(SOURCES.filter((file) => file.startsWith('test/') && pattern.test(read(file)))).toEqual([]);
  });
});

describe('the pages', () => {
  it('have one title each', () => {
    const titles = (file: string) =>
      read(file)
        .replace(/```[\s\S]*?```/g, '')
        .match(/^# /gm)?.length ?? 0;
    expect(PAGES.filter((file) => titles(file) !== 1)).toEqual([]);
  });

  it('link to files that exist', () => {
    const broken = PAGES.flatMap((file) =>
      [...read(file).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)[^)]*\)/g)]
        .map((match) => normalize(join(dirname(file), match[1] ?? '')))
        .filter((target) => !existsSync(join(ROOT, target)))
        .map((target) => `${file} -> ${target}`),
    );
    expect(broken).toEqual([]);
  });

  it('name only source files that exist', () => {
    const unknown = PAGES.flatMap((file) =>
      [...read(file).matchAll(/`((?:core|adapters|deploy|test|docs|tools|bench)\/[\w./-]+)`/g)]
        .map((match) => match[1] ?? '')
        .filter((path) => !existsSync(join(ROOT, path)))
        .map((path) => `${file} -> ${path}`),
    );
    expect(unknown).toEqual([]);
  });

  it('name only classes and methods that exist, where the architecture follows a registration', () => {
    const sources = SOURCES.filter((file) => /^(core|adapters|deploy)\//.test(file)).map(read);
    const isThere = (owner: string, member: string) =>
      sources.some(
        (text) =>
          new RegExp(`\\b(class|interface|const|type) ${owner}\\b`).test(text) && new RegExp(`(^|[^\\w#])${member}\\b`, 'm').test(text),
      );
    const unknown = [...read('docs/architecture.md').matchAll(/`([A-Z]\w+)(?:\.(#?\w+))?`/g)]
      .filter(([, owner = '', member = owner]) => !isThere(owner, member))
      .map(([whole]) => whole);
    expect(unknown).toEqual([]);
  });

  it('explain each difference from a real Eureka server as the replay does', () => {
    const rows = read('docs/protocols/eureka.md').matchAll(/^\| (`[^|]*`) \| ([^|]+) \|$/gm);
    const told = [...rows].flatMap(([, cases = '', reason = '']) =>
      [...cases.matchAll(/`([^`]+)`/g)].map((match) => [match[1] ?? '', reason]),
    );
    const explained = Object.fromEntries(told.filter(([name]) => name !== undefined && !/[ /]/.test(name)));
    expect(explained).toEqual(EXPLAINED);
  });

  it('explain each difference from a real SOFARegistry as the replay does', () => {
    const [, section = ''] = read('docs/protocols/sofa-bolt.md').split('## Differences from the recorded server');
    const rows = (section.split('\n## ')[0] ?? '').matchAll(/^\| (`[^|]*`) \| ([^|]+) \|$/gm);
    const told = [...rows].flatMap(([, names = '', reason = '']) =>
      [...names.matchAll(/`([^`]+)`/g)].map((match) => [match[1] ?? '', reason] as const),
    );
    expect(new Map(told)).toEqual(new Map([...EXPLAINED_REQUESTS, ...EXPLAINED_CALLS]));
  });

  it('name only scripts that exist', () => {
    const scripts = new Set(Object.keys((JSON.parse(read('package.json')) as { scripts: Record<string, string> }).scripts));
    const unknown = PAGES.flatMap((file) =>
      [...read(file).matchAll(/npm run ([a-z0-9:-]+)/g)].map((match) => match[1] ?? '').filter((script) => !scripts.has(script)),
    );
    expect(unknown).toEqual([]);
  });
});

function read(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}
