import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/**
 * Makes a folder, and those above it that are missing. Node's own way to do that never ends where the system refuses a folder with the
 * error of a missing one above it, as in `/proc`.
 *
 * @throws the system's error when it cannot be made.
 */
export function makeFolder(path: string): void {
  if (existsSync(path)) return;
  makeFolder(dirname(resolve(path)));
  try {
    mkdirSync(path);
  } catch (caught) {
    // Another process may have made it meanwhile.
    if (!hasCode(caught, 'EEXIST')) throw caught;
  }
}

/** The text of a file, undefined when there is none. @throws the system's error when it cannot be read. */
export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (caught) {
    if (hasCode(caught, 'ENOENT')) return undefined;
    throw caught;
  }
}

function hasCode(caught: unknown, code: string): boolean {
  return caught instanceof Error && 'code' in caught && caught.code === code;
}
