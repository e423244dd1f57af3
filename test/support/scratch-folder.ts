import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** An empty folder of this test alone. `remove` takes it away with everything in it. */
export interface ScratchFolder {
  readonly path: string;
  remove(): void;
}

export function scratchFolder(): ScratchFolder {
  const path = mkdtempSync(join(tmpdir(), 'isthmus-contract-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
