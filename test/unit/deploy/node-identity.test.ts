import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createNodeRandom } from '../../../core/index.ts';
import { readNodeId } from '../../../deploy/node-identity.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'isthmus-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const random = createNodeRandom();
const fileOf = (dataDir: string) => join(dataDir, 'node-id');

it('a node has the id of its folder, which is made with it at the first start', () => {
  const dataDir = join(folder, 'a', 'b');
  const id = readNodeId(dataDir, random);
  expect(id).toMatch(/^n-[0-9a-f]{8}$/);
  expect(readNodeId(dataDir, random)).toBe(id);
});

it('an id that was cut off by a crash is made anew', () => {
  writeFileSync(fileOf(folder), '');
  expect(readNodeId(folder, random)).toMatch(/^n-/);
});

it('what is no id is refused and left as it is', () => {
  writeFileSync(fileOf(folder), 'Node 1\n');
  expect(() => readNodeId(folder, random)).toThrow('holds "Node 1", which is no node id; allowed: 1 to 64 of a to z, 0 to 9 and -');
  expect(readFileSync(fileOf(folder), 'utf8')).toBe('Node 1\n');
});
