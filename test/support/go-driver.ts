import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/conformance', import.meta.url));

/** Builds the Go module of a folder, once per content, and returns the program. */
export async function buildGoDriver(folder: string): Promise<string> {
  const hash = createHash('sha256');
  for (const file of ['go.mod', 'go.sum', 'main.go']) hash.update(readFileSync(join(folder, file)));
  const built = join(CACHE, `go-${hash.digest('hex').slice(0, 16)}`);
  if (!existsSync(built)) {
    mkdirSync(CACHE, { recursive: true });
    // The newest language version of go.mod is enough; a toolchain is never downloaded.
    const env = { GOTOOLCHAIN: 'local', GOFLAGS: '-mod=readonly' };
    await promisify(execFile)('env', [...Object.entries(env).map(([key, value]) => `${key}=${value}`), 'go', 'build', '-o', built, '.'], {
      cwd: folder,
    });
  }
  return built;
}
