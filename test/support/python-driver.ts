import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/conformance', import.meta.url));
const run = promisify(execFile);

/** Makes a virtual environment with what `requirements.txt` of a folder names, once per content, and returns its Python. */
export async function buildPythonDriver(folder: string): Promise<string> {
  const requirements = join(folder, 'requirements.txt');
  const hash = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 16);
  const built = join(CACHE, `python-${hash}`);
  if (!existsSync(built)) {
    const building = `${built}.building`;
    rmSync(building, { recursive: true, force: true });
    await run('python3', ['-m', 'venv', building]);
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--only-binary=:all:', '-r', requirements];
    await run(join(building, 'bin/python'), pip);
    renameSync(building, built);
  }
  return join(built, 'bin/python');
}
