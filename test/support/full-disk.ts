import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A way to make a folder run out of room and to give it room again. */
export interface FullDisk {
  fill(): void;
  free(): void;
  remove(): void;
}

/** A file system of its own with a few megabytes. undefined where that needs rights this user does not have. */
export function mountSmallDisk(folder: string, megabytes: number): FullDisk | undefined {
  if (process.getuid?.() !== 0) return undefined;
  mkdirSync(folder, { recursive: true });
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder], { stdio: 'ignore' });
  if (status !== 0) return undefined;
  const ballast = join(folder, 'ballast');
  return {
    fill: () => fillUp(ballast),
    free: () => rmSync(ballast, { force: true }),
    // Lazily: a process that is just being killed may still hold a file.
    remove: () => execFileSync('umount', ['--lazy', folder]),
  };
}

/** From now on no file of the process may grow, so that each of its writes fails. Needs no rights for one's own processes. */
export function limitFileSizeOf(pid: number): FullDisk {
  const limit = (bytes: string) => execFileSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:`]);
  return { fill: () => limit('1'), free: () => limit('unlimited'), remove: () => undefined };
}

function fillUp(path: string): void {
  const chunk = Buffer.alloc(4_096, 1);
  for (;;) {
    try {
      writeFileSync(path, chunk, { flag: 'a' });
    } catch (caught) {
      if (caught instanceof Error && 'code' in caught && caught.code === 'ENOSPC') return;
      throw caught;
    }
  }
}
