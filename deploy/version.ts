import { readFileSync } from 'node:fs';

/** The version of the package; the file lies beside `deploy/` in sources and two levels up in `dist/deploy/`. */
export function readVersion(): string {
  for (const path of ['../package.json', '../../package.json']) {
    try {
      const parsed: unknown = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
      if (typeof parsed === 'object' && parsed !== null && 'version' in parsed && 'name' in parsed && parsed.name === 'isthmus')
        return String(parsed.version);
    } catch (caught) {
      if (!(caught instanceof Error && 'code' in caught && caught.code === 'ENOENT')) throw caught;
    }
  }
  return 'unknown';
}
