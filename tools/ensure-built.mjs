// Builds dist/ when that is possible; without the compiler an existing dist/ is used as it is. Says in one sentence what is missing.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const compiler = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', import.meta.url));
const main = fileURLToPath(new URL('../dist/deploy/main.js', import.meta.url));
const dependencies = fileURLToPath(new URL('../node_modules/ajv/package.json', import.meta.url));

if (!existsSync(dependencies)) {
  console.error('The dependencies of Isthmus are not installed; run "npm ci" first.');
  process.exit(1);
}
if (existsSync(compiler)) {
  const { status } = spawnSync(process.execPath, [compiler, '-b'], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) process.exit(1);
} else if (!existsSync(main)) {
  console.error('Isthmus is not built and the compiler is not installed; run "npm ci" (with development dependencies) first.');
  process.exit(1);
}
