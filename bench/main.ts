// Benchmarks from the command line: npm run bench -- bolt [NAME...] [--peers] [--scale 0.1] [--json FILE] [--profile FOLDER]
import { mkdirSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Arguments } from '../tools/arguments.ts';
import { type Bench, type Figure, figureRecords, figureTable } from './support/figures.ts';

/** Suites are loaded when they are asked for. */
const SUITES: Readonly<Record<string, () => Promise<readonly Bench[]>>> = {
  eureka: async () => (await import('./eureka/index.ts')).eurekaBenches,
  bolt: async () => (await import('./bolt/index.ts')).boltBenches,
  cluster: async () => (await import('./cluster/index.ts')).clusterBenches,
};

const usage = `npm run bench -- ${Object.keys(SUITES).join('|')} [NAME...] [--peers] [--scale 0.1] [--json FILE] [--profile FOLDER]`;
const asked = new Arguments(usage, {
  allowPositionals: true,
  options: {
    peers: { type: 'boolean', default: false },
    scale: { type: 'string', default: '1' },
    json: { type: 'string' },
    profile: { type: 'string' },
  },
});
const { values } = asked;
const [suite = '', ...names] = asked.positionals;
const load = SUITES[suite] ?? asked.refuse(suite === '' ? 'which suite?' : `there is no suite ${suite}`);
const benches = await load();
const unknown = names.filter((name) => !benches.some((bench) => bench.name === name));
if (unknown.length > 0) {
  console.error(`there is no ${unknown.join(', ')}; there are:\n${benches.map(({ name, about }) => `  ${name}: ${about}`).join('\n')}`);
  process.exit(2);
}

const scale = Number(values.scale);
if (!(scale > 0 && scale <= 1)) asked.refuse(`--scale: ${JSON.stringify(values.scale)} is not allowed; allowed: above 0, at most 1`);
const scaled = (size: number) => Math.max(1, Math.round(size * scale));
const profileDir = values.profile === undefined ? undefined : resolve(values.profile);
if (profileDir !== undefined) mkdirSync(profileDir, { recursive: true });
const figures: Figure[] = [];
for (const bench of benches) {
  if (names.length > 0 && !names.includes(bench.name)) continue;
  const startedMs = performance.now();
  const say = (text: string) => console.error(`  ${text}`);
  console.error(`${bench.name}: ${bench.about}`);
  figures.push(...(await bench.run({ withPeers: values.peers, profileDir, scaled, say })));
  console.error(`  ${((performance.now() - startedMs) / 1_000).toFixed(1)} s`);
}
console.log(figureTable(figures));
const result = { suite, scale, node: process.version, figures: figureRecords(figures) };
console.log(JSON.stringify(result));
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(result, null, 2)}\n`);
